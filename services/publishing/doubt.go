// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Reconciliation: an uncertain attempt is looked up where the network can be asked, and settled by what is
// found; where the network honours idempotency keys the same is sent again (resend.go). What is not found
// stays uncertain: an empty read proves nothing, and a person may say so at any time.

const (
	// checkFirst is the pause after the first check; it doubles up to checkPause. checksMost of them take a
	// day: what a network has not shown by then it will not show.
	checkFirst = 10 * time.Second
	checkPause = time.Hour
	checksMost = 32
	// doubtsAtOnce bounds one pass: the rest has its turn in the next.
	doubtsAtOnce = 200
	// leadFor is how long the other copies leave a channel's doubts to the one that looks after them.
	leadFor = 3 * watchEvery
)

// The verdicts of a check that settled nothing; of a resend also those of a call.
const (
	checkNothing = "nothing"
	checkSeveral = "several" // messages that nobody else has: which one, or that it is doubled, a person says
	checkTwin    = "twin"    // another open post has the same content: the message may be its
	checkFailed  = "failed"
	checkStopped = "stopped"
)

// watchDoubts looks after the uncertain posts of a channel whose network can be asked, or takes keys.
func (w *worker) watchDoubts(ctx context.Context) error {
	_, finds := w.adapter.(channel.Finder)
	_, resends := w.adapter.(channel.KeyedResender)
	if !finds && !resends {
		return nil
	}
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		if err := w.settleDoubts(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrNoIndex) {
			w.Log.Warn("uncertain posts not looked through, tried again", "channel", w.channel.ID, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// settleDoubts goes through them once, on one copy of the room. That two look at once after all does no
// harm: what they find is written by compare-and-set.
func (w *worker) settleDoubts(ctx context.Context) error {
	mine, err := w.Index.Lead(ctx, "doubts:"+w.channel.ID, w.Worker, leadFor)
	if err != nil || !mine {
		return err
	}
	q := index.Query{Set: "post", Facets: []string{"state=" + string(palinsesto.PostUncertain), "channel=" + w.channel.ID},
		Limit: doubtsAtOnce, Ascending: true}
	page, err := w.Index.List(ctx, q)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range page.Hits {
		if ctx.Err() != nil {
			break
		}
		if err := w.settleShown(ctx, h); err != nil {
			errs = append(errs, fmt.Errorf("post %s: %w", h.ID, err)) // one must not hide the others
		}
	}
	return errors.Join(errs...)
}

func (w *worker) settleShown(ctx context.Context, h index.Hit) error {
	_, shown, err := contract.Posts.Decode(h.Body)
	if err != nil {
		return err
	}
	if !w.checkDue(shown) { // also spares the log
		return nil
	}
	p, err := bus.Load(ctx, w.Bus, contract.Posts, contract.PostSubject(shown.Channel, shown.ID))
	if err != nil || p.State.State != palinsesto.PostUncertain || !w.checkDue(p.State) {
		return err
	}
	return w.settleDoubt(ctx, p)
}

// checkDue tells whether it is time to look once more.
func (w *worker) checkDue(p palinsesto.Post) bool {
	a := p.Attempt
	if a == nil || a.Check == nil {
		return a != nil
	}
	if p.Resending() && w.Clock().Before(a.OverAt(w.cfg.Publishing.Lease)) {
		return false // somebody is at it, or was until a moment ago
	}
	pause := backoff(checkFirst, checkPause, 2, 0, a.Check.Number-1)
	return a.Check.Number < checksMost && !w.Clock().Before(a.Check.At.Add(pause))
}

// settleDoubt asks the network, and sends the same again where that is harmless.
func (w *worker) settleDoubt(ctx context.Context, p post) error {
	if !w.clock.Agrees(ctx) {
		return nil
	}
	ch, err := bus.Load(ctx, w.Bus, contract.Channels, contract.ChannelSubject(w.channel.ID))
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return err
	}
	if ch.State.State == palinsesto.ChannelNeedsReconnect || ch.State.NotBefore.After(w.Clock()) {
		return nil // it would not answer
	}
	if f, ok := w.adapter.(channel.Finder); ok {
		settled, asked, err := w.find(ctx, &p, f)
		if settled || !asked || err != nil {
			return err
		}
	}
	if k, ok := w.adapter.(channel.KeyedResender); ok {
		return w.sendAgain(ctx, p, k)
	}
	return nil
}

// sinceSlack is by how much clocks of networks may differ from ours.
const sinceSlack = 2 * time.Minute

// find asks the network what it shows. p becomes the post as it stands afterwards.
func (w *worker) find(ctx context.Context, p *post, f channel.Finder) (settled, asked bool, err error) {
	d, err := w.doubted(ctx, p.State)
	if err != nil {
		return false, true, w.checked(ctx, p, checkFailed, "Il contenuto approvato non è più conservato: non si sa che cosa cercare sulla rete.")
	}
	if wait, err := w.budget(ctx); err != nil || wait > 0 {
		return false, false, err // what is due goes before what is doubted
	}
	asking, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	found, err := f.Find(asking, channel.Sought{Delivery: d, Since: p.State.Attempt.Intended.Add(-sinceSlack)})
	failpoint.Hit("publishing.found")
	if ctx.Err() != nil {
		return false, false, nil // the room stops; the answer may be half of one
	}
	if err != nil {
		e := channel.Judge(err)
		if err := w.tellChannel(ctx, err); err != nil {
			return false, true, err
		}
		return false, true, w.checked(ctx, p, checkFailed, e.Text)
	}
	one, verdict, detail, err := w.itsOwn(ctx, p.State, found)
	if err != nil {
		return false, true, err
	}
	if verdict != "" {
		return false, true, w.checked(ctx, p, verdict, detail)
	}
	return true, true, w.isOut(ctx, *p, one, palinsesto.SettledByFound,
		"trovato sulla rete alle "+w.Clock().In(w.cfg.Location()).Format("15:04:05 del 02/01/2006"))
}

// doubted is the delivery of the attempt in doubt. Its content may be approved no more.
func (w *worker) doubted(ctx context.Context, p palinsesto.Post) (channel.Delivery, error) {
	v, err := w.variants.earlier(ctx, p)
	if err != nil {
		return channel.Delivery{}, err
	}
	if palinsesto.HashParts(v.Parts) != p.Hash || p.Attempt.Part >= len(v.Parts) || p.Attempt.Part >= len(p.Parts) {
		return channel.Delivery{}, errAltered
	}
	return w.delivery(p, p.Attempt.Part, v), nil
}

// checked notes that nobody knows more yet, and why.
func (w *worker) checked(ctx context.Context, p *post, verdict, detail string) error {
	next := p.State
	c := w.check(next, palinsesto.CheckFind)
	c.Verdict, c.Detail = verdict, detail
	next = next.Checked(c)
	done, err := w.put(ctx, *p, palinsesto.PostWasChecked, detail, next)
	if err == nil {
		*p = done
	}
	return staleIsDone(err)
}

// check is the next one of a post.
func (w *worker) check(p palinsesto.Post, kind string) palinsesto.Check {
	n := 1
	if c := p.Attempt.Check; c != nil {
		n = c.Number + 1
	}
	return palinsesto.Check{Number: n, Kind: kind, Worker: w.Worker, At: w.Clock()}
}

// isOut settles an attempt by evidence, and does not give up while the house runs. Whoever moved the post
// meanwhile counts, unless it still is in doubt about the same attempt.
func (w *worker) isOut(ctx context.Context, p post, r channel.Receipt, by palinsesto.SettledBy, sentence string) error {
	number := p.State.Attempt.Number
	return w.insist(ctx, func() error {
		if p.State.State != palinsesto.PostUncertain || p.State.Attempt.Number != number {
			w.Log.Info("settled by another meanwhile", "post", p.State.ID, "state", p.State.State)
			return nil
		}
		v, err := w.outBy(ctx, p, r, by, sentence)
		if err != nil {
			return err
		}
		failpoint.Hit("publishing.before-settled")
		_, err = w.put(ctx, p, v.event, sentence, v.state)
		if err == nil {
			w.Metrics.Settled(w.channel.ID, string(by))
			w.Log.Info("uncertain post settled", "post", p.State.ID, "channel", w.channel.ID, "by", string(by))
		}
		if !errors.Is(err, bus.ErrStale) {
			return err
		}
		if p, err = bus.LoadAt(ctx, w.Bus, contract.Posts, p.Subject, p.Seq+1); err != nil {
			return err
		}
		return errMoved
	})
}

// outBy is the post with its doubtful part out. When its segnalazione was withdrawn or changed meanwhile,
// scheduling is told to bring it in line.
func (w *worker) outBy(ctx context.Context, p post, r channel.Receipt, by palinsesto.SettledBy, sentence string) (next, error) {
	a := *p.State.Attempt
	a.Verdict = string(channel.Posted)
	a.Settle(by, w.Clock(), r.Raw, sentence)
	state := p.State
	state.Attempt = &a
	v := w.posted(state, r)
	now, err := w.situation(ctx, p)
	if err != nil {
		return v, err
	}
	x, wanted := now.seg.Variant(p.State.Channel)
	if now.seg.State != palinsesto.SegApproved && now.seg.State != palinsesto.SegExpired || wanted && x.Hash != p.State.Hash {
		v.state.Cause = palinsesto.CauseOutdated
		v.state.Problem = "La segnalazione è stata ritirata o cambiata mentre l'esito era incerto: il post va tolto o corretto."
	}
	return v, nil
}
