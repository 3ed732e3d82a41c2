// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/palinsesto/palinsesto/services/contract"
)

// PutOptions say how a file is brought back.
type PutOptions struct {
	Replicas int            // of every stream; 0: as it was
	Tell     func(Progress) // may be nil
}

// Put brings the streams back into a NATS that has none of ours. What fails takes back what it did.
func (a *Archive) Put(ctx context.Context, to Streams, o PutOptions) error {
	there, err := to.Any(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("la destinazione contiene già i dati di una casa (%s): si ripristina solo dove non c'è nulla (%w)", strings.Join(there, ", "), ErrNotEmpty)
	}
	p := &putting{a: a, to: to, o: o}
	// The log last: where it is, a house is; what it names must be there before.
	if err = p.pass(ctx, false); err == nil {
		err = p.pass(ctx, true)
	}
	if err == nil {
		return nil
	}
	undo := context.WithoutCancel(ctx)
	for _, name := range p.done {
		if rerr := to.Remove(undo, name); rerr != nil {
			err = errors.Join(err, fmt.Errorf("%s è rimasto a metà: toglierlo (left behind): %w", name, rerr))
		}
	}
	return fmt.Errorf("il ripristino non è riuscito e quello che era stato scritto è stato tolto (the restore failed and was undone): %w", err)
}

type putting struct {
	a    *Archive
	to   Streams
	o    PutOptions
	done []string
}

// pass puts the log, or all but the log.
func (p *putting) pass(ctx context.Context, log bool) error {
	return p.a.walk(ctx, func(_ int, name string, r io.Reader) error {
		for i, e := range p.a.Streams {
			if name == e.Name+"/"+snapshotName && log == (e.Name == contract.Stream) {
				tell := teller(p.o.Tell, Progress{Stream: e.Name, Number: i + 1, Of: len(p.a.Streams), Total: e.Size})
				return p.put(ctx, e, io.TeeReader(r, told(tell)))
			}
		}
		return nil
	})
}

func (p *putting) put(ctx context.Context, e Entry, r io.Reader) error {
	err := p.to.Put(ctx, e.stream(), p.o.Replicas, &checked{r: r, want: e})
	if err == nil {
		p.done = append(p.done, e.Name)
	}
	return err
}
