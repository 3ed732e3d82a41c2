// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// next is what a verdict makes of a post.
type next struct {
	event palinsesto.PostEvent
	state palinsesto.Post
	why   string
}

// settle writes the verdict of an attempt down, and does not give up while the house runs: what
// happened on the network must not be forgotten because the log was away for a moment.
func (w *worker) settle(ctx context.Context, p post, out outcome) error {
	v := w.judge(p.State, out)
	w.tell(ctx, v.state)
	if err := w.tellChannel(ctx, out.err); err != nil {
		w.Log.Warn("channel state not written", "channel", w.channel.ID, "error", err)
	}
	failpoint.Hit("publishing.before-verdict")
	err := w.insist(ctx, func() error { _, err := w.put(ctx, p, v.event, v.why, v.state); return err })
	failpoint.Hit("publishing.after-verdict")
	if errors.Is(err, bus.ErrStale) {
		return w.insist(ctx, func() error { return w.settleLate(ctx, p, out) })
	}
	return err
}

// insistFor bounds how long a verdict is held in memory while the log is away; afterwards the lapsed
// lease makes the post uncertain.
const insistFor = 2 * time.Minute

func (w *worker) insist(ctx context.Context, put func() error) error {
	ctx, cancel := context.WithTimeout(ctx, insistFor)
	defer cancel()
	for {
		err := put()
		if err == nil || errors.Is(err, bus.ErrStale) || bus.IsDrop(err) {
			return err
		}
		w.Log.Warn("verdict not written yet", "channel", w.channel.ID, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// errBehind: a replica of the log that lags does not show yet who moved the post.
var errBehind = errors.New("publishing: read before the post was moved on")

// errMoved: the post was moved between being read and being written.
var errMoved = errors.New("publishing: the post was moved meanwhile")

// settleLate brings a verdict home after somebody gave this worker up: what it knows for certain
// still counts, as long as nobody has settled the attempt.
func (w *worker) settleLate(ctx context.Context, mine post, out outcome) error {
	cur, err := bus.Load(ctx, w.Bus, contract.Posts, mine.Subject)
	if err != nil {
		return err
	}
	if cur.Seq <= mine.Seq {
		return errBehind
	}
	a := cur.State.Attempt
	if cur.State.State != palinsesto.PostUncertain || a == nil || a.Number != mine.State.Attempt.Number {
		w.Log.Warn("late verdict not needed", "post", cur.State.ID, "state", cur.State.State)
		return nil
	}
	v := w.judge(cur.State, out)
	if v.event == palinsesto.PostWasUncertain || v.event == palinsesto.PostWasHeld || v.event == palinsesto.PostWasMissed {
		return nil // nothing more is known than before
	}
	v.state.Attempt.Settle(palinsesto.SettledByLate, w.Clock(), v.state.Attempt.Raw, "risposta arrivata in ritardo a "+w.Worker)
	_, err = w.put(ctx, cur, v.event, "risposta arrivata in ritardo", v.state)
	if errors.Is(err, bus.ErrStale) {
		return errMoved // settled by somebody, or looked for in vain: then this still counts
	}
	if err == nil {
		w.Metrics.Settled(w.channel.ID, string(palinsesto.SettledByLate))
	}
	return err
}

// judge turns the outcome of a call into the next state.
func (w *worker) judge(p palinsesto.Post, out outcome) next {
	a := *p.Attempt
	p.Attempt, a.Took = &a, out.took
	if out.err == nil {
		a.Verdict, a.Status, a.Raw = string(channel.Posted), out.receipt.Status, out.receipt.Raw
		return w.posted(p, out.receipt)
	}
	e := channel.Judge(out.err)
	a.Verdict, a.Status, a.Raw = string(e.Verdict), e.Status, e.Raw
	p.Cause, p.Problem = e.Cause, e.Text
	switch e.Verdict {
	case channel.NotSent:
		return w.again(p, w.backoff(p.Retries))
	case channel.RetryAfter:
		return w.again(p, w.after(e))
	case channel.Permanent:
		p.State = palinsesto.PostFailed
		return next{palinsesto.PostWasFailed, p, e.Text}
	case channel.Reconnect:
		return next{palinsesto.PostWasHeld, p.HoldBy(palinsesto.HoldOfChannel(p.Channel)), e.Text}
	default:
		p.State = palinsesto.PostUncertain
		return next{palinsesto.PostWasUncertain, p, e.Text}
	}
}

// posted notes what is out, and asks for the next part if there is one.
func (w *worker) posted(p palinsesto.Post, r channel.Receipt) next {
	p = p.PartOut(p.Attempt.Part, palinsesto.PartState{RemoteIDs: r.RemoteIDs, Link: r.Link}, r.At)
	if p.State == palinsesto.PostDue {
		return next{palinsesto.PostWasPrepared, p, ""}
	}
	return next{palinsesto.PostWasPosted, p, ""}
}

// again gives the post a new due time, as long as the grace and the expiry allow it.
func (w *worker) again(p palinsesto.Post, wait time.Duration) next {
	due := w.Clock().Add(wait)
	expired := !p.Expires.IsZero() && due.After(p.Expires)
	if expired || p.Late(due, w.cfg.Publishing.GraceOf(string(p.Kind))) {
		cause, text := p.Cause, p.Problem
		p = p.Miss(expired)
		if !expired {
			p.Cause, p.Problem = cause, text // what kept it back says more than that it is late
		}
		return next{palinsesto.PostWasMissed, p, p.Problem}
	}
	p.State, p.Due = palinsesto.PostRetrying, due
	p.Retries++
	return next{palinsesto.PostWasRetrying, p, p.Problem}
}

func (w *worker) backoff(tries int) time.Duration {
	r := w.cfg.Publishing.Retry
	return backoff(r.First, r.Max, r.Factor, r.Jitter, tries)
}

// backoff doubles, or whatever the factor says, up to a limit, and spreads by the jitter's share.
func backoff(first, limit time.Duration, factor, jitter float64, tries int) time.Duration {
	d := float64(first)
	for range min(tries, 30) {
		d = min(d*factor, float64(limit))
	}
	spread := 1 + jitter*(2*rand.Float64()-1)
	return time.Duration(d * spread)
}

// unprepared handles a preparation that failed: nothing was sent.
func (w *worker) unprepared(ctx context.Context, p post, err error) error {
	var e *channel.Error
	if !errors.As(err, &e) {
		return err // ours, such as a log that does not answer: the event comes again
	}
	err = unsent(err)
	if err := w.tellChannel(ctx, err); err != nil {
		return err
	}
	state := p.State
	state.Attempt = &palinsesto.Attempt{Number: state.Attempts, Part: state.NextPart(), Hash: state.Hash, Worker: w.Worker, Intended: w.Clock()}
	v := w.judge(state, outcome{err: err})
	w.tell(ctx, v.state)
	_, err = w.put(ctx, p, v.event, v.why, v.state)
	return staleIsDone(err)
}
