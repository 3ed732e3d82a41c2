// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"math/rand/v2"
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
// spacing, and none before the moment that was asked for.
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
	require.Len(t, c.Reserved, len(segs))
	apart(t, c)
	for _, seg := range segs {
		p := h.load(subjectOf(seg.State)).State
		require.False(t, p.Due.Before(seg.State.Approval.Due), "moved before what was asked for")
		at, ok := c.ReservedFor(p.ID)
		require.True(t, ok)
		require.True(t, at.Equal(p.Due))
	}
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
