// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// decideAtOnce bounds how many claimed posts are decided at the same moment; their appends share flushes.
const decideAtOnce = 256

func (s *Service) decideAll(ctx context.Context, now situation) {
	var g errgroup.Group
	g.SetLimit(decideAtOnce)
	for _, queue := range s.queues(now.posts) {
		g.Go(func() error {
			for _, p := range queue {
				if err := s.decide(ctx, p, now); err != nil && !errors.Is(err, bus.ErrStale) {
					// The claim lapses and the post is claimed again.
					s.Log.Warn("due post not handed over", "post", p.State.ID, "error", err)
				}
			}
			return nil
		})
	}
	_ = g.Wait()
}

// queues says which posts have to be decided one after the other: those of a channel with spacing, in
// the order of their moments, so that after an outage the oldest goes first.
func (s *Service) queues(posts []post) [][]post {
	var out [][]post
	spaced := map[string][]post{}
	for _, p := range posts {
		if s.spacing(p.State.Channel) > 0 {
			spaced[p.State.Channel] = append(spaced[p.State.Channel], p)
		} else {
			out = append(out, []post{p})
		}
	}
	for _, queue := range spaced {
		slices.SortStableFunc(queue, func(a, b post) int { return a.State.Due.Compare(b.State.Due) })
		out = append(out, queue)
	}
	return out
}

// decide checks one claimed post and hands it over, moves it or keeps it back.
func (s *Service) decide(ctx context.Context, cur post, now situation) error {
	p, at := cur.State, s.Clock()
	if p.State != palinsesto.PostQueued && p.State != palinsesto.PostRetrying {
		return nil // the index lags behind: the projection takes it out of the queue
	}
	if p.Due.After(at.Add(ahead)) {
		return s.Index.Defer(ctx, cur.Subject, p.Due)
	}
	if !s.served(p.Channel) {
		return s.hold(ctx, cur, palinsesto.HoldOfChannel(p.Channel), "il canale non è più nella configurazione")
	}
	if !p.Expires.IsZero() && at.After(p.Expires) {
		return s.miss(ctx, cur, true)
	}
	if h, held := now.holds.Stops(p, now.tags[p.Segnalazione]); held {
		return s.hold(ctx, cur, h.ID, h.Reason)
	}
	ch := now.channels[p.Channel]
	if !ch.Takes() {
		return s.hold(ctx, cur, palinsesto.HoldOfChannel(p.Channel), ch.Reason)
	}
	if p.Late(at, s.cfg.Publishing.GraceOf(string(p.Kind))) {
		return s.miss(ctx, cur, false)
	}
	if ch.NotBefore.After(at) {
		// What is queued for a moment is claimed that long before it: in between it would be claimed in vain.
		return s.Index.Defer(ctx, cur.Subject, ch.NotBefore.Add(ahead))
	}
	return s.handOver(ctx, cur, "")
}

// handOver makes the post due, or moves it when its channel's spacing has given the moment to another.
func (s *Service) handOver(ctx context.Context, cur post, why string) error {
	next := cur.State
	if s.spacing(next.Channel) > 0 {
		// A moment that passed while the house was down is not used up: the post goes now, or after those before it.
		wanted := next.Due
		if now := s.Clock(); now.After(wanted.Add(ahead)) {
			wanted = now
		}
		given, err := s.reserve(ctx, next, wanted)
		if none := (*noMomentError)(nil); errors.As(err, &none) {
			_, err := s.missFor(ctx, cur, next, none)
			return err
		}
		if err != nil {
			return err
		}
		if given.After(s.Clock().Add(ahead)) {
			return s.move(ctx, cur, given, given.Sub(wanted))
		}
		if given.After(next.Due) {
			next.Due = given
		}
	}
	next.State, next.Hold = palinsesto.PostDue, ""
	failpoint.Hit("scheduling.before-due")
	_, err := s.put(ctx, cur, palinsesto.PostWasDue, s.envelope(why), next)
	failpoint.Hit("scheduling.after-due")
	return err
}

// move queues a post for a later moment because of spacing. The grace goes along with what spacing
// moved, and with nothing else: a try that failed, or an outage, has used up what it used.
func (s *Service) move(ctx context.Context, cur post, to time.Time, by time.Duration) error {
	next := cur.State
	why := moved(next.Due, to)
	next.State, next.Due, next.FirstDue = palinsesto.PostQueued, to, next.FirstDue.Add(by)
	_, err := s.put(ctx, cur, palinsesto.PostWasQueued, s.envelope(why), next)
	return err
}

func (s *Service) hold(ctx context.Context, cur post, id, why string) error {
	_, err := s.put(ctx, cur, palinsesto.PostWasHeld, s.envelope(why), cur.State.HoldBy(id))
	return err
}

func (s *Service) miss(ctx context.Context, cur post, expired bool) error {
	next := cur.State.Miss(expired)
	_, err := s.put(ctx, cur, palinsesto.PostWasMissed, s.envelope(next.Problem), next)
	return err
}

// missFor writes down that the channel has no moment for a post, and gives back what it had there.
func (s *Service) missFor(ctx context.Context, cur post, next palinsesto.Post, none *noMomentError) (post, error) {
	done, err := s.put(ctx, cur, palinsesto.PostWasMissed, s.envelope(none.text), next.MissFor(none.cause, none.text))
	if err != nil {
		return cur, err
	}
	return done, s.release(ctx, done.State)
}

func (s *Service) served(channel string) bool {
	_, ok := s.cfg.Channel(channel)
	return ok
}
