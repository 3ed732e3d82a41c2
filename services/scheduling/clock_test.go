// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

// "As soon as possible" by a clock that is an hour ahead would be in an hour: no post is given a moment
// while the clock differs from the log's.
func TestNoMomentByAWrongClock(t *testing.T) {
	h := newHouse(t)
	seg := h.report()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		wrong := func() time.Time { return time.Now().Add(off) }
		room := h.room(at(off), func(d *Deps) { d.Bus = bustest.Connect(t, h.server, func(o *bus.Options) { o.Clock = wrong }) })
		err := room.onSegnalazione(context.Background(), bus.Delivery{Record: bus.Record{Subject: seg.Subject, Seq: seg.Seq}})
		require.True(t, bus.IsLater(err), "off by %s: %v", off, err)
	}
	require.NoError(t, h.room().onSegnalazione(context.Background(), bus.Delivery{Record: bus.Record{Subject: seg.Subject, Seq: seg.Seq}}))
}
