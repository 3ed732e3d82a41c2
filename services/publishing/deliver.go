// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// ahead is how long a delivery may wait here for its minute; scheduling hands posts over some seconds
// before they are due, so that only intent, look and call are left for the moment itself.
const ahead = 4 * time.Second

// lead is how long before its moment a post takes a place to work: enough to prepare it.
const lead = 250 * time.Millisecond

// fresh is how old an event may be to be believed without reading its post again. Whether it is right
// decides nothing: the intent is guarded by the sequence.
const fresh = 2 * time.Second

// clockPause is how long a post is put back while this room's clock is not the log's.
const clockPause = time.Second

var errClock = errors.New("the clock differs from the log's")

// handle takes one event of the channel's posts.
func (w *worker) handle(ctx context.Context, d bus.Delivery) error {
	p, err := bus.Decode(contract.Posts, d.Record)
	if err != nil {
		return bus.Drop(err)
	}
	if a := p.State.Attempt; p.State.State == palinsesto.PostPublishing && a != nil && a.Worker == w.Worker {
		return nil // an intent of this very process, which brings it to its verdict
	}
	// A fresh event carries the state; a later delivery, or one read again at a start, may be old news.
	if d.Deliveries > 1 || w.Clock().Sub(d.Time) > fresh {
		if p, err = bus.LoadAt(ctx, w.Bus, contract.Posts, d.Subject, d.Seq); err != nil {
			return err
		}
	}
	switch p.State.State {
	case palinsesto.PostPublishing:
		if d.Event == string(palinsesto.PostWasPublishing) {
			// The intent's own event says nothing of its worker, whose signs of life are on the message of the
			// due before it: a slow call must not be judged by a copy that cannot see them.
			return w.lapse(ctx, p, w.cfg.Publishing.Lease+p.State.Attempt.Lasts)
		}
		return w.lapse(ctx, p, w.cfg.Publishing.Lease)
	case palinsesto.PostEditing, palinsesto.PostRemoving:
		return w.change(ctx, p, d)
	case palinsesto.PostDue:
		if p.Seq != d.Seq {
			return nil // a newer event is on its way to somebody
		}
		return w.deliver(ctx, p)
	default:
		return nil
	}
}

// deliver brings one part of a due post to its channel: section 6 of the design.
func (w *worker) deliver(ctx context.Context, p post) error {
	if _, working := w.mine.LoadOrStore(p.Subject, struct{}{}); working {
		return bus.Later(w.cfg.Publishing.Lease/3, errors.New("this process is at it"))
	}
	defer w.mine.Delete(p.Subject)

	if !w.clock.Agrees(ctx) {
		return bus.Later(clockPause, errClock)
	}
	// Never for long: scheduling hands over three seconds ahead, so a longer wait is that of a clock which
	// is off, and will be set.
	if wait := p.State.Due.Sub(w.Clock()); wait > ahead {
		return bus.Later(min(wait-ahead, ahead), errors.New("not due yet"))
	}
	if err := wait(ctx, w.stop, w.Clock, p.State.Due.Add(-lead)); err != nil {
		return bus.Later(0, err)
	}
	leave, err := w.enter(ctx)
	if err != nil {
		return bus.Later(0, err)
	}
	defer leave()
	// Before all else: what cannot be prepared, again and again, must come to an end too.
	if stop, err := w.tooLate(ctx, p); stop || err != nil {
		return err
	}
	if out, err := w.outOfTurn(ctx, p); out || err != nil {
		return err
	}
	variant, err := w.variants.find(ctx, p.State, p.Seq)
	if err != nil {
		return w.withoutContent(ctx, p, err)
	}
	prepared, err := w.prepare(ctx, p, variant)
	if err != nil {
		return w.unprepared(ctx, p, err)
	}
	failpoint.Hit("publishing.prepared")
	if err := wait(ctx, nil, w.Clock, p.State.Due); err != nil {
		return bus.Later(0, err)
	}
	if !w.clock.Agrees(ctx) { // it may have been set while the post waited
		return bus.Later(clockPause, errClock)
	}
	if stop, err := w.tooLate(ctx, p); stop || err != nil {
		return err
	}
	if wait, err := w.budget(ctx); err != nil || wait > 0 {
		return bus.Later(w.pause(p.State, wait), errors.Join(errors.New("no budget"), err))
	}

	started := time.Now() // monotonic: how old the intent is at the call
	failpoint.Hit("publishing.before-intent")
	p, err = w.put(ctx, p, palinsesto.PostWasPublishing, "", w.intent(p.State))
	if errors.Is(err, bus.ErrStale) {
		// Another worker won, or the post was withdrawn: whoever moved it goes on. One more look, in case
		// that was a worker that died with it.
		return bus.Later(time.Second, err)
	}
	if err != nil {
		return err
	}
	failpoint.Hit("publishing.after-intent")
	stopped, err := w.lookAgain(ctx, p)
	if err != nil {
		// No call was made and none will be: what the look could not tell is tried again from the start.
		return w.settle(ctx, p, outcome{err: notSent("look_failed", "Il registro non rispondeva: nessun invio è stato fatto.", err)})
	}
	if stopped != nil {
		return w.standDown(ctx, p, *stopped)
	}
	failpoint.Hit("publishing.before-call")
	late := w.Clock().Sub(p.State.Due)
	out := w.call(ctx, prepared, started)
	w.Metrics.Called(w.channel.Network, late, out.took)
	failpoint.Hit("publishing.after-call")
	return w.settle(ctx, p, out)
}

// prepare does what may be repeated. Media are fetched and checked, the request is built.
func (w *worker) prepare(ctx context.Context, p post, v palinsesto.Variant) (channel.Prepared, error) {
	i := p.State.NextPart()
	if i >= len(v.Parts) {
		return channel.Prepared{}, &channel.Error{Verdict: channel.Permanent, Cause: "parts_differ",
			Text: "Il contenuto approvato ha meno parti di quelle previste: approvarlo di nuovo.", Err: fmt.Errorf("post %s has no part %d", p.State.ID, i)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	return w.adapter.Prepare(ctx, w.delivery(p.State, i, v))
}

// delivery is one part on its way out: the same whenever it is made of the same post.
func (w *worker) delivery(p palinsesto.Post, i int, v palinsesto.Variant) channel.Delivery {
	return channel.Delivery{
		Post: p.ID, Number: i, Key: key(p, i), Part: v.Parts[i],
		ReplyTo: replyTo(p, i),
		Silent:  w.channel.Options.Silent(p.Due.In(w.cfg.Location())),
		Open:    func(ctx context.Context, hash string) (io.ReadCloser, error) { return w.Bus.OpenMedia(ctx, hash) },
	}
}

// key is the same for every try of one part of one content.
func key(p palinsesto.Post, part int) string {
	return palinsesto.DeriveID("key", p.ID, p.Hash, strconv.Itoa(part))
}

func replyTo(p palinsesto.Post, part int) string {
	if part == 0 || len(p.Parts[part-1].RemoteIDs) == 0 {
		return ""
	}
	return p.Parts[part-1].RemoteIDs[0]
}

// doze is how long a wait sleeps before it looks at the clock again: it may have been set meanwhile.
const doze = time.Second

// wait sleeps until a moment, to the millisecond and never less, unless it is told to stop.
func wait(ctx context.Context, stop <-chan struct{}, clock func() time.Time, until time.Time) error {
	for {
		left := until.Sub(clock())
		if left <= 0 {
			return nil
		}
		t := time.NewTimer(min(left, doze))
		select {
		case <-t.C:
		case <-stop:
			t.Stop()
			return errStopping
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// tooLate writes down that the moment has passed while the post waited here for budget.
func (w *worker) tooLate(ctx context.Context, p post) (bool, error) {
	now := w.Clock()
	late := p.State.Late(now, w.cfg.Publishing.GraceOf(string(p.State.Kind)))
	expired := !p.State.Expires.IsZero() && now.After(p.State.Expires)
	if !late && !expired {
		return false, nil
	}
	_, err := w.put(ctx, p, palinsesto.PostWasMissed, "", p.State.Miss(expired))
	return true, staleIsDone(err)
}

// hitch is how late a post may be and keep its turn on a channel with spacing.
const hitch = 10 * time.Second

// outOfTurn gives a post whose moment is long past back to scheduling, where its channel has a spacing:
// one after the other gets a moment anew, and a backlog does not burst.
func (w *worker) outOfTurn(ctx context.Context, p post) (bool, error) {
	if w.channel.Spacing <= 0 || p.State.AnyOut() || w.Clock().Sub(p.State.Due) <= hitch {
		return false, nil
	}
	if wait, err := w.blocked(ctx); err != nil || wait > 0 { // its new moment would pass too
		return true, bus.Later(w.pause(p.State, wait), errors.Join(errors.New("no budget"), err))
	}
	next := p.State
	next.State = palinsesto.PostQueued
	_, err := w.put(ctx, p, palinsesto.PostWasQueued, "il suo momento era passato: si rispetta la distanza fra i post del canale", next)
	return true, staleIsDone(err)
}

// pause is how long a post without budget is put back: no longer than until its grace is over, so that
// it is missed in time, and never so long that what else is waiting stands behind it.
func (w *worker) pause(p palinsesto.Post, wait time.Duration) time.Duration {
	left := p.FirstDue.Add(w.cfg.Publishing.GraceOf(string(p.Kind))).Sub(w.Clock())
	return max(50*time.Millisecond, min(wait, left+time.Millisecond, time.Minute))
}

// intent is the state that says: this worker is about to call.
func (w *worker) intent(p palinsesto.Post) palinsesto.Post {
	part := p.NextPart()
	p.State = palinsesto.PostPublishing
	p.Attempts++
	p.Attempt = &palinsesto.Attempt{
		Number: p.Attempts, Part: part, Key: key(p, part), Hash: p.Hash, Worker: w.Worker, Intended: w.Clock(),
		Lasts: w.cfg.Publishing.CallDeadline + w.cfg.Publishing.CallTimeout,
	}
	return p
}

// outcome is what one call came to.
type outcome struct {
	receipt channel.Receipt
	err     error
	took    time.Duration
}

// call makes the one request, unless the intent has grown old meanwhile: a worker that was paused
// must not call when others have given it up.
func (w *worker) call(ctx context.Context, p channel.Prepared, started time.Time) outcome {
	if age := time.Since(started); age > w.cfg.Publishing.CallDeadline {
		return outcome{err: notSent("late_worker", "Il processo si è fermato prima dell'invio: nessun invio è stato fatto.", nil)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	begun := time.Now()
	ctx, span := telemetry.Span(ctx, "call "+w.channel.Network, attribute.String("palinsesto.channel", w.channel.ID))
	receipt, err := w.adapter.Publish(ctx, p)
	if err != nil {
		e := channel.Judge(err)
		span.SetAttributes(attribute.String("palinsesto.cause", e.Cause), attribute.Int("http.response.status_code", e.Status))
		span.SetStatus(codes.Error, string(e.Verdict))
	}
	span.End()
	return outcome{receipt: receipt, err: err, took: time.Since(begun)}
}

func notSent(cause, text string, err error) error {
	return &channel.Error{Verdict: channel.NotSent, Cause: cause, Text: text, Err: err}
}

// staleIsDone: a lost race means that somebody else moved the post on.
func staleIsDone(err error) error {
	if errors.Is(err, bus.ErrStale) {
		return nil
	}
	return err
}
