// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// stuckAfter: what nobody took up for so long is asked for anew; an old event of it loses against
	// the new one's sequence.
	stuckAfter = 5 * time.Minute
	// changesMost is how often an edit or removal is asked for before a person is told to do it.
	changesMost = 5
)

// stuck gives the posts of a state, as the log has them, that nothing has happened to for a while.
func (s *Service) stuck(ctx context.Context, state palinsesto.PostState) ([]post, error) {
	shown, err := s.list(ctx, palinsesto.PostFilter{State: state}, everything)
	if err != nil {
		return nil, err
	}
	var out []post
	var errs []error
	for _, p := range shown {
		cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(p.Channel, p.ID))
		if err != nil {
			errs = append(errs, err) // one that cannot be read must not hide the others
			continue
		}
		if cur.State.State == state && s.Clock().Sub(cur.Envelope.At) >= stuckAfter {
			out = append(out, cur)
		}
	}
	return out, errors.Join(errs...)
}

// sweepStuck hands over anew what is due and was taken up by nobody; what is too late by now, as when
// publishing does not run or the channel is not in the configuration any more, is missed.
func (s *Service) sweepStuck(ctx context.Context) error {
	due, err := s.stuck(ctx, palinsesto.PostDue)
	errs := []error{err}
	if len(due) == 0 {
		return err
	}
	now, err := s.look(ctx, nil)
	if err != nil {
		return err
	}
	// In the order of their moments: where there is spacing each gets a new one behind the one before.
	slices.SortStableFunc(due, func(a, b post) int { return a.State.Due.Compare(b.State.Due) })
	for _, cur := range due {
		if err := s.again(ctx, cur, now); err != nil && !errors.Is(err, bus.ErrStale) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) again(ctx context.Context, cur post, now situation) error {
	p, at := cur.State, s.Clock()
	expired := !p.Expires.IsZero() && at.After(p.Expires)
	switch {
	case at.Before(p.Due.Add(stuckAfter)):
		return nil
	case expired || p.Late(at, s.cfg.Publishing.GraceOf(string(p.Kind))):
		return s.miss(ctx, cur, expired)
	case now.channels[p.Channel].NotBefore.After(at):
		return nil // waits in publishing, as the network asked
	default:
		return s.handOver(ctx, cur, "nessuno l'aveva preso in carico")
	}
}

// sweepChanges asks again for edits and removals that nobody carried out, and for edits that a stop kept
// back; in the end a person is told.
func (s *Service) sweepChanges(ctx context.Context) error {
	var errs []error
	for _, state := range []palinsesto.PostState{palinsesto.PostEditing, palinsesto.PostRemoving} {
		posts, err := s.stuck(ctx, state)
		errs = append(errs, err, s.askAgain(ctx, posts))
	}
	return errors.Join(errs...)
}

func (s *Service) askAgain(ctx context.Context, posts []post) error {
	if len(posts) == 0 {
		return nil
	}
	now, err := s.look(ctx, nil)
	if err != nil {
		return err
	}
	now.posts = posts
	if err := s.readTags(ctx, &now); err != nil {
		return err
	}
	var errs []error
	for _, cur := range posts {
		if err := s.askOnce(ctx, cur, now); err != nil && !errors.Is(err, bus.ErrStale) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) askOnce(ctx context.Context, cur post, now situation) error {
	next, event := cur.State, palinsesto.PostWasRemoving
	ch := now.channels[next.Channel]
	if next.State == palinsesto.PostEditing {
		event = palinsesto.PostWasEditing
		if _, held := now.holds.Stops(next, now.tags[next.Segnalazione]); held || !ch.Takes() {
			return nil // asked again when the stop is lifted
		}
	}
	if ch.NotBefore.After(s.Clock()) || next.Change == nil {
		return nil
	}
	c := *next.Change
	c.Tries++
	next.Change = &c
	if c.Tries < changesMost && s.served(next.Channel) {
		_, err := s.put(ctx, cur, event, s.envelope("nessuno l'aveva preso in carico"), next)
		return err
	}
	c.Cause, c.Problem = "not_possible", "Nessun processo ha portato a termine la modifica: intervenire a mano sul canale, o riprovare."
	next.State, next.Cause, next.Problem = palinsesto.PostPosted, c.Kind+"_by_hand", c.Problem
	if next.NextPart() < len(next.Parts) {
		next.State = palinsesto.PostFailed
	}
	_, err := s.put(ctx, cur, palinsesto.PostWasFailed, s.envelope(c.Problem), next)
	return err
}

// sweepHeld lets go posts whose stop does not stand any more: the event may have been lost, or the
// post was held just as the stop was lifted.
func (s *Service) sweepHeld(ctx context.Context) error {
	held, err := s.list(ctx, palinsesto.PostFilter{State: palinsesto.PostHeld}, everything)
	if err != nil || len(held) == 0 {
		return err
	}
	now, err := s.look(ctx, nil)
	if err != nil {
		return err
	}
	standing := map[string]bool{}
	for _, h := range now.holds {
		standing[h.ID] = true
	}
	for _, c := range s.cfg.Channels {
		if ch := now.channels[c.ID]; !ch.Takes() {
			standing[palinsesto.HoldOfChannel(c.ID)] = true
		}
	}
	var errs []error
	for _, p := range held {
		if standing[p.Hold] || p.Hold == palinsesto.HoldOfChannel(p.Channel) && !s.served(p.Channel) {
			continue
		}
		errs = append(errs, s.letGoOne(ctx, p, p.Hold))
	}
	return errors.Join(errs...)
}
