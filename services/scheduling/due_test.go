// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// pause appends a state of a channel.
func (h *house) setChannel(id string, change func(*palinsesto.Channel)) {
	_, err := bus.Update(context.Background(), h.Bus, contract.Channels, contract.ChannelSubject(id), h.env(),
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			c := cur.State
			c.ID = id
			change(&c)
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasBudget, State: c}, nil
		})
	require.NoError(h.t, err)
}

// What a claim makes of a post.
func TestClaim(t *testing.T) {
	cases := []struct {
		name   string
		post   func(*palinsesto.Post)
		house  func(h *house, s *Service)
		state  palinsesto.PostState
		cause  string
		hold   string
		placed bool // held by the hold that was placed
	}{
		{name: "at its minute", state: palinsesto.PostDue},
		{name: "retrying", state: palinsesto.PostDue, post: func(p *palinsesto.Post) { p.State = palinsesto.PostRetrying }},
		{name: "within the grace", state: palinsesto.PostDue, post: func(p *palinsesto.Post) { p.FirstDue = time.Now().Add(-29 * time.Minute) }},
		{name: "past the grace", state: palinsesto.PostMissed, cause: "late",
			post: func(p *palinsesto.Post) { p.FirstDue = time.Now().Add(-31 * time.Minute) }},
		{name: "past its kind's grace", state: palinsesto.PostMissed, cause: "late",
			house: func(h *house, _ *Service) {
				h.cfg.Publishing.GraceByKind = map[string]time.Duration{"avviso": time.Minute}
			},
			post: func(p *palinsesto.Post) { p.FirstDue = time.Now().Add(-2 * time.Minute) }},
		{name: "expired", state: palinsesto.PostMissed, cause: "expired", post: func(p *palinsesto.Post) { p.Expires = time.Now().Add(-time.Second) }},
		{name: "held", state: palinsesto.PostHeld, placed: true, house: func(h *house, s *Service) {
			_, err := s.place(operatore, palinsesto.ScopeTag, "LAVORO")
			require.NoError(h.t, err)
		}},
		{name: "held and late", state: palinsesto.PostHeld, placed: true,
			post: func(p *palinsesto.Post) { p.FirstDue = time.Now().Add(-time.Hour) },
			house: func(h *house, s *Service) {
				_, err := s.place(operatore, palinsesto.ScopeAll, "")
				require.NoError(h.t, err)
			}},
		{name: "another's hold", state: palinsesto.PostDue, house: func(h *house, s *Service) {
			_, err := s.place(operatore, palinsesto.ScopeChannel, spaced)
			require.NoError(h.t, err)
		}},
		{name: "paused", state: palinsesto.PostHeld, hold: "channel:" + free, house: func(h *house, _ *Service) {
			h.setChannel(free, func(c *palinsesto.Channel) { c.State = palinsesto.ChannelPaused })
		}},
		{name: "not served", state: palinsesto.PostHeld, hold: "channel:" + free, house: func(h *house, _ *Service) {
			h.cfg.Channels = h.cfg.Channels[1:]
		}},
		{name: "not served, retrying", state: palinsesto.PostHeld, hold: "channel:" + free,
			post:  func(p *palinsesto.Post) { p.State = palinsesto.PostRetrying },
			house: func(h *house, _ *Service) { h.cfg.Channels = h.cfg.Channels[1:] }},
		{name: "not before", state: palinsesto.PostQueued, house: func(h *house, _ *Service) {
			h.setChannel(free, func(c *palinsesto.Channel) { c.NotBefore = time.Now().Add(time.Hour) })
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			s := h.room()
			p := draft(h.report().State, time.Now())
			if c.house != nil {
				c.house(h, s)
			}
			if c.post != nil {
				c.post(&p)
			}
			d := h.put(palinsesto.PostWasQueued, p)
			h.shown()
			again, err := s.pass(context.Background())
			require.NoError(t, err)
			require.Zero(t, again, "claimed: there may be more")
			got := h.load(d.Subject).State
			require.Equal(t, c.state, got.State)
			require.Equal(t, c.cause, got.Cause)
			if c.placed {
				c.hold = h.standing()[0].ID
			}
			require.Equal(t, c.hold, got.Hold)
		})
	}
}

// Under the network's "not before" a post leaves the queue until then: nobody claims it again and again
// in the moments in which it could be handed over, but not sent.
func TestNotBeforeIsNotClaimedInVain(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	now := time.Now()
	until := now.Add(ahead - time.Second)
	h.setChannel(free, func(c *palinsesto.Channel) { c.NotBefore = until })
	d := h.put(palinsesto.PostWasQueued, draft(h.report().State, now))
	h.shown()
	s := h.room(func(d *Deps) { d.Clock = func() time.Time { return now } })
	for _, claimed := range []bool{true, false} {
		again, err := s.pass(ctx)
		require.NoError(t, err)
		require.Equal(t, claimed, again == 0)
	}
	now = until.Add(time.Millisecond)
	again, err := s.pass(ctx)
	require.NoError(t, err)
	require.Zero(t, again, "claimed when the network takes it again")
	require.Equal(t, palinsesto.PostDue, h.load(d.Subject).State.State)
}

// Held, then lifted: within the grace it goes out, past it it is missed.
func TestLiftedThenClaimed(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for grace, want := range map[time.Duration]palinsesto.PostState{20 * time.Minute: palinsesto.PostDue, 40 * time.Minute: palinsesto.PostMissed} {
		p := as(draft(h.report().State, time.Now().Add(-grace)), palinsesto.PostHeld)
		d := h.put(palinsesto.PostWasHeld, p)
		require.NoError(t, s.letGoOne(context.Background(), p, "h"))
		h.shown()
		_, err := s.pass(context.Background())
		require.NoError(t, err)
		require.Equal(t, want, h.load(d.Subject).State.State)
	}
}

// Nothing is handed over more than the agreed moment ahead.
func TestNeverHandedOverEarly(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	inBackground(t, s.Run)
	dues := map[string]time.Time{}
	for i := range 10 {
		due := time.Now().Add(time.Duration(i) * 300 * time.Millisecond)
		seg := h.report(on(free, due, false))
		dues[subjectOf(seg.State)] = due
	}
	for subject, due := range dues {
		h.until(subject, palinsesto.PostDue)
		records, err := h.History(context.Background(), subject, 10)
		require.NoError(t, err)
		last := records[len(records)-1]
		require.Equal(t, "due", last.Event)
		require.False(t, last.Time.Before(due.Add(-ahead)), "handed over %s before its moment", due.Sub(last.Time))
	}
}

// A room whose clock is not the log's claims nothing until they agree.
func TestClockOff(t *testing.T) {
	h := newHouse(t)
	wrong := h.room(func(d *Deps) {
		d.Bus = bustest.Connect(t, h.server, func(o *bus.Options) { o.Clock = func() time.Time { return time.Now().Add(time.Hour) } })
		d.Clock = func() time.Time { return time.Now().Add(time.Hour) }
	})
	p := h.put(palinsesto.PostWasQueued, draft(h.report().State, time.Now().Add(time.Minute)))
	h.shown()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- wrong.runDue(ctx) }()
	require.Eventually(t, func() bool { return wrong.ClockOff() != 0 }, patience, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, p.Seq, h.load(p.Subject).Seq)
	require.Zero(t, wrong.pulse.last.Load(), "it claimed")
}

// Instants are instants: the night in which an hour comes twice changes nothing.
func TestDaylightSaving(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	h := newHouse(t, func(c *config.Config) { c.Organisation.Timezone = "Europe/Rome" })
	s := h.room()
	first := time.Date(2027, 10, 31, 0, 30, 0, 0, time.UTC).In(rome) // 02:30, summer
	for _, due := range []time.Time{first, first.Add(time.Hour)} {   // 02:30 again
		seg := h.report(on(spaced, due, false))
		require.NoError(t, h.tell(s, seg))
		require.True(t, h.load(subjectOf(seg.State)).State.Due.Equal(due))
	}
	c := h.channel(spaced)
	require.Len(t, c.Reserved, 2)
	require.Equal(t, time.Hour, c.Reserved[1].At.Sub(c.Reserved[0].At))
}
