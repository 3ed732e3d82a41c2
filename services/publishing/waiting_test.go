// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A post that is due now does not stand behind those that wait for their moment; and those are given
// back at a stop, without an intent.
func TestWaitingKeepsNobodyBack(t *testing.T) {
	h := newHouse(t, func(c *config.Config) { c.Channels[0].Options.Workers = 2 })
	later := time.Now().Add(3 * time.Second)
	var early []post
	for range 4 {
		early = append(early, h.put(palinsesto.PostWasDue, draft(h.approve("poi").State, later)))
	}
	p := h.due("subito")
	stop := h.start("w1")
	h.until(p.Subject, palinsesto.PostPosted)
	require.True(t, time.Now().Before(later), "it waited for the others")
	stop()
	require.True(t, time.Now().Before(later), "the stop waited for their moment")
	for _, e := range early {
		require.Equal(t, e.Seq, h.load(e.Subject).Seq)
	}
}

// A backlog of a channel with spacing goes back to scheduling, which gives each post a moment anew: it
// does not burst when publishing comes back. Half of a post is brought to its end, though, and what is
// late by a hitch is not moved.
func TestBacklogGoesBack(t *testing.T) {
	h := newHouse(t, func(c *config.Config) {
		c.Channels[0].Spacing, c.Publishing.Grace = time.Minute, 30*time.Minute
	})
	w := h.worker("w1")
	cases := []struct {
		name  string
		texts []string
		late  time.Duration
		half  bool
		then  palinsesto.PostState
	}{
		{"long past", []string{"testo"}, 8 * time.Minute, false, palinsesto.PostQueued},
		{"a hitch", []string{"testo"}, time.Second, false, palinsesto.PostPosted},
		{"half of it is out", []string{"foto", "testo"}, 8 * time.Minute, true, palinsesto.PostPosted},
	}
	for _, c := range cases {
		p := draft(h.approve(c.texts...).State, time.Now().Add(-c.late))
		p.Parts[0].Posted = c.half
		d := h.put(palinsesto.PostWasDue, p)
		require.NoError(t, w.deliver(t.Context(), d), c.name)
		got := h.load(d.Subject).State
		require.Equal(t, c.then, got.State, c.name)
		require.Equal(t, p.FirstDue.Unix(), got.FirstDue.Unix(), "the outage has used up what it used")
	}
	require.Len(t, h.net.made(), 2)
}
