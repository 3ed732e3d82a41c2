// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// reserve gives a post a moment on its channel, from a wanted one on, and writes it on the channel's
// own aggregate: with several schedulers only one can give the same moment away. Without spacing there
// is nothing to give.
func (s *Service) reserve(ctx context.Context, p palinsesto.Post, at time.Time) (time.Time, error) {
	spacing := s.spacing(p.Channel)
	if spacing <= 0 {
		return at, nil
	}
	// Within this process they take turns: hundreds at once on one aggregate would lose race after race.
	turn := s.turn(p.Channel)
	turn.Lock()
	defer turn.Unlock()
	given := at
	_, err := bus.Update(ctx, s.Bus, contract.Channels, contract.ChannelSubject(p.Channel), s.envelope(""),
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			c := cur.State
			c.ID = p.Channel
			given = c.NextFree(p.ID, at, spacing)
			if had, ok := c.ReservedFor(p.ID); ok && had.Equal(given) {
				return bus.Decision[palinsesto.Channel]{}, nil
			}
			// What lies further back than the spacing can clash with nothing any more.
			c = c.Reserve(p.ID, given, s.Clock().Add(-2*spacing))
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasBudget, State: c}, nil
		})
	return given, err
}

func (s *Service) turn(channel string) *sync.Mutex {
	m, _ := s.turns.LoadOrStore(channel, &sync.Mutex{})
	return m.(*sync.Mutex) //nolint:errcheck,forcetypeassert // nothing else is stored there
}

// release gives the moment of a post back to its channel.
func (s *Service) release(ctx context.Context, p palinsesto.Post) error {
	if s.spacing(p.Channel) <= 0 {
		return nil
	}
	_, err := bus.Update(ctx, s.Bus, contract.Channels, contract.ChannelSubject(p.Channel), s.envelope(""),
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			if _, has := cur.State.ReservedFor(p.ID); !has {
				return bus.Decision[palinsesto.Channel]{}, nil
			}
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasBudget, State: cur.State.Release(p.ID)}, nil
		})
	return err
}

func (s *Service) spacing(channel string) time.Duration {
	c, _ := s.cfg.Channel(channel)
	return c.Spacing
}
