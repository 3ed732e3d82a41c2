// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// request is one call of a change, prepared.
type request func(context.Context) error

// calls prepares what a change has to ask of the network; nothing is sent.
func (w *worker) calls(ctx context.Context, p palinsesto.Post) ([]request, error) {
	if p.State == palinsesto.PostRemoving {
		return w.removals(p)
	}
	return w.edits(ctx, p)
}

func (w *worker) removals(p palinsesto.Post) ([]request, error) {
	r, ok := w.adapter.(channel.Remover)
	if !ok {
		return nil, errNoPower
	}
	var calls []request
	for _, part := range p.Parts {
		if !part.Posted {
			continue
		}
		t := channel.Target{RemoteIDs: part.RemoteIDs, PostedAt: p.PostedAt}
		calls = append(calls, func(ctx context.Context) error { return r.Remove(ctx, t) })
	}
	return calls, nil
}

func (w *worker) edits(ctx context.Context, p palinsesto.Post) ([]request, error) {
	e, ok := w.adapter.(channel.Editor)
	if !ok {
		return nil, errNoPower
	}
	wanted := p
	wanted.Hash = p.Wanted()
	v, err := w.variants.find(ctx, wanted, 0) // obstacle has just read it
	if err != nil {
		return nil, err
	}
	// What is out decides which request leads to the new content: it cannot be told from the new one.
	was, err := w.variants.earlier(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(v.Parts) != len(p.Parts) || len(was.Parts) != len(p.Parts) {
		return nil, &channel.Error{Verdict: channel.Permanent, Cause: "parts_differ",
			Text: "Il testo corretto richiede un numero diverso di messaggi: correggere a mano sul canale."}
	}
	calls := make([]request, 0, len(p.Parts))
	for i, part := range p.Parts {
		one := wanted
		one.Parts = make([]palinsesto.PartState, len(p.Parts))
		for j := range i {
			one.Parts[j].Posted = true
		}
		to, err := w.prepare(ctx, post{State: one}, v)
		if err != nil {
			return nil, err
		}
		t := channel.Target{RemoteIDs: part.RemoteIDs, Part: was.Parts[i], PostedAt: p.PostedAt}
		calls = append(calls, func(ctx context.Context) error { return e.Edit(ctx, t, to) })
	}
	return calls, nil
}

// unsent is the error of a preparation: whatever it says, nothing went to the network.
func unsent(err error) error {
	var e *channel.Error
	if !errors.As(err, &e) {
		return notSent("not_prepared", "La modifica non è riuscita per un guasto da questa parte: intervenire a mano sul canale, o riprovare.", err)
	}
	switch e.Verdict {
	case channel.NotSent, channel.RetryAfter, channel.Permanent, channel.Reconnect:
		return e
	default:
		c := *e
		c.Verdict = channel.NotSent
		return &c
	}
}
