// SPDX-License-Identifier: AGPL-3.0-or-later

package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type channelEvent = contract.Event[palinsesto.Channel]

// moment is one that was kept for a post on its channel.
type moment struct {
	channel, post string
	at            time.Time
}

// keepMoments keeps a moment that may not bend on each channel with spacing before the yes is written
// down: of two approvals for the same moment one is refused, and told, instead of being moved later. On
// a channel where as many posts wait as it takes nothing more is approved, for whichever moment.
func (s *Service) keepMoments(ctx context.Context, cmd palinsesto.Approve, id string, variants []palinsesto.Variant) ([]moment, error) {
	var kept []moment
	var found []palinsesto.Problem
	for _, v := range variants {
		c, _ := s.cfg.Channel(v.Channel)
		if c.Spacing <= 0 {
			continue
		}
		m := moment{c.ID, palinsesto.PostID(id, c.ID, 0), cmd.Due}
		taken, problems, err := s.keep(ctx, c, m, !cmd.Due.IsZero() && !cmd.Bend)
		if taken {
			kept = append(kept, m)
		}
		if err != nil {
			s.giveBack(ctx, kept)
			return nil, err
		}
		found = append(found, problems...)
	}
	if len(found) == 0 {
		return kept, nil
	}
	s.giveBack(ctx, kept)
	return nil, &palinsesto.Error{Code: palinsesto.CodeConflict, Problems: found,
		Text:   "In quel momento non c'è posto: sceglierne un altro, o permettere di spostarlo.",
		TextEN: "There is no room at that moment: choose another one, or let it be moved."}
}

// keep decides on the channel's aggregate, where scheduling gives moments away too. taken says that this
// call wrote the moment down, and may give it back.
func (s *Service) keep(ctx context.Context, on config.Channel, m moment, fixed bool) (taken bool, found []palinsesto.Problem, err error) {
	_, err = s.onChannel(ctx, m.channel, func(c palinsesto.Channel) (palinsesto.Channel, bool) {
		now := s.Clock()
		taken, found = false, nil
		if c.Full(m.post, now) {
			found = []palinsesto.Problem{full(on.ID)}
			return c, false
		}
		if !fixed {
			return c, false
		}
		if other, clash := c.Clash(m.post, m.at, on.Spacing); clash {
			found = []palinsesto.Problem{s.tooNear(on, other.At, c.NextFree(m.post, m.at, on.Spacing))}
			return c, false
		}
		taken = !c.Has(m.post, m.at)
		// What lies further back than the spacing can clash with nothing any more.
		return c.Keep(m.post, m.at, now.Add(-2*on.Spacing)), taken
	})
	return taken, found, err
}

// giveBack frees what was kept for a yes that did not come about. What a crash leaves behind is freed
// when the post is queued or taken back, and else when its moment has passed.
func (s *Service) giveBack(ctx context.Context, kept []moment) {
	ctx = context.WithoutCancel(ctx)
	for _, m := range kept {
		_, err := s.onChannel(ctx, m.channel, func(c palinsesto.Channel) (palinsesto.Channel, bool) {
			return c.GiveBack(m.post, m.at), c.Has(m.post, m.at)
		})
		if err != nil {
			s.Log.Warn("a moment that was kept in vain is not free until it has passed", "channel", m.channel, "at", m.at, "error", err)
		}
	}
}

// onChannel changes the moments of a channel, by compare-and-set.
func (s *Service) onChannel(ctx context.Context, id string, change func(palinsesto.Channel) (palinsesto.Channel, bool)) (channelEvent, error) {
	return bus.Update(ctx, s.Bus, contract.Channels, contract.ChannelSubject(id), contract.Envelope{Actor: s.actor, At: s.Clock()},
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			next, changed := change(cur.State)
			if !changed {
				return bus.Decision[palinsesto.Channel]{}, nil
			}
			next.ID = id
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasBudget, State: next}, nil
		})
}

// inVain tells whether an approval that ended with err was surely not written down, nor another one for
// the same moment, which then has it.
func inVain(cmd palinsesto.Approve, now segnalazione, err error) bool {
	var refused *palinsesto.Error
	a := now.State.Approval
	return errors.As(err, &refused) && (a == nil || !a.Due.Equal(cmd.Due))
}

// tooNear names the moment that is too near on one channel, and the next free one.
func (s *Service) tooNear(on config.Channel, taken, free time.Time) palinsesto.Problem {
	return problem("V-DISTANZA", "at",
		fmt.Sprintf("Su %s c'è già un post per %s e fra due post passano almeno %s. Il primo momento libero dopo quello indicato è %s.",
			on.ID, s.moment(taken), on.Spacing, s.moment(free)),
		fmt.Sprintf("On %s there is a post at %s already, and posts keep a distance of %s. The next free moment is %s.",
			on.ID, taken.In(s.cfg.Location()).Format(time.RFC3339), on.Spacing, free.In(s.cfg.Location()).Format(time.RFC3339)))
}

func full(channel string) palinsesto.Problem {
	return problem("V-CANALE-PIENO", "at",
		fmt.Sprintf("Su %s aspettano già %d post, e di più non ne tiene: approvare quando ne saranno usciti, o annullarne.", channel, palinsesto.ReservedMost),
		fmt.Sprintf("%d posts wait on %s already, and it takes no more: approve when some are out, or cancel some.", palinsesto.ReservedMost, channel))
}

// moment writes a time to the second, in the office's zone: spacing is often less than a minute.
func (s *Service) moment(t time.Time) string {
	return t.In(s.cfg.Location()).Format("15:04:05 del 02/01/2006")
}
