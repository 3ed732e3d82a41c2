// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"

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

// lookAgain reads, after the intent stands, what could forbid the call: the holds, the segnalazione and
// the channel, all at a state of the log that includes the intent. Those who stop append first and read
// the posts afterwards; so one side always sees the other, whichever came first.
func (w *worker) lookAgain(ctx context.Context, p post) (*stop, error) {
	segSubject := contract.SegSubject(p.State.Centre, p.State.Segnalazione)
	records, err := w.Bus.Newest(ctx, p.Seq, contract.HoldSubject, segSubject, contract.ChannelSubject(w.channel.ID))
	if err != nil {
		return nil, fmt.Errorf("second look: %w", err)
	}
	var holds palinsesto.Holds
	var seg palinsesto.Segnalazione
	var ch palinsesto.Channel
	for _, r := range records {
		switch r.Subject {
		case contract.HoldSubject:
			e, err := bus.Decode(contract.Holds, r)
			if err != nil {
				return nil, err
			}
			holds = e.State.Standing
		case segSubject:
			e, err := bus.Decode(contract.Segnalazioni, r)
			if err != nil {
				return nil, err
			}
			seg = e.State
		default:
			e, err := bus.Decode(contract.Channels, r)
			if err != nil {
				return nil, err
			}
			ch = e.State
		}
	}
	return w.forbids(p.State, holds, seg, ch), nil
}

func (w *worker) forbids(p palinsesto.Post, holds palinsesto.Holds, seg palinsesto.Segnalazione, ch palinsesto.Channel) *stop {
	now := w.Clock()
	if seg.ExpiredAt(now) {
		return &stop{palinsesto.PostWasMissed, p.Miss(true), "scaduta"}
	}
	if !seg.Publishable(p.Channel, p.Hash, now) {
		return &stop{palinsesto.PostWasCancelled, p.Cancel(), "la segnalazione non è più approvata così"}
	}
	if h, held := holds.Stops(p, seg.Tags); held {
		return &stop{palinsesto.PostWasHeld, p.HoldBy(h.ID), h.Reason}
	}
	if !ch.Takes() {
		return &stop{palinsesto.PostWasHeld, p.HoldBy(palinsesto.HoldOfChannel(p.Channel)), ch.Reason}
	}
	return nil
}

// standDown takes the intent back: no call was made.
func (w *worker) standDown(ctx context.Context, p post, s stop) error {
	s.next.Attempt.Verdict = "stopped"
	_, err := w.put(ctx, p, s.event, s.why, s.next)
	return staleIsDone(err)
}

// withoutContent handles a post whose approved content cannot be read as the post names it.
func (w *worker) withoutContent(ctx context.Context, p post, err error) error {
	if errors.Is(err, errNotApproved) {
		_, err = w.put(ctx, p, palinsesto.PostWasCancelled, "la segnalazione non è più approvata così", p.State.Cancel())
		return staleIsDone(err)
	}
	return err
}
