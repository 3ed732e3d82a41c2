// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// ahead: a post is handed to publishing this long before its moment, so that only intent, look and
	// call are left for the moment itself, also when ten thousand come due together. Publishing waits for
	// it, to the millisecond; without an intent a crash there leaves nothing uncertain.
	ahead = 3 * time.Second
	// claimLease: a claimed post that was not handed over comes back after it.
	claimLease = 15 * time.Second
	claimMost  = 500
	// pollEvery bounds how late a moment is noticed that another process has queued.
	pollEvery = 200 * time.Millisecond
	// noIndexEvery: the index of a house that starts is there within milliseconds.
	noIndexEvery = 10 * time.Millisecond
)

// pulse is what readiness tells of the due loop.
type pulse struct {
	last atomic.Int64 // of the last pass that worked, Unix nanoseconds
}

// LastPass is when the due queue was last looked at with success.
func (s *Service) LastPass() time.Time { return time.Unix(0, s.pulse.last.Load()) }

// ClockOff is how far the log's clock is ahead of this room's.
func (s *Service) ClockOff() time.Duration { return s.clock.Off() }

// runDue hands over what is due, sleeping until the next moment.
func (s *Service) runDue(ctx context.Context) error {
	for ctx.Err() == nil {
		sleep := pollEvery
		if s.clock.Agrees(ctx) {
			next, err := s.pass(ctx)
			switch {
			case err == nil:
				s.pulse.last.Store(s.Clock().UnixNano())
				sleep = next
			case errors.Is(err, index.ErrNoIndex):
				sleep = noIndexEvery
			case ctx.Err() != nil:
			default:
				s.Log.Warn("due queue not looked at", "error", err)
			}
		}
		s.sleep(ctx, sleep)
	}
	return nil
}

func (s *Service) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-t.C:
	}
}

// pass claims what is due and decides about each. It tells when to look again: at once after a claim, else
// at the next moment in the queue, and soon in any case, since another process may queue something sooner.
func (s *Service) pass(ctx context.Context) (again time.Duration, err error) {
	// Looking costs a tenth of claiming, and nearly always there is nothing: an idle house must be idle.
	next, some, err := s.Index.NextDue(ctx)
	if err != nil || !some {
		return pollEvery, err
	}
	until := s.Clock().Add(ahead)
	if wait := next.Sub(until); wait > 0 {
		return min(wait, pollEvery), nil
	}
	claims, err := s.Index.ClaimDue(ctx, until, claimLease, claimMost)
	if err != nil || len(claims) == 0 {
		return pollEvery, err // another copy was first
	}
	now, err := s.look(ctx, claims)
	if err != nil {
		return pollEvery, err
	}
	s.decideAll(ctx, now)
	return 0, nil
}

// situation is what the log says about a set of claimed posts.
type situation struct {
	posts    []post
	holds    palinsesto.Holds
	channels map[string]palinsesto.Channel
	tags     map[string][]string // of segnalazioni, read only while a hold by tag stands
}

// look reads the claimed posts and all that could keep them back, in few requests.
func (s *Service) look(ctx context.Context, claims []index.Claim) (situation, error) {
	subjects := make([]string, 0, len(claims)+len(s.cfg.Channels)+1)
	for _, c := range claims {
		subjects = append(subjects, c.Key)
	}
	for _, c := range s.cfg.Channels {
		subjects = append(subjects, contract.ChannelSubject(c.ID))
	}
	subjects = append(subjects, contract.HoldSubject)
	records, err := s.Bus.Newest(ctx, 0, subjects...)
	if err != nil {
		return situation{}, err
	}
	now := situation{channels: map[string]palinsesto.Channel{}}
	for _, r := range records {
		if err := now.add(r); err != nil {
			s.Log.Error("unreadable on the log, left alone", "error", err)
		}
	}
	return now, s.readTags(ctx, &now)
}

func (n *situation) add(r bus.Record) error {
	a, err := contract.ParseSubject(r.Subject)
	if err != nil {
		return err
	}
	switch a.Aggregate {
	case "post":
		p, err := bus.Decode(contract.Posts, r)
		if err == nil {
			n.posts = append(n.posts, p)
		}
		return err
	case "channel":
		c, err := bus.Decode(contract.Channels, r)
		n.channels[c.State.ID] = c.State
		return err
	default:
		h, err := bus.Decode(contract.Holds, r)
		n.holds = h.State.Standing
		return err
	}
}

func (s *Service) readTags(ctx context.Context, n *situation) error {
	byTag := false
	for _, h := range n.holds {
		byTag = byTag || h.Scope == palinsesto.ScopeTag
	}
	if !byTag {
		return nil
	}
	n.tags = map[string][]string{}
	for _, p := range n.posts {
		seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.State.Centre, p.State.Segnalazione))
		if err != nil {
			return err
		}
		n.tags[p.State.Segnalazione] = seg.State.Tags
	}
	return nil
}
