// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The causes of a post that is missed for want of a moment.
const (
	causeTaken = "moment_taken"
	causeFull  = "channel_full"
)

// noMomentError is why a channel has no moment for a post. Whoever asked for one is refused with it; a
// post that was approved is missed for it, and a person decides.
type noMomentError struct {
	cause    string
	text, en string
}

func (n *noMomentError) Error() string { return n.en }

func (n *noMomentError) Unwrap() error {
	return palinsesto.Refuse(palinsesto.CodeConflict, n.text, n.en)
}

func (s *Service) momentTaken(c palinsesto.Channel, at, free time.Time) error {
	return &noMomentError{causeTaken,
		fmt.Sprintf("Il momento indicato (%s) su %s è di un altro post; il primo libero dopo di esso è %s. Rimettere in coda per un altro momento.",
			s.moment(at), c.ID, s.moment(free)),
		fmt.Sprintf("The moment given (%s) belongs to another post on %s; the next free one is %s. Queue it for another moment.",
			at.Format(time.RFC3339), c.ID, free.Format(time.RFC3339))}
}

func channelFull(channel string) error {
	return &noMomentError{causeFull,
		fmt.Sprintf("Su %s aspettano già %d post, e di più non ne tiene. Rimettere in coda quando ne saranno usciti, o annullarne.", channel, palinsesto.ReservedMost),
		fmt.Sprintf("%d posts wait on %s already, and it takes no more. Queue it again when some are out, or cancel some.", palinsesto.ReservedMost, channel)}
}

// moment writes a time to the second, in the office's zone: spacing is often less than a minute.
func (s *Service) moment(t time.Time) string {
	return t.In(s.cfg.Location()).Format("15:04:05 del 02/01/2006")
}

// reserve gives a post a moment on its channel, from a wanted one on, and writes it on the channel's
// own aggregate: with several schedulers only one can give the same moment away. Without spacing there
// is nothing to give. A moment to come that may not bend is given as it is or not at all; a post without
// a moment is given one only while the channel takes more.
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
			c, now := cur.State, s.Clock()
			c.ID = p.Channel
			if p.Due.IsZero() && c.Full(p.ID, now) {
				return bus.Decision[palinsesto.Channel]{}, channelFull(p.Channel)
			}
			given = c.NextFree(p.ID, at, spacing)
			if fixed := !p.Bend && at.Equal(p.FirstDue) && at.After(now); fixed && !given.Equal(at) {
				return bus.Decision[palinsesto.Channel]{}, s.momentTaken(c, at, given)
			}
			if had, ok := c.ReservedFor(p.ID); ok && had.Equal(given) {
				return bus.Decision[palinsesto.Channel]{}, nil
			}
			// What lies further back than the spacing can clash with nothing any more.
			c = c.Reserve(p.ID, given, now.Add(-2*spacing))
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasBudget, State: c}, nil
		})
	return given, err
}

func (s *Service) turn(channel string) *sync.Mutex {
	m, _ := s.turns.LoadOrStore(channel, &sync.Mutex{})
	return m.(*sync.Mutex) //nolint:errcheck,forcetypeassert // nothing else is stored there
}

// release gives back to its channel what a post has there, or what was kept for one that never came to be.
func (s *Service) release(ctx context.Context, p palinsesto.Post) error {
	if s.spacing(p.Channel) <= 0 {
		return nil
	}
	_, err := bus.Update(ctx, s.Bus, contract.Channels, contract.ChannelSubject(p.Channel), s.envelope(""),
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			if !cur.State.Holds(p.ID) {
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
