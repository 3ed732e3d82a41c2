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
