// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// sendAgain sends an uncertain attempt once more under its key: the network answers with the message that
// is out, or makes it now. Since it may make it now, it goes the way of every call: intent, second look, one
// request. It is no new attempt: whatever comes of it, nothing can be out that the first could not have
// brought out, and short of a receipt the post stays uncertain.
func (w *worker) sendAgain(ctx context.Context, p post, k channel.KeyedResender) error {
	if may, err := w.maySendAgain(ctx, p.State, k); !may || err != nil {
		return err
	}
	v, err := w.variants.find(ctx, p.State, p.Seq)
	if errors.Is(err, errNotApproved) || errors.Is(err, errAltered) {
		return nil // withdrawn or changed since: it must not come out now
	}
	if err != nil {
		return err
	}
	prepared, err := w.prepare(ctx, p, v)
	if err != nil {
		return w.checked(ctx, &p, checkFailed, channel.Judge(unsent(err)).Text)
	}
	if wait, err := w.budget(ctx); err != nil || wait > 0 {
		return err
	}
	started := time.Now()
	c := w.check(p.State, palinsesto.CheckResend)
	c.Lasts = w.cfg.Publishing.CallDeadline + w.cfg.Publishing.CallTimeout
	p, err = w.put(ctx, p, palinsesto.PostWasChecked, "si reinvia con la stessa chiave: la rete non ne fa un secondo messaggio", p.State.Checked(c))
	if err != nil {
		return staleIsDone(err)
	}
	failpoint.Hit("publishing.after-resend-intent")
	now, err := w.situation(ctx, p)
	if err != nil {
		return w.notSettled(ctx, p, checkStopped, "Il registro non rispondeva: non è stato reinviato.")
	}
	if s := w.forbids(p.State, now); s != nil {
		return w.notSettled(ctx, p, checkStopped, "Non è stato reinviato: "+s.why)
	}
	out := w.call(ctx, prepared, started)
	failpoint.Hit("publishing.after-resend")
	if out.err == nil {
		return w.isOut(ctx, p, out.receipt, palinsesto.SettledByKey, "reinviato con la stessa chiave: la rete ha risposto con il messaggio")
	}
	if err := w.tellChannel(ctx, out.err); err != nil {
		w.Log.Warn("channel state not written", "channel", w.channel.ID, "error", err)
	}
	e := channel.Judge(out.err)
	return w.notSettled(ctx, p, string(e.Verdict), e.Text)
}

// maySendAgain: no call of it is under way any more, the network still knows its key, and it still may go
// out: its moment has not passed.
func (w *worker) maySendAgain(ctx context.Context, p palinsesto.Post, k channel.KeyedResender) (bool, error) {
	a, now, set := p.Attempt, w.Clock(), w.cfg.Publishing
	expired := !p.Expires.IsZero() && now.After(p.Expires)
	if a.Worker == "" || a.Part != p.NextPart() || a.Key != key(p, a.Part) || now.Before(a.OverAt(set.Lease)) ||
		expired || p.Late(now, set.GraceOf(string(p.Kind))) {
		return false, nil
	}
	asking, cancel := context.WithTimeout(ctx, set.CallTimeout)
	defer cancel()
	lasts, err := k.KeyLasts(asking)
	if err != nil {
		return false, err
	}
	// Its call, too, has to arrive while the key is known: measured from the intent, which is before the first.
	return lasts > 0 && now.Add(set.CallDeadline+set.CallTimeout).Before(a.Intended.Add(lasts)), nil
}

// notSettled closes a check that may have called, and does not give up while the house runs.
func (w *worker) notSettled(ctx context.Context, p post, verdict, detail string) error {
	c := *p.State.Attempt.Check
	c.Verdict, c.Detail = verdict, detail
	err := w.insist(ctx, func() error {
		_, err := w.put(ctx, p, palinsesto.PostWasChecked, detail, p.State.Checked(c))
		return err
	})
	if errors.Is(err, bus.ErrStale) {
		return nil // settled meanwhile
	}
	return err
}
