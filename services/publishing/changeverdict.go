// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// settleChange writes the verdict down, and does not give up while the house runs.
func (w *worker) settleChange(ctx context.Context, p post, out outcome) error {
	v := w.judgeChange(p.State, out)
	if err := w.tellChannel(ctx, out.err); err != nil {
		w.Log.Warn("channel state not written", "channel", w.channel.ID, "error", err)
	}
	err := w.insist(ctx, func() error { _, err := w.put(ctx, p, v.event, v.why, v.state); return err })
	if errors.Is(err, bus.ErrStale) {
		return w.settleUnder(ctx, p, v)
	}
	return err
}

// settleUnder brings a verdict home after another change was asked for meanwhile: that one waits for it.
func (w *worker) settleUnder(ctx context.Context, mine post, v next) error {
	cur, err := bus.Load(ctx, w.Bus, contract.Posts, mine.Subject)
	if err != nil {
		return err
	}
	state := cur.State
	other := state.State != palinsesto.PostEditing && state.State != palinsesto.PostRemoving
	if other || !state.Open() || state.Attempt.Number != mine.State.Attempt.Number {
		return nil
	}
	state.Attempt, state.Retries = v.state.Attempt, 0
	if v.event == palinsesto.PostWasEdited {
		state.Hash = v.state.Hash
	}
	_, err = w.put(ctx, cur, asks(state), "la modifica chiesta nel frattempo può cominciare", state)
	return err
}

// judgeChange turns what the calls came to into the next state.
func (w *worker) judgeChange(p palinsesto.Post, out outcome) next {
	a := *p.Attempt
	p.Attempt, a.Took = &a, out.took
	if out.err == nil {
		a.Verdict = "done"
		return changed(p)
	}
	e := channel.Judge(out.err)
	a.Verdict, a.Status, a.Raw = string(e.Verdict), e.Status, e.Raw
	most := changeTries
	if e.Verdict == channel.NotSent || e.Verdict == channel.RetryAfter {
		most += int(w.cfg.Publishing.GraceOf(string(p.Kind)) / changePause)
	}
	if p.Retries++; e.Verdict != channel.Permanent && p.Retries < most {
		return next{asks(p), p, e.Text}
	}
	return byHand(p, e)
}

// changed is a post whose change is done.
func changed(p palinsesto.Post) next {
	event := palinsesto.PostWasRemoved
	if p.State == palinsesto.PostEditing {
		event, p.Hash = palinsesto.PostWasEdited, p.Wanted()
		p.State = palinsesto.PostEdited
	} else {
		p.State = palinsesto.PostRemoved
	}
	p.Change, p.Cause, p.Problem, p.Retries = nil, "", "", 0
	return next{event, p, ""}
}

// byHand leaves the task to a person: the post is still out as it was.
func byHand(p palinsesto.Post, e *channel.Error) next {
	c := *p.Change
	c.Problem, c.Cause = e.Text, e.Cause
	p.State, p.Change, p.Retries = palinsesto.PostPosted, &c, 0
	if p.NextPart() < len(p.Parts) {
		p.State = palinsesto.PostFailed // half of it is out: it never was posted
	}
	p.Cause, p.Problem = c.Kind+"_by_hand", e.Text
	return next{palinsesto.PostWasFailed, p, e.Text}
}
