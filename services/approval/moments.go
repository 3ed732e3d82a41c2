// SPDX-License-Identifier: AGPL-3.0-or-later

package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// clashOn names the moment that is too near to at on one channel, and the next free one.
func (s *Service) clashOn(ctx context.Context, channel, post string, at time.Time) ([]palinsesto.Problem, error) {
	c, _ := s.cfg.Channel(channel)
	if c.Spacing <= 0 {
		return nil, nil
	}
	cur, err := bus.Load(ctx, s.Bus, contract.Channels, contract.ChannelSubject(channel))
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return nil, err
	}
	taken, ok := cur.State.Clash(post, at, c.Spacing)
	if !ok {
		return nil, nil
	}
	free := cur.State.NextFree(post, at, c.Spacing)
	return []palinsesto.Problem{problem("V-DISTANZA", "at",
		fmt.Sprintf("Su %s c'è già un post per %s e fra due post passano almeno %s. Il primo momento libero dopo quello indicato è %s.",
			channel, s.moment(taken.At), c.Spacing, s.moment(free)),
		fmt.Sprintf("On %s there is a post at %s already, and posts keep a distance of %s. The next free moment is %s.",
			channel, taken.At.In(s.cfg.Location()).Format(time.RFC3339), c.Spacing, free.In(s.cfg.Location()).Format(time.RFC3339)))}, nil
}

// moment writes a time to the second, in the office's zone: spacing is often less than a minute.
func (s *Service) moment(t time.Time) string {
	return t.In(s.cfg.Location()).Format("15:04:05 del 02/01/2006")
}
