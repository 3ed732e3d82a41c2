// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// Mark is how far the log had come when it was last seen here. It lies outside the data folder, so that it
// does not go back with it.
type Mark struct {
	Log   string    `json:"log"`
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`    // of the event with that sequence: a log that went another way has another one there
	Place string    `json:"place"` // named also inside the data folder: a copied folder finds no mark of its name
}

const (
	markFile = "mark.json"
	mostMark = 64 << 10
)

// Outside is the folder of what is kept outside the data folder: the mark and the facts.
type Outside struct {
	dir  string
	mark Mark
}

// OpenOutside makes the folder where it is missing and reads the mark.
func OpenOutside(dir string) (*Outside, error) {
	if err := durable.Folder(dir); err != nil {
		return nil, fmt.Errorf("la cartella del segno di continuità %s non si può creare: indicarne un'altra con --state-dir (cannot make the state folder): %w", dir, err)
	}
	o := &Outside{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil && len(raw) > mostMark {
		err = errors.New("too long")
	}
	if err == nil {
		err = json.Unmarshal(raw, &o.mark)
	}
	if err != nil {
		return nil, fmt.Errorf("il segno di continuità in %s non si legge: controllare il disco; se è perso, togliere il file e riavviare, poi guardare i canali prima di pubblicare (the mark cannot be read): %w", dir, err)
	}
	return o, nil
}

// Compare says for people why the log is not the one that was last seen here; empty: it is, or nothing
// was ever seen. place is the name inside the data folder; empty where there is none.
func (o *Outside) Compare(ctx context.Context, b *bus.Bus, place string) (string, error) {
	last, err := b.LastSeq(ctx)
	if err != nil || last == 0 {
		return "", err // nothing is on it that could be done twice
	}
	log, err := b.LogID(ctx)
	if err != nil {
		return "", err
	}
	m, err := o.furthest(log)
	if err != nil {
		return "", err
	}
	switch {
	case m.Log == "" && place == "":
		return "", nil
	case m.Log == "" || m.Place != place && place != "":
		return "La cartella dei dati è una copia di quella di un'altra casa, oppure il suo segno di continuità è andato perso.", nil
	case m.Log != log:
		return "Il registro non è quello che qui si conosceva.", nil
	case last < m.Seq:
		return fmt.Sprintf("Il registro è tornato indietro: ha %d eventi, qui se ne erano visti %d.", last, m.Seq), nil
	case m.Seq == 0:
		return "", nil // it was empty when it was seen
	}
	at, err := b.Moment(ctx, m.Seq)
	if errors.Is(err, bus.ErrNone) {
		return "", nil // purged by an erasure
	}
	if err == nil && !at.Equal(m.At) {
		return fmt.Sprintf("Il registro è tornato indietro ed è proseguito per un'altra strada dall'evento %d in poi, o prima.", m.Seq), nil
	}
	return "", err
}

// furthest is the mark, or what was noted since it was written: it follows once a second, and a log that lost
// its last events on a full disk went back by less.
func (o *Outside) furthest(log string) (Mark, error) {
	m := o.mark
	if m.Log != log {
		return m, nil
	}
	facts, _, err := o.Facts(log, m.Seq)
	for _, f := range facts {
		// What was noted before the mark was last put is of a log that went another way.
		if f.Seq > m.Seq && f.At.After(m.At) {
			m.Seq, m.At = f.Seq, f.At
		}
	}
	return m, err
}

// Seen is how far the log had come.
func (o *Outside) Seen() uint64 { return o.mark.Seq }

// Adopt takes the log as it stands for the one that is known here, and returns the name to keep inside
// the data folder.
func (o *Outside) Adopt(ctx context.Context, b *bus.Bus) (place string, err error) {
	m := Mark{Place: rand.Text()}
	if m.Log, err = b.LogID(ctx); err != nil {
		return "", err
	}
	if m.Seq, err = b.LastSeq(ctx); err != nil {
		return "", err
	}
	if m.Seq > 0 {
		if m.At, err = b.Moment(ctx, m.Seq); err != nil && !errors.Is(err, bus.ErrNone) {
			return "", err
		}
	}
	return m.Place, o.write(m)
}

// Facts are what was noted of a log after a sequence.
func (o *Outside) Facts(log string, after uint64) ([]Fact, int, error) {
	return readFacts(o.dir, log, after)
}

const (
	crowd  = 100
	breath = 200 * time.Millisecond
)

func breathe(ctx context.Context) {
	t := time.NewTimer(breath)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// markEvery is how often the mark follows while much happens.
const markEvery = time.Second

// Follow notes what happens until ctx ends. What it cannot write is returned: the caller says so and
// tries again, and goes on from where the mark stands.
func (o *Outside) Follow(ctx context.Context, b *bus.Bus) error { return o.follow(ctx, b, 0) }

// CatchUp notes what is on the log and not noted yet: the last thing that a house does.
func (o *Outside) CatchUp(ctx context.Context, b *bus.Bus) error {
	last, err := b.LastSeq(ctx)
	if err != nil || last <= o.mark.Seq {
		return err
	}
	if err := o.follow(ctx, b, last); !errors.Is(err, errCaughtUp) {
		return errors.Join(err, ctx.Err())
	}
	return nil
}

var errCaughtUp = errors.New("caught up")

// follow notes up to a sequence, or for ever.
func (o *Outside) follow(ctx context.Context, b *bus.Bus, until uint64) error {
	written := time.Now()
	next := o.mark
	err := b.Follow(ctx, o.mark.Seq+1, nil, func(batch []bus.Record, pending uint64) error {
		if err := appendFacts(o.dir, factsOf(o.mark.Log, batch)); err != nil {
			return err
		}
		if len(batch) >= crowd && until == 0 {
			breathe(ctx) // one flush for many facts, while the log needs the disk
		}
		newest := batch[len(batch)-1]
		next.Seq, next.At = newest.Seq, newest.Time
		if until > 0 && newest.Seq >= until {
			return errCaughtUp
		}
		if pending > 0 && time.Since(written) < markEvery {
			return nil
		}
		written = time.Now()
		return o.write(next)
	})
	if next.Seq != o.mark.Seq {
		err = errors.Join(err, o.write(next))
	}
	return err
}

// write replaces the mark in one step. Two processes with one folder may both write it: the one that is
// behind does no harm, since an older mark of the same log is as true as a newer one.
func (o *Outside) write(m Mark) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := durable.Write(filepath.Join(o.dir, markFile), append(raw, '\n')); err != nil {
		return fmt.Errorf("il segno di continuità non si scrive (the mark cannot be written): %w", err)
	}
	o.mark = m
	return nil
}
