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

// changeTries is how often an edit or a removal is tried before a person is asked to do it by hand.
const changeTries = 8

var errNoPower = &channel.Error{Verdict: channel.Permanent, Cause: "not_possible",
	Text: "Questa rete non permette di farlo da qui: intervenire a mano sul canale."}

// errBroken is for what is not the network's doing, such as media that the store does not give.
var errBroken = &channel.Error{Verdict: channel.Permanent, Cause: "not_possible",
	Text: "La modifica non è riuscita per un guasto da questa parte: intervenire a mano sul canale, o riprovare."}

// change edits or removes what is out. Both may be repeated without harm, so a crash or a lost answer
// only means once more; what does not come about becomes a task for a person, and the post stays as it is.
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
	if p.State.State == palinsesto.PostEditing {
		if over, err := w.mayNotEdit(ctx, p); over || err != nil {
			return err
		}
	}
	call, cancel := context.WithTimeout(ctx, w.cfg.Publishing.CallTimeout)
	defer cancel()
	if err := w.carryOut(call, p.State); err != nil {
		return w.unchanged(ctx, p, d, err)
	}
	return w.changed(ctx, p)
}

// mayNotEdit looks, as before a post goes out, at what could forbid the edit. Under a stop it is left as
// it is, and scheduling asks for it again when the stop is lifted; a removal is allowed under any.
func (w *worker) mayNotEdit(ctx context.Context, p post) (bool, error) {
	now, err := w.situation(ctx, p)
	if err != nil {
		return true, err
	}
	if !now.seg.Publishable(p.State.Channel, p.State.Change.Hash, w.Clock()) {
		return true, w.void(ctx, p)
	}
	_, held := now.holds.Stops(p.State, now.seg.Tags)
	return held || !now.channel.Takes(), nil
}

// void drops an edit whose text is not approved any more: the post stays as it is out, and the next
// approval is compared with that.
func (w *worker) void(ctx context.Context, p post) error {
	next := p.State
	next.State, next.Change = palinsesto.PostPosted, nil
	_, err := w.put(ctx, p, palinsesto.PostWasFailed, "la correzione non è più approvata: il post resta com'è", next)
	return staleIsDone(err)
}

// unchanged decides what becomes of a change that did not come about.
func (w *worker) unchanged(ctx context.Context, p post, d bus.Delivery, err error) error {
	var e *channel.Error
	if !errors.As(err, &e) {
		if d.Deliveries < 2*changeTries {
			return err
		}
		w.Log.Error("change given up", "post", p.State.ID, "error", err)
		e = errBroken
	}
	if terr := w.tellChannel(ctx, e); terr != nil {
		return terr
	}
	if e.Verdict != channel.Permanent && d.Deliveries < changeTries {
		return bus.Later(max(min(e.After, time.Minute), backoff(time.Second, time.Minute, 2, 0.2, d.Deliveries)), e)
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
	v, err := w.variants.find(ctx, wanted, 0) // mayNotEdit has just read it
	if err != nil {
		return err
	}
	// What is out decides which request leads to the new content: it cannot be told from the new one.
	was, err := w.variants.earlier(ctx, p)
	if err != nil {
		return err
	}
	if len(v.Parts) != len(p.Parts) || len(was.Parts) != len(p.Parts) {
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
		if err := e.Edit(ctx, channel.Target{RemoteIDs: part.RemoteIDs, Part: was.Parts[i], PostedAt: p.PostedAt}, prepared); err != nil {
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
	if errors.Is(err, bus.ErrStale) {
		return w.crossed(ctx, p.State)
	}
	return err
}

// crossed: while this edit was at the network a newer one was asked for, and may have been made by
// another process before or after it. What the network shows is not known, so the newer one is made
// again, last.
func (w *worker) crossed(ctx context.Context, mine palinsesto.Post) error {
	if mine.State != palinsesto.PostEditing {
		return nil
	}
	for {
		cur, err := bus.Load(ctx, w.Bus, contract.Posts, contract.PostSubject(mine.Channel, mine.ID))
		if err != nil {
			return err
		}
		next := cur.State
		if next.Wanted() == mine.Change.Hash || next.State != palinsesto.PostEditing && next.State != palinsesto.PostEdited {
			return nil
		}
		next.Change = &palinsesto.Change{Kind: "edit", Hash: cur.State.Wanted()}
		next.State = palinsesto.PostEditing
		_, err = w.put(ctx, cur, palinsesto.PostWasEditing, "due correzioni si sono incrociate: vale l'ultima", next)
		if !errors.Is(err, bus.ErrStale) {
			return err
		}
	}
}

// byHand leaves the task to a person: the post is still out as it was.
func (w *worker) byHand(ctx context.Context, p post, e *channel.Error) error {
	next := p.State
	c := *p.State.Change
	c.Problem, c.Cause = e.Text, e.Cause
	next.State, next.Change = palinsesto.PostPosted, &c
	if p.State.NextPart() < len(p.State.Parts) {
		next.State = palinsesto.PostFailed // half of it is out: it never was posted
	}
	next.Cause, next.Problem = c.Kind+"_by_hand", e.Text
	_, err := w.put(ctx, p, palinsesto.PostWasFailed, e.Text, next)
	return staleIsDone(err)
}
