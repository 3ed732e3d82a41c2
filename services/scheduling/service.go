// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scheduling turns approved segnalazioni into posts, hands them over when they are due, and
// carries out what operators ask of posts, channels and holds.
//
// Four things run side by side: the segnalazioni's events become posts (reconcile.go), what is due is
// claimed and checked (due.go), lifted holds let posts go (release.go), and sweeps find what expired
// or got stuck (sweep.go).
package scheduling

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus   *bus.Bus
	Index *index.Index
	Clock func() time.Time
	Log   *slog.Logger
	// Metrics may be nil.
	Metrics *telemetry.Metrics
}

// Service is the room.
type Service struct {
	Deps
	cfg   *config.Config
	actor palinsesto.Actor
	wake  chan struct{} // something may be due sooner than was thought
	clock *bus.Clock    // nothing is claimed while it does not agree
	pulse pulse
	turns sync.Map // of reserving, by channel: *sync.Mutex
	// indexWait is shorter in tests of what happens without an index.
	indexWait time.Duration
}

// New makes the room.
func New(cfg *config.Config, d Deps) (*Service, error) {
	return &Service{Deps: d, cfg: cfg, actor: palinsesto.Room("scheduling"), wake: make(chan struct{}, 1),
		clock: d.Bus.NewClock(d.Log), indexWait: indexWait}, nil
}

// Run schedules until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Bus.Consume(ctx, s.segnalazioni(), s.onSegnalazione) })
	g.Go(func() error { return s.Bus.Consume(ctx, s.stops(), s.onStop) })
	g.Go(func() error {
		return s.Bus.Serve(ctx, "scheduling", "makes posts and hands them over when due", s.endpoints()...)
	})
	g.Go(func() error { return s.runDue(ctx) })
	g.Go(func() error { return s.runSweeps(ctx) })
	return g.Wait()
}

type (
	post         = contract.Event[palinsesto.Post]
	segnalazione = contract.Event[palinsesto.Segnalazione]
	channelEvent = contract.Event[palinsesto.Channel]
)

func (s *Service) envelope(reason string) contract.Envelope {
	return contract.Envelope{Actor: s.actor, At: s.Clock(), Reason: reason}
}

// put appends what happened to a post, checking that it may happen in this state.
func (s *Service) put(ctx context.Context, was post, event palinsesto.PostEvent, env contract.Envelope, next palinsesto.Post) (post, error) {
	if !event.May(was.State.State, next.State) {
		return was, bus.Drop(fmt.Errorf("scheduling: %s may not lead from %q to %q", event, was.State.State, next.State))
	}
	done, err := bus.Put(ctx, s.Bus, contract.Posts, was, string(event), env, next)
	if err == nil && next.State == palinsesto.PostQueued {
		s.nudge()
	}
	return done, err
}

// nudge wakes the due loop; one nudge waiting is as good as many.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
