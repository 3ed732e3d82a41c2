// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"sync"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var (
	errNotApproved = errors.New("publishing: this content is not what is approved now")
	// errAltered: the bytes do not give the hash under which they were approved.
	errAltered = errors.New("publishing: this content is not what its hash names")
)

// keepBytes bounds what is remembered of segnalazioni, counted as they stand on the log.
const keepBytes = 8 << 20

// variants reads approved contents, and remembers segnalazioni as they were last read: a segnalazione is
// read for each of its posts, before the intent and after it, and nearly always is the same. A
// remembered one is used only for the very record that was read, or for content that its hash names.
type variants struct {
	b    *bus.Bus
	mu   sync.Mutex
	by   map[string]known // by subject
	size int
}

type known struct {
	at   moment
	size int
	seg  palinsesto.Segnalazione
}

func newVariants(b *bus.Bus) *variants {
	return &variants{b: b, by: make(map[string]known)}
}

// find gives the content of a post, from a state of the log that includes sequence atLeast: an older one
// may lack the approval.
func (v *variants) find(ctx context.Context, p palinsesto.Post, atLeast uint64) (palinsesto.Variant, error) {
	x, ok := v.remembered(p)
	if !ok {
		var err error
		if x, err = v.load(ctx, p, atLeast); err != nil {
			return x, err
		}
	}
	// The hash is counted again from the bytes: what goes out is what was approved.
	if palinsesto.HashParts(x.Parts) != p.Hash {
		return palinsesto.Variant{}, errAltered
	}
	return x, nil
}

func (v *variants) load(ctx context.Context, p palinsesto.Post, atLeast uint64) (palinsesto.Variant, error) {
	records, err := v.b.Newest(ctx, atLeast, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil {
		return palinsesto.Variant{}, err
	}
	if len(records) == 0 {
		return palinsesto.Variant{}, errNotApproved
	}
	seg, err := v.decode(records[0])
	if err != nil {
		return palinsesto.Variant{}, err
	}
	x, ok := seg.Variant(p.Channel)
	if !ok || x.Hash != p.Hash {
		return palinsesto.Variant{}, errNotApproved
	}
	return x, nil
}

// historyMost bounds how far back earlier looks.
const historyMost = 1000

// earlier reads the content that a post went out with, which may be approved no more: it stands in the
// history of its segnalazione.
func (v *variants) earlier(ctx context.Context, p palinsesto.Post) (palinsesto.Variant, error) {
	if x, ok := v.remembered(p); ok {
		return x, nil
	}
	records, err := v.b.History(ctx, contract.SegSubject(p.Centre, p.Segnalazione), historyMost)
	if err != nil {
		return palinsesto.Variant{}, err
	}
	for _, r := range records {
		seg, err := bus.Decode(contract.Segnalazioni, r)
		if err != nil {
			return palinsesto.Variant{}, err
		}
		if x, ok := seg.State.Variant(p.Channel); ok && x.Hash == p.Hash {
			return x, nil
		}
	}
	return palinsesto.Variant{}, errNotApproved
}

// remembered is the content that a post names, if it was read before.
func (v *variants) remembered(p palinsesto.Post) (palinsesto.Variant, bool) {
	v.mu.Lock()
	k := v.by[contract.SegSubject(p.Centre, p.Segnalazione)]
	v.mu.Unlock()
	x, ok := k.seg.Variant(p.Channel)
	return x, ok && x.Hash == p.Hash
}

// decode reads a record of a segnalazione, unless just this one was read before.
func (v *variants) decode(r bus.Record) (palinsesto.Segnalazione, error) {
	v.mu.Lock()
	k, had := v.by[r.Subject]
	v.mu.Unlock()
	if had && k.at == momentOf(r) {
		return k.seg, nil
	}
	e, err := bus.Decode(contract.Segnalazioni, r)
	if err != nil {
		return e.State, err
	}
	v.keep(r, e.State)
	return e.State, nil
}

func (v *variants) keep(r bus.Record, seg palinsesto.Segnalazione) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.size += len(r.Data) - v.by[r.Subject].size
	v.by[r.Subject] = known{momentOf(r), len(r.Data), seg}
	if v.size > keepBytes {
		clear(v.by)
		v.size = 0
	}
}
