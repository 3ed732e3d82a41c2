// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// counts are what one connection has done since it was made.
type counts struct {
	stored, stale, failed atomic.Uint64 // appends, by what became of them
	batches, batched      atomic.Uint64 // atomic batches, and the appends in them
	consumers             sync.Map      // name -> *consumed
}

// Appends says what became of this connection's appends.
type Appends struct{ Stored, Stale, Failed, Batches, Batched uint64 }

// Appends counts since the connection was made.
func (b *Bus) Appends() Appends {
	c := &b.counts
	return Appends{c.stored.Load(), c.stale.Load(), c.failed.Load(), c.batches.Load(), c.batched.Load()}
}

func (c *counts) appended(err error) {
	switch {
	case err == nil:
		c.stored.Add(1)
	case errors.Is(err, ErrStale):
		c.stale.Add(1)
	default:
		c.failed.Add(1)
	}
}

// consumed counts what became of one consumer's events in this process.
type consumed struct {
	cons                           jetstream.Consumer
	handled, later, failed, buried atomic.Uint64
}

// Consumed says how one consumer of this process is.
type Consumed struct {
	Name                           string
	Handled, Later, Failed, Buried uint64 // in this process
	Pending                        uint64 // of all copies: on the log and not delivered
	Unacknowledged                 int    // of all copies: delivered, and neither done nor given back for good
	Known                          bool   // the log could be asked for the last two
}

func (b *Bus) consuming(name string, cons jetstream.Consumer) *consumed {
	c := &consumed{cons: cons}
	if old, ok := b.counts.consumers.Swap(name, c); ok { // the room was started again: counters only grow
		o, _ := old.(*consumed)
		c.handled.Store(o.handled.Load())
		c.later.Store(o.later.Load())
		c.failed.Store(o.failed.Load())
		c.buried.Store(o.buried.Load())
	}
	return c
}

const (
	askAtOnce = 8
	askWait   = time.Second
)

// Consumers asks the log how far each consumer of this process has come.
func (b *Bus) Consumers(ctx context.Context) []Consumed {
	var all []Consumed
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(askAtOnce)
	b.counts.consumers.Range(func(key, value any) bool {
		name, _ := key.(string)
		c, ok := value.(*consumed)
		if !ok {
			return true
		}
		g.Go(func() error {
			x := c.ask(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, x)
			return nil
		})
		return true
	})
	_ = g.Wait() // nothing fails: what is not known is not told
	return all
}

func (c *consumed) ask(ctx context.Context, name string) Consumed {
	x := Consumed{Name: name, Handled: c.handled.Load(), Later: c.later.Load(), Failed: c.failed.Load(), Buried: c.buried.Load()}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	if info, err := c.cons.Info(ctx); err == nil {
		x.Pending, x.Unacknowledged, x.Known = info.NumPending, info.NumAckPending, true
	}
	return x
}

// Size is how many bytes the log takes on the server's disk.
func (b *Bus) Size(ctx context.Context) (uint64, error) {
	info, err := b.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.Bytes, nil
}

// TimeAt is when the event at a sequence was appended; ErrNone where there is none any more.
func (b *Bus) TimeAt(ctx context.Context, seq uint64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	m, err := b.stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, ErrNone
	}
	if err != nil {
		return time.Time{}, err
	}
	return m.Time, nil
}
