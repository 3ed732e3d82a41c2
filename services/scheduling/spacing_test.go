// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// apart checks that no two moments of a channel are nearer than its spacing.
func apart(t *testing.T, c palinsesto.Channel) {
	t.Helper()
	for i := 1; i < len(c.Reserved); i++ {
		d := c.Reserved[i].At.Sub(c.Reserved[i-1].At)
		require.GreaterOrEqual(t, d, spacing, "moments %d and %d", i-1, i)
	}
}

// Whatever is approved for whichever moments, by two copies at once: never two posts nearer than the
// spacing, none before the moment that was asked for, and what may not bend at that moment or not at all.
func TestSpacingHolds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	h := newHouse(t)
	rooms := []*Service{h.room(), h.room()}
	base := time.Now().Add(time.Hour).Truncate(time.Second)
	var segs []segnalazione
	for range 60 {
		wanted := base.Add(time.Duration(random.IntN(1200)) * time.Second)
		if random.IntN(4) == 0 {
			wanted = time.Time{}
		}
		segs = append(segs, h.report(on(spaced, wanted, random.IntN(2) == 0)))
	}
	var wg sync.WaitGroup
	for i, seg := range segs {
		wg.Go(func() {
			if err := h.tell(rooms[i%2], seg); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c := h.channel(spaced)
	apart(t, c)
	waiting := 0
	for _, seg := range segs {
		p := h.load(subjectOf(seg.State)).State
		require.False(t, p.Due.Before(seg.State.Approval.Due), "moved before what was asked for")
		at, ok := c.ReservedFor(p.ID)
		if !p.Bend {
			require.True(t, p.Due.Equal(seg.State.Approval.Due))
		}
		if p.State == palinsesto.PostMissed {
			require.Equal(t, causeTaken, p.Cause)
			require.False(t, p.Bend || ok)
			continue
		}
		waiting++
		require.True(t, ok)
		require.True(t, at.Equal(p.Due))
	}
	require.Len(t, c.Reserved, waiting)
}

// A moment that a person set, and that may not bend, is kept or told to be gone: also when it went to
// another post after it was queued.
func TestMomentThatMayNotBend(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	when := time.Now().Add(ahead / 2)
	one, two := h.report(on(spaced, when, false)), h.report(on(spaced, when, false))
	require.NoError(t, h.tell(s, one))
	require.NoError(t, h.tell(s, two))
	p := h.load(subjectOf(two.State)).State
	require.Equal(t, palinsesto.PostMissed, p.State)
	require.Equal(t, causeTaken, p.Cause)
	require.True(t, p.NeedsHand())

	h.setChannel(spaced, func(c *palinsesto.Channel) {
		*c = c.Release(palinsesto.PostID(one.State.ID, spaced, 0)).Reserve("another", when, time.Time{})
	})
	now := time.Now()
	s.Clock = func() time.Time { return now }
	first := h.load(subjectOf(one.State))
	require.NoError(t, s.decide(context.Background(), first, situation{}))
	require.Equal(t, causeTaken, h.load(first.Subject).State.Cause)

	// The operator finds a moment for it: another one, as soon as there is room.
	cmd := postCommand(operatore, "requeue", p.ID)
	cmd.Due = when.Add(time.Second)
	_, err := s.command("requeue", cmd)
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
	got, err := s.command("requeue", postCommand(operatore, "requeue", p.ID))
	require.NoError(t, err)
	require.Equal(t, palinsesto.PostQueued, got.State)
	require.True(t, got.Due.After(when))
}

// Once its moment has passed while the house was away, such a post goes out with the others of the
// backlog, at their distance: nothing was set too near to another.
func TestMomentThatPassedBends(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	p := draft(h.report(on(spaced, time.Time{}, true)).State, time.Now().Add(-time.Minute))
	p.Bend = false
	d := h.put(palinsesto.PostWasQueued, p)
	h.setChannel(spaced, func(c *palinsesto.Channel) { *c = c.Reserve("another", time.Now(), time.Time{}) })
	require.NoError(t, s.decide(context.Background(), d, situation{}))
	got := h.load(d.Subject).State
	require.Equal(t, palinsesto.PostQueued, got.State)
	require.True(t, got.Due.After(time.Now()))
}

// A channel takes so many waiting posts; what is approved beyond is told, and goes when there is room.
func TestFullChannel(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	h.setChannel(spaced, func(c *palinsesto.Channel) {
		for i := range palinsesto.ReservedMost {
			when := time.Now().Add(time.Hour + time.Duration(i)*spacing)
			c.Reserved = append(c.Reserved, palinsesto.Reservation{Post: palinsesto.DeriveID("full", strconv.Itoa(i)), At: when})
		}
	})
	waiting := h.channel(spaced).Reserved[0]
	seg := h.report(on(spaced, time.Time{}, true))
	require.NoError(t, h.tell(s, seg))
	p := h.load(subjectOf(seg.State)).State
	require.Equal(t, palinsesto.PostMissed, p.State)
	require.Equal(t, causeFull, p.Cause)
	require.NotEmpty(t, p.Problem)
	_, err := s.command("requeue", postCommand(operatore, "requeue", p.ID))
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
	h.shown()
	lines, err := s.many(palinsesto.RequeueMany{Command: command(operatore), Preview: true})
	require.NoError(t, err)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0].Refused, strconv.Itoa(palinsesto.ReservedMost))

	// What has its moment, or had, is handed over however many wait.
	retry := draft(h.report(on(spaced, time.Time{}, true)).State, time.Now())
	retry.State = palinsesto.PostRetrying
	d := h.put(palinsesto.PostWasRetrying, retry)
	require.NoError(t, s.decide(context.Background(), d, situation{}))
	require.Equal(t, palinsesto.PostDue, h.load(d.Subject).State.State)

	h.setChannel(spaced, func(c *palinsesto.Channel) { *c = c.Release(waiting.Post) })
	_, err = s.command("requeue", postCommand(operatore, "requeue", p.ID))
	require.NoError(t, err)
}

// After an outage the backlog goes out in order, at the spacing, and nothing is missed for it.
func TestBacklogAfterAnOutage(t *testing.T) {
	h := newHouse(t)
	const backlog, outage = 30, 25 * time.Minute
	var posts []post
	for i := range backlog {
		due := time.Now().Add(-outage + time.Duration(i)*time.Second)
		seg := h.report(on(spaced, due, true))
		posts = append(posts, h.put(palinsesto.PostWasQueued, draft(seg.State, due)))
	}
	h.shown()
	a, b := h.room(), h.room()
	var wg sync.WaitGroup
	for _, s := range []*Service{a, b} {
		wg.Go(func() {
			if _, err := s.pass(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	apart(t, h.channel(spaced))
	var last time.Time
	gone := 0
	for _, p := range posts {
		got := h.load(p.Subject).State
		if got.State == palinsesto.PostDue {
			gone++
		} else {
			require.Equal(t, palinsesto.PostQueued, got.State)
		}
		require.True(t, got.Due.After(last), "out of order")
		last = got.Due
		used := got.Due.Sub(got.FirstDue)
		require.Less(t, used, h.cfg.Publishing.Grace, "missed for our own spacing")
		require.GreaterOrEqual(t, used, outage-time.Minute, "the outage has used up what it used")
	}
	require.Equal(t, 1, gone, "one at once, the others behind it")

	// Later, each at its moment.
	for i, p := range posts[1:] {
		due := h.load(p.Subject).State.Due
		later := h.room(at(time.Until(due)))
		h.shown()
		require.NoError(t, later.decide(context.Background(), h.load(p.Subject), situation{}))
		require.Equal(t, palinsesto.PostDue, h.load(p.Subject).State.State, "post %d", i+1)
	}
	apart(t, h.channel(spaced))
}

// A post that is tried again and again on a busy channel keeps the grace of its first moment.
func TestRetriesKeepTheirGrace(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	p := draft(h.report(on(spaced, time.Time{}, true)).State, time.Now())
	p.State, p.FirstDue = palinsesto.PostRetrying, time.Now().Add(-29*time.Minute)
	d := h.put(palinsesto.PostWasRetrying, p)
	h.setChannel(spaced, func(c *palinsesto.Channel) { *c = c.Reserve("another", time.Now(), time.Time{}) })
	require.NoError(t, s.decide(context.Background(), d, situation{}))
	got := h.load(d.Subject).State
	require.Equal(t, palinsesto.PostQueued, got.State)
	require.InDelta(t, 29*time.Minute, got.Due.Sub(got.FirstDue), float64(5*time.Second))
}
