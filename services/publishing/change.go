// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// changeTries is how often an edit or a removal is tried before a person is asked to do it by hand.
const changeTries = 8

var errNoPower = &channel.Error{Verdict: channel.Permanent, Cause: "not_possible",
	Text: "Questa rete non permette di farlo da qui: intervenire a mano sul canale."}

// change edits or removes what is out. Both may be repeated without harm, so a crash or a lost answer
// only means once more; what does not come about becomes a task for a person, and the post stays as it is.
func (w *worker) change(ctx context.Context, p post, d bus.Delivery) error {
	if p.Seq != d.Seq {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	err := w.carryOut(ctx, p.State)
	if err == nil {
		return w.changed(ctx, p)
	}
	var e *channel.Error
	if !errors.As(err, &e) {
		return err
	}
	if terr := w.tellChannel(ctx, e); terr != nil {
		return terr
	}
	if e.Verdict == channel.RetryAfter {
		return bus.Later(e.After, e)
	}
	if e.Verdict != channel.Permanent && d.Deliveries < changeTries {
		return bus.Later(backoff(time.Second, time.Minute, 2, 0.2, d.Deliveries), e)
	}
	return w.byHand(ctx, p, e)
}

func (w *worker) carryOut(ctx context.Context, p palinsesto.Post) error {
	if p.State == palinsesto.PostRemoving {
		return w.remove(ctx, p)
	}
	return w.edit(ctx, p)
}

func (w *worker) remove(ctx context.Context, p palinsesto.Post) error {
	r, ok := w.adapter.(channel.Remover)
	if !ok {
		return errNoPower
	}
	for _, part := range p.Parts {
		if !part.Posted {
			continue
		}
		if err := r.Remove(ctx, channel.Target{RemoteIDs: part.RemoteIDs, PostedAt: p.PostedAt}); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) edit(ctx context.Context, p palinsesto.Post) error {
	e, ok := w.adapter.(channel.Editor)
	if !ok {
		return errNoPower
	}
	wanted := p
	wanted.Hash = p.Change.Hash
	v, err := w.variants.find(ctx, wanted)
	if err != nil {
		return err
	}
	if len(v.Parts) != len(p.Parts) {
		return &channel.Error{Verdict: channel.Permanent, Cause: "parts_differ",
			Text: "Il testo corretto richiede un numero diverso di messaggi: correggere a mano sul canale."}
	}
	for i, part := range p.Parts {
		one := wanted
		one.Parts = make([]palinsesto.PartState, len(p.Parts))
		for j := range i {
			one.Parts[j].Posted = true
		}
		prepared, err := w.prepare(ctx, post{State: one}, v)
		if err != nil {
			return err
		}
		if err := e.Edit(ctx, channel.Target{RemoteIDs: part.RemoteIDs, Part: v.Parts[i], PostedAt: p.PostedAt}, prepared); err != nil {
			return err
		}
	}
	return nil
}

// changed notes that it is done.
func (w *worker) changed(ctx context.Context, p post) error {
	next, event := p.State, palinsesto.PostWasRemoved
	next.State = palinsesto.PostRemoved
	if p.State.State == palinsesto.PostEditing {
		next.State, event = palinsesto.PostEdited, palinsesto.PostWasEdited
		next.Hash = p.State.Change.Hash
	}
	next.Change, next.Cause, next.Problem = nil, "", ""
	_, err := w.put(ctx, p, event, "", next)
	return staleIsDone(err)
}

// byHand leaves the task to a person: the post is still out as it was.
func (w *worker) byHand(ctx context.Context, p post, e *channel.Error) error {
	next := p.State
	c := *p.State.Change
	c.Problem, c.Cause = e.Text, e.Cause
	next.State, next.Change = palinsesto.PostPosted, &c
	next.Cause, next.Problem = c.Kind+"_by_hand", e.Text
	_, err := w.put(ctx, p, palinsesto.PostWasFailed, e.Text, next)
	return staleIsDone(err)
}
