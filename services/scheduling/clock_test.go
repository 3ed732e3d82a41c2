// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
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

// Nor by a clock that is set between the question whether it is right and the reading of it.
func TestNoMomentByAClockThatIsJustSet(t *testing.T) {
	h := newHouse(t)
	seg := h.report()
	delivery := bus.Delivery{Record: bus.Record{Subject: seg.Subject, Seq: seg.Seq}}
	var asked, off atomic.Int64
	clock := func() time.Time {
		if n := asked.Add(1); n == off.Load() {
			off.Store(-1)
		}
		if off.Load() < 0 {
			return time.Now().Round(0).Add(time.Hour)
		}
		return time.Now()
	}
	room := h.room(func(d *Deps) {
		d.Bus = bustest.Connect(t, h.server, func(o *bus.Options) { o.Clock = clock })
		d.Clock = clock
	})
	require.True(t, room.clock.Agrees(t.Context()))
	before := asked.Load()
	require.True(t, room.clock.Agrees(t.Context()))
	off.Store(asked.Load() + (asked.Load() - before) + 1) // right while onSegnalazione asks, set before the moment is read
	err := room.onSegnalazione(t.Context(), delivery)
	require.True(t, bus.IsLater(err), "%v", err)
	off.Store(0)
	require.NoError(t, room.onSegnalazione(t.Context(), delivery))
	p := h.load(contract.PostSubject(free, palinsesto.PostID(seg.State.ID, free, 0)))
	require.WithinDuration(t, time.Now(), p.State.Due, time.Minute)
}
