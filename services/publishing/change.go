// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// changeTries is how often an edit or a removal of which nobody knows what became is tried before a
	// person is asked to do it by hand. What surely did not happen is tried for as long as the grace, too.
	changeTries = 8
	// changeFirst is the pause after the first try; it doubles up to changePause.
	changeFirst = time.Second
	changePause = time.Minute
)

var errNoPower = &channel.Error{Verdict: channel.Permanent, Cause: "not_possible",
	Text: "Questa rete non permette di farlo da qui: intervenire a mano sul canale."}

// change edits or removes what is out, in the steps of section 6: prepare, intent, look again, call,
// verdict. Unlike publishing it may be repeated without harm, so a crash or a lost answer only means once
// more; what does not come about becomes a task for a person, and the post stays as it is.
func (w *worker) change(ctx context.Context, p post, d bus.Delivery) error {
	// One at a time: of two edits under way at once nobody could say which the network shows.
	if _, working := w.mine.LoadOrStore(p.Subject, struct{}{}); working {
		return bus.Later(time.Second, errors.New("this process is at it"))
	}
	defer w.mine.Delete(p.Subject)
	// Also a first delivery may be old news: an edit that a newer one has replaced is not to be made.
	p, err := bus.LoadAt(ctx, w.Bus, contract.Posts, p.Subject, d.Seq)
	if err != nil || p.Seq != d.Seq {
		return err
	}
	if p.State.Open() {
		return w.overtake(ctx, p)
	}
	if now, err := w.mayChange(ctx, p); !now || err != nil {
		return err
	}
	leave, err := w.enter(ctx)
	if err != nil {
		return bus.Later(0, err)
	}
	defer leave()
	calls, err := w.calls(ctx, p.State)
	if err != nil {
		p.State = w.changing(p.State)
		return w.settleChange(ctx, p, outcome{err: unsent(err)})
	}
	started := time.Now()
	p, err = w.put(ctx, p, asks(p.State), "", w.changing(p.State))
	if err != nil {
		return staleIsDone(err) // whoever moved it goes on
	}
	o, stands, err := w.obstacle(ctx, p)
	if err != nil {
		return w.settleChange(ctx, p, outcome{err: notSent("look_failed", "Il registro non rispondeva: nessun invio è stato fatto.", err)})
	}
	if stands {
		return w.standBack(ctx, p, o)
	}
	return w.settleChange(ctx, p, w.carryOut(ctx, calls, started))
}

// asks is the event that says that a change is asked for or under way.
func asks(p palinsesto.Post) palinsesto.PostEvent {
	if p.State == palinsesto.PostRemoving {
		return palinsesto.PostWasRemoving
	}
	return palinsesto.PostWasEditing
}

// changing is the state that says: this worker is about to change what is out.
func (w *worker) changing(p palinsesto.Post) palinsesto.Post {
	p.Attempts++
	p.Attempt = &palinsesto.Attempt{
		Number: p.Attempts, Hash: p.Wanted(), Worker: w.Worker, Intended: w.Clock(),
		Lasts: w.cfg.Publishing.CallDeadline + w.cfg.Publishing.CallTimeout,
	}
	return p
}

// overtake settles an intent that its worker has not brought to a verdict: the change is made again, once
// no call of that worker can be under way. The post is this process's now, so an intent of its own is of
// a handler that has ended.
func (w *worker) overtake(ctx context.Context, p post) error {
	a := p.State.Attempt
	left := w.cfg.Publishing.Lease + a.Lasts - w.seen.since(p.Seq)
	if a.Worker != w.Worker && !w.Sole && left > 0 {
		return bus.Later(left, errors.New("its worker may live"))
	}
	next := settled(p.State, "unknown")
	next.Retries++
	_, err := w.put(ctx, p, asks(next), "chi la stava facendo si è interrotto: si ripete", next)
	return staleIsDone(err)
}

// settled is p with a verdict on its open attempt.
func settled(p palinsesto.Post, verdict string) palinsesto.Post {
	a := *p.Attempt // not the one that the caller holds
	a.Verdict = verdict
	p.Attempt = &a
	return p
}

// mayChange tells whether the change is to be made now. Under a stop an edit is left as it is, and
// scheduling asks for it again when the stop is lifted.
func (w *worker) mayChange(ctx context.Context, p post) (bool, error) {
	wait, err := w.blocked(ctx)
	if a := p.State.Attempt; a != nil && p.State.Retries > 0 {
		wait = max(wait, a.Intended.Add(backoff(changeFirst, changePause, 2, 0, p.State.Retries-1)).Sub(w.Clock()))
	}
	if err != nil || wait > 0 {
		return false, bus.Later(min(wait, time.Minute), errors.Join(errors.New("not yet"), err))
	}
	o, stands, err := w.obstacle(ctx, p)
	switch {
	case err != nil || !stands:
		return err == nil, err
	case o.void:
		return false, w.standBack(ctx, p, o)
	case o.wait > 0:
		return false, bus.Later(min(o.wait, time.Minute), errors.New(o.why))
	default:
		return false, nil
	}
}

// obstacle is why a change is not made now.
type obstacle struct {
	why  string
	void bool          // what it leads to is not approved any more
	wait time.Duration // the network asked to be left alone
}

// obstacle looks, before the intent and after it, at what could forbid the change; a removal is allowed
// under any stop.
func (w *worker) obstacle(ctx context.Context, p post) (o obstacle, stands bool, err error) {
	now, err := w.situation(ctx, p)
	if err != nil {
		return o, false, err
	}
	if p.State.State == palinsesto.PostEditing {
		if !now.seg.Publishable(p.State.Channel, p.State.Wanted(), w.Clock()) {
			return obstacle{why: "la correzione non è più approvata: il post resta com'è", void: true}, true, nil
		}
		if h, held := now.holds.Stops(p.State, now.seg.Tags); held {
			return obstacle{why: h.Reason}, true, nil
		}
		if !now.channel.Takes() {
			return obstacle{why: now.channel.Reason}, true, nil
		}
	}
	if wait := now.channel.NotBefore.Sub(w.Clock()); wait > 0 {
		return obstacle{why: "la rete ha chiesto di aspettare", wait: wait}, true, nil
	}
	return o, false, nil
}

// standBack writes down that no call was made. An edit that is void leaves the post as it is out, and the
// next approval is compared with that.
func (w *worker) standBack(ctx context.Context, p post, o obstacle) error {
	next, event := p.State, asks(p.State)
	if next.Open() {
		next = settled(next, "stopped")
	}
	if o.void {
		next.State, next.Change, next.Retries, event = palinsesto.PostPosted, nil, 0, palinsesto.PostWasFailed
	}
	return staleIsDone(w.insist(ctx, func() error {
		_, err := w.put(ctx, p, event, o.why, next)
		return err
	}))
}

// carryOut makes the calls, unless the intent has grown old meanwhile.
func (w *worker) carryOut(ctx context.Context, calls []request, started time.Time) outcome {
	if age := time.Since(started); age > w.cfg.Publishing.CallDeadline {
		return outcome{err: notSent("late_worker", "Il processo si è fermato prima dell'invio: nessun invio è stato fatto.", nil)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	begun := time.Now()
	for _, call := range calls {
		if err := call(ctx); err != nil {
			return outcome{err: err, took: time.Since(begun)}
		}
	}
	return outcome{took: time.Since(begun)}
}
