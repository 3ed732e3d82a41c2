// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const tellsOutside = "annotato fuori dai dati, sequenza %d del %s"

// repeat does once more what the copy does not know.
func (s *settler) repeat(ctx context.Context, f Fact) error {
	a, err := contract.ParseSubject(f.Subject)
	if err != nil {
		return nil //nolint:nilerr // a fact that says nothing here
	}
	switch a.Aggregate {
	case contract.AggregateToken:
		err = s.revoke(ctx, f)
	case contract.AggregateSeg:
		err = s.takeBack(ctx, f)
	case contract.AggregatePost:
		err = s.repeatPost(ctx, f)
	}
	if errors.Is(err, bus.ErrNone) {
		s.absent[f.Subject] = f
		return nil
	}
	if errors.Is(err, bus.ErrStale) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("repeat %s of %s: %w", f.Event, f.Subject, err)
	}
	return nil
}

func (s *settler) source(f Fact) string { return fmt.Sprintf(tellsOutside, f.Seq, s.moment(f.At)) }

// elsewhere lists what this log cannot show any more.
func (s *settler) elsewhere(f Fact) {
	line := f.Subject + " " + f.Event
	if f.Link != "" {
		line += " " + f.Link
	}
	s.done.Elsewhere = append(s.done.Elsewhere, line)
}

func (s *settler) again(f Fact) { s.done.Repeated = append(s.done.Repeated, f.Subject+" "+f.Event) }

func (s *settler) revoke(ctx context.Context, f Fact) error {
	cur, err := bus.Load(ctx, s.b, contract.Tokens, f.Subject)
	if err != nil || !cur.State.Revoked.IsZero() {
		return err
	}
	next := cur.State
	next.Revoked = f.At
	if _, err = bus.Put(ctx, s.b, contract.Tokens, cur, palinsesto.TokenWasRevoked, s.envelope(s.source(f)), next); err == nil {
		s.again(f)
	}
	return err
}

// takeBack voids an approval, or ends a segnalazione, that was voided or ended after the copy. The text of
// a revision is not known here: what was approved waits for a decision again.
func (s *settler) takeBack(ctx context.Context, f Fact) error {
	cur, err := bus.Load(ctx, s.b, contract.Segnalazioni, f.Subject)
	if err != nil {
		return err
	}
	event := palinsesto.SegEvent(f.Event)
	if event == palinsesto.SegWasErased {
		event = palinsesto.SegWasWithdrawn // the least that an erasure means; the erasure itself is then asked for again
	}
	if event == palinsesto.SegWasRejected && cur.State.State == palinsesto.SegApproved {
		event = palinsesto.SegWasRevised // revised and then rejected: no approval stands
	}
	if event == palinsesto.SegWasRevised && cur.State.State != palinsesto.SegApproved {
		return nil
	}
	to, ok := event.To(cur.State.State)
	if !ok {
		return nil
	}
	next := cur.State
	next.State, next.Reason = to, "Ripetuto dopo il ripristino di una copia: "+s.source(f)
	next.Version++
	if event == palinsesto.SegWasRevised {
		next.Approval = nil
	}
	if _, err = bus.Put(ctx, s.b, contract.Segnalazioni, cur, string(event), s.envelope(next.Reason), next); err == nil {
		s.again(f)
	}
	return err
}

// repeatPost brings a post to where it got after the copy.
func (s *settler) repeatPost(ctx context.Context, f Fact) error {
	cur, err := bus.Load(ctx, s.b, contract.Posts, f.Subject)
	if err != nil {
		return err
	}
	shows := cur.State.State == palinsesto.PostPosted || cur.State.State == palinsesto.PostEdited
	switch to := palinsesto.PostState(f.State); {
	case (to == palinsesto.PostPosted || to == palinsesto.PostEdited) && shows:
		if cur.State.Hash != f.Hash {
			s.elsewhere(f) // corrected since: the channel shows a text that is not here
		}
		return nil
	case to == palinsesto.PostRemoved && shows:
		return s.repeatRemoval(ctx, cur, f)
	case waits(cur.State.State):
		return s.repeatOut(ctx, cur, f)
	default:
		return nil
	}
}

// waits tells whether a post stands where it might go out (again), or nobody knows whether it did.
func waits(state palinsesto.PostState) bool {
	return state == palinsesto.PostUncertain || palinsesto.PostWasUncertain.May(state, palinsesto.PostUncertain)
}

func (s *settler) repeatRemoval(ctx context.Context, cur post, f Fact) error {
	p := cur.State
	p.State, p.Change = palinsesto.PostRemoving, &palinsesto.Change{Kind: "remove", Reason: s.source(f)}
	cur, err := bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasRemoving), s.envelope(s.source(f)), p)
	if err != nil {
		return err
	}
	p.State, p.Change, p.Cause, p.Problem = palinsesto.PostRemoved, nil, "", ""
	if _, err = bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasRemoved), s.envelope(s.source(f)), p); err == nil {
		s.again(f)
	}
	return err
}

// repeatOut makes a post uncertain, and settles it at once where what was noted says all: the same
// content, with every part.
func (s *settler) repeatOut(ctx context.Context, cur post, f Fact) error {
	if cur.State.State != palinsesto.PostUncertain {
		problem := "Dopo la copia ripristinata c'è stato un tentativo (" + s.source(f) + "): controllare sul canale, poi indicare se è uscito."
		if f.Link != "" {
			problem = "Dopo la copia ripristinata è uscito, con un altro testo o in parte: " + f.Link + " (" + s.source(f) + "). Indicare che cosa mostra il canale."
		}
		if err := s.uncertain(ctx, cur, problem); err != nil {
			return err
		}
		var err error
		if cur, err = bus.Load(ctx, s.b, contract.Posts, f.Subject); err != nil {
			return err
		}
	}
	p, to := cur.State, palinsesto.PostState(f.State)
	whole := f.Hash == p.Hash && len(f.Parts) == len(p.Parts) && palinsesto.Post{Parts: f.Parts}.NextPart() == len(f.Parts)
	if !whole || to != palinsesto.PostPosted && to != palinsesto.PostEdited && to != palinsesto.PostRemoved {
		return nil
	}
	a := palinsesto.Attempt{Number: p.Attempts, Hash: p.Hash, Intended: f.At}
	if p.Attempt != nil {
		a = *p.Attempt
	}
	a.Verdict = "posted"
	a.Settle(palinsesto.SettledByNotes, s.back.Now, f.Link, s.source(f))
	p.Attempt, p.Parts, p.Link, p.PostedAt, p.State = &a, f.Parts, f.Link, f.At, palinsesto.PostPosted
	if to == palinsesto.PostRemoved {
		p.State = palinsesto.PostRemoved
	}
	p.Cause, p.Problem = "", ""
	_, err := bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasResolved), s.envelope(s.source(f)), p)
	if err == nil {
		s.again(f)
		s.done.Doubtful = slicesWithout(s.done.Doubtful, p.ID)
	}
	return err
}

func slicesWithout(all []string, one string) []string {
	var out []string
	for _, x := range all {
		if x != one {
			out = append(out, x)
		}
	}
	return out
}
