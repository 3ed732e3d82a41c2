// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// With a clock ahead of the log's a post would go out early, or be missed before its moment; with one
// behind, late. A room whose clock is off does nothing until they agree again.
func TestClockOff(t *testing.T) {
	h := newHouse(t)
	for _, off := range []time.Duration{time.Hour, 10 * time.Second, -time.Hour} {
		clock := func() time.Time { return time.Now().Add(off) }
		w := h.worker("w1", func(d *Deps) {
			d.Clock, d.Bus = clock, bustest.Connect(t, h.server, func(o *bus.Options) { o.Clock = clock })
		})
		p := h.due("testo")
		require.True(t, bus.IsLater(w.deliver(context.Background(), p)), "off by %s", off)
		require.Equal(t, p.Seq, h.load(p.Subject).Seq, "off by %s", off)
		require.Empty(t, h.net.made(), "off by %s", off)
		require.InDelta(t, -off, w.ClockOff(), float64(time.Second), "readiness tells it")
		off = 0
		require.NoError(t, w.deliver(context.Background(), p))
		require.Equal(t, palinsesto.PostPosted, h.load(p.Subject).State.State)
		h.net.calls = nil
	}
}
