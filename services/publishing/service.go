// SPDX-License-Identifier: AGPL-3.0-or-later

// Package publishing takes a post that is due to its channel: intent, second look, one call, verdict.
// Read deliver.go downwards: it is section 6 of the design, step by step.
package publishing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus      *bus.Bus
	Index    *index.Index
	Channels map[string]channel.Channel // by id, those of the configuration
	Clock    func() time.Time
	Log      *slog.Logger
	Metrics  *telemetry.Metrics // may be nil
	// Worker names this process and this start of it.
	Worker string
	// Sole says that no other process can publish from this log: the data folder is locked. Then an
	// intent of an earlier start is uncertain at once, without waiting for a lease.
	Sole bool
}

// Service is the room.
type Service struct {
	Deps
	cfg      *config.Config
	actor    palinsesto.Actor
	variants *variants
	holds    lastRead[contract.HoldChange]
	seen     *firstSeen
	clock    *bus.Clock // no post is touched while it does not agree
	// mine are the posts that this process is working on, by subject.
	mine sync.Map
}

// New makes the room; it refuses a configuration whose channels it was not given.
func New(cfg *config.Config, d Deps) (*Service, error) {
	for _, c := range cfg.Channels {
		if d.Channels[c.ID] == nil {
			return nil, fmt.Errorf("publishing: no adapter for channel %s", c.ID)
		}
	}
	return &Service{Deps: d, cfg: cfg, actor: palinsesto.Room("publishing"),
		variants: newVariants(d.Bus), seen: newFirstSeen(), clock: d.Bus.NewClock(d.Log)}, nil
}

// ClockOff is how far the log's clock is ahead of this room's.
func (s *Service) ClockOff() time.Duration { return s.clock.Off() }

// Run publishes until ctx ends; posts under way are brought to their verdict first.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range s.cfg.Channels {
		w := s.worker(c, ctx.Done())
		g.Go(func() error {
			return s.Bus.Consume(ctx, bus.Consumer{
				Name:    "publishing-" + c.ID,
				Filters: []string{contract.PostsOf(c.ID)},
				Wants:   wanted,
				From:    s.firstOpen,
				Workers: c.Options.Workers + waiting,
				Lease:   s.cfg.Publishing.Lease,
			}, w.handle)
		})
		g.Go(func() error { return w.watchDoubts(ctx) })
	}
	g.Go(func() error { return s.watchOpen(ctx) })
	g.Go(func() error {
		return s.Bus.Serve(ctx, "publishing", "takes due posts to their channel",
			bus.Endpoint{Verb: "check", Handle: s.check}, bus.Endpoint{Verb: "test", Handle: s.trial})
	})
	return g.Wait()
}

// wanted are the events that ask for something to be done on the network.
func wanted(event string) bool {
	switch palinsesto.PostEvent(event) {
	case palinsesto.PostWasDue, palinsesto.PostWasPrepared, palinsesto.PostWasPublishing, palinsesto.PostWasResolved,
		palinsesto.PostWasEditing, palinsesto.PostWasRemoving:
		return true
	default:
		return false
	}
}

// waiting is how many posts of a channel may wait here for their moment, beside those at work: they
// hold no place, so that what is due now, or has to be removed, is not behind them.
const waiting = 64

// worker publishes to one channel.
type worker struct {
	*Service
	channel config.Channel
	adapter channel.Channel
	state   lastRead[palinsesto.Channel]
	places  chan struct{}   // of those at work
	stop    <-chan struct{} // the room stops: who only waits gives its post back
}

func (s *Service) worker(c config.Channel, stop <-chan struct{}) *worker {
	return &worker{Service: s, channel: c, adapter: s.Channels[c.ID], places: make(chan struct{}, max(1, c.Options.Workers)), stop: stop}
}

var errStopping = errors.New("the room stops")

// enter waits for a place to work, and gives it back with leave.
func (w *worker) enter(ctx context.Context) (leave func(), err error) {
	select {
	case w.places <- struct{}{}:
		return func() { <-w.places }, nil
	case <-w.stop:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// post is a post as it stands on the log.
type post = contract.Event[palinsesto.Post]

func (s *Service) envelope(reason string) contract.Envelope {
	return contract.Envelope{Actor: s.actor, At: s.Clock(), Reason: reason}
}

// put appends what happened to a post, checking that it may happen in this state.
func (s *Service) put(ctx context.Context, was post, event palinsesto.PostEvent, reason string, next palinsesto.Post) (post, error) {
	if !event.May(was.State.State, next.State) {
		return was, bus.Drop(fmt.Errorf("publishing: %s may not lead from %q to %q", event, was.State.State, next.State))
	}
	return bus.Put(ctx, s.Bus, contract.Posts, was, string(event), s.envelope(reason), next)
}
