// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Limits of one atomic batch; the server's own limit is 1,000 messages (nats-server, ADR-50).
const (
	batchMessages = 500
	batchBytes    = 4 << 20
	batchWait     = 10 * time.Second
)

type pending struct {
	a      Append
	nonce  string
	unsure bool // it was sent, and what became of it is not known
	seq    uint64
	err    error
	done   chan struct{}
}

// group gathers concurrent appends into atomic batches, so that many share one flush to disk. It
// gathers only while a batch is under way: a lone append goes at once.
type group struct {
	b     *Bus
	in    chan *pending
	ended chan struct{}
}

func newGroup(b *Bus) *group {
	g := &group{b: b, in: make(chan *pending, 2*batchMessages), ended: make(chan struct{})}
	go g.run()
	return g
}

func (g *group) put(ctx context.Context, p *pending) error {
	select {
	case <-g.b.closed:
		return errClosed
	default:
	}
	select {
	case g.in <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-g.b.closed:
		return errClosed
	}
}

// outcome waits until p is told, also when its caller has lost patience: it may be on its way already.
// What was put while the bus closed, behind the last batch, nobody sends any more.
func (g *group) outcome(p *pending) error {
	select {
	case <-p.done:
		return p.err
	case <-g.ended:
	}
	select {
	case <-p.done:
		return p.err
	default:
		return errClosed
	}
}

var errClosed = errors.New("bus: closed")

func (g *group) wait() { <-g.ended }

// run takes what has come since the last batch and sends it, over and over.
func (g *group) run() {
	defer close(g.ended)
	var later []*pending // second events of one aggregate wait for the next batch
	for {
		batch := g.gather(later)
		if batch == nil {
			return
		}
		now, rest := distinct(batch)
		later = rest
		g.send(now)
	}
}

// gather blocks for the first append and takes all others that are there; nil when the bus closes.
func (g *group) gather(later []*pending) []*pending {
	batch := later
	if len(batch) == 0 {
		select {
		case p := <-g.in:
			batch = append(batch, p)
		case <-g.b.closed:
			return g.drain()
		}
	}
	size := 0
	for _, p := range batch {
		size += len(p.a.Data)
	}
	for len(batch) < batchMessages && size < batchBytes {
		select {
		case p := <-g.in:
			batch = append(batch, p)
			size += len(p.a.Data)
		default:
			return batch
		}
	}
	return batch
}

// drain serves what was put before the close; whoever puts later is refused.
func (g *group) drain() []*pending {
	var batch []*pending
	for {
		select {
		case p := <-g.in:
			batch = append(batch, p)
		default:
			return batch
		}
	}
}

// distinct keeps one event of each aggregate: in one batch the second would be checked against a
// sequence that does not exist yet, and all would be rejected; or, under another subject, taken for the
// first.
func distinct(batch []*pending) (now, later []*pending) {
	seen := make(map[string]struct{}, len(batch))
	for _, p := range batch {
		if _, twice := seen[p.a.guarded()]; twice {
			later = append(later, p)
			continue
		}
		seen[p.a.guarded()] = struct{}{}
		now = append(now, p)
	}
	return now, later
}

// send brings a batch to the log and tells each caller; it returns when all are told.
func (g *group) send(batch []*pending) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*batchWait)
	defer cancel()
	if len(batch) > 1 {
		err := g.atomic(ctx, batch)
		if err == nil {
			return
		}
		for _, p := range batch {
			p.unsure = !definite(err)
		}
	}
	// One stale guard rejects the whole batch, and an unknown outcome is cleared up one by one.
	var wg sync.WaitGroup
	for _, p := range batch {
		wg.Go(func() {
			p.seq, p.err = g.b.single(ctx, p)
			close(p.done)
		})
	}
	wg.Wait()
}

func (g *group) atomic(ctx context.Context, batch []*pending) error {
	ctx, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	msgs := make([]*nats.Msg, len(batch))
	for i, p := range batch {
		msgs[i] = p.message()
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, g.b.js, msgs,
		jetstreamext.BatchFlowControl{AckFirst: false, AckTimeout: requestWait})
	if err != nil {
		return err
	}
	g.b.counts.batches.Add(1)
	g.b.counts.batched.Add(uint64(len(batch)))
	first := ack.Sequence - uint64(len(batch)) + 1
	for i, p := range batch {
		p.seq = first + uint64(i)
		close(p.done)
	}
	return nil
}
