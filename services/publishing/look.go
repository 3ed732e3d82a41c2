// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// stop is why no call is made after all.
type stop struct {
	event palinsesto.PostEvent
	next  palinsesto.Post
	why   string
}

// situation is what could forbid a call.
type situation struct {
	holds   palinsesto.Holds
	seg     palinsesto.Segnalazione
	channel palinsesto.Channel
}

// situation reads it in one request, at a state of the log that includes p.
func (w *worker) situation(ctx context.Context, p post) (now situation, err error) {
	records, err := w.Bus.Newest(ctx, p.Seq, contract.HoldSubject,
		contract.SegSubject(p.State.Centre, p.State.Segnalazione), contract.ChannelSubject(w.channel.ID))
	if err != nil {
		return now, fmt.Errorf("second look: %w", err)
	}
	for _, r := range records {
		if err := w.add(&now, r); err != nil {
			return now, fmt.Errorf("second look: %w", err)
		}
	}
	return now, nil
}

func (w *worker) add(n *situation, r bus.Record) error {
	a, err := contract.ParseSubject(r.Subject)
	if err != nil {
		return err
	}
	switch a.Aggregate {
	case contract.AggregateHold:
		e, err := w.holds.decode(contract.Holds, r)
		n.holds = e.Standing
		return err
	case contract.AggregateSeg:
		n.seg, err = w.variants.decode(r)
		return err
	default:
		n.channel, err = w.state.decode(contract.Channels, r)
		return err
	}
}

// lastRead remembers what was read last of an aggregate that every look reads and that seldom changes.
type lastRead[T any] struct {
	mu    sync.Mutex
	at    moment
	state T
}

// moment tells one record from all others, also on a log that was put back and went on otherwise.
type moment struct {
	seq  uint64
	time int64
}

func momentOf(r bus.Record) moment { return moment{r.Seq, r.Time.UnixNano()} }

func (l *lastRead[T]) decode(c contract.Codec[T], r bus.Record) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == momentOf(r) {
		return l.state, nil
	}
	e, err := bus.Decode(c, r)
	if err == nil {
		l.at, l.state = momentOf(r), e.State
	}
	return e.State, err
}

// lookAgain looks, after the intent stands, at what could forbid the call. Those who stop append first
// and read the posts afterwards; so one side always sees the other, whichever came first.
func (w *worker) lookAgain(ctx context.Context, p post) (*stop, error) {
	now, err := w.situation(ctx, p)
	if err != nil {
		return nil, err
	}
	return w.forbids(p.State, now), nil
}

func (w *worker) forbids(p palinsesto.Post, at situation) *stop {
	now := w.Clock()
	a := *p.Attempt // not the one that the caller holds
	a.Verdict = "stopped"
	p.Attempt = &a
	if at.seg.ExpiredAt(now) {
		return &stop{palinsesto.PostWasMissed, p.Miss(true), "scaduta"}
	}
	// The same text approved again, for another moment: scheduling queues it anew, this one is over.
	if !at.seg.Publishable(p.Channel, p.Hash, now) || at.seg.Version != p.Approved {
		return &stop{palinsesto.PostWasCancelled, p.Cancel(), "la segnalazione non è più approvata così"}
	}
	if h, held := at.holds.Stops(p, at.seg.Tags); held {
		return &stop{palinsesto.PostWasHeld, p.HoldBy(h.ID), h.Reason}
	}
	if !at.channel.Takes() {
		return &stop{palinsesto.PostWasHeld, p.HoldBy(palinsesto.HoldOfChannel(p.Channel)), at.channel.Reason}
	}
	// The index tells it too, before the intent; it may have been wiped since.
	if wait := at.channel.NotBefore.Sub(now); wait > 0 {
		p.Cause, p.Problem = "not_before", "La rete ha chiesto di aspettare: nessun invio è stato fatto."
		v := w.again(p, wait)
		return &stop{v.event, v.state, v.why}
	}
	return nil
}

// standDown takes the intent back: no call was made.
func (w *worker) standDown(ctx context.Context, p post, s stop) error {
	return staleIsDone(w.insist(ctx, func() error {
		_, err := w.put(ctx, p, s.event, s.why, s.next)
		return err
	}))
}

// withoutContent handles a post whose approved content cannot be read as the post names it.
func (w *worker) withoutContent(ctx context.Context, p post, err error) error {
	if errors.Is(err, errNotApproved) {
		_, err = w.put(ctx, p, palinsesto.PostWasCancelled, "la segnalazione non è più approvata così", p.State.Cancel())
		return staleIsDone(err)
	}
	if errors.Is(err, errAltered) {
		return w.unprepared(ctx, p, &channel.Error{Verdict: channel.Permanent, Cause: "content_altered",
			Text: "Il contenuto conservato non è quello approvato: non si pubblica. Rivedere la segnalazione e approvarla di nuovo.", Err: err})
	}
	return err
}
