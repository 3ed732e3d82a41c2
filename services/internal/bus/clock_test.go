// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

// wrongBy gives a clock that is off by what the test says at the moment, and counts how often it was read.
func wrongBy(t *testing.T) (c *bus.Clock, off *atomic.Int64, read *atomic.Int32) {
	t.Helper()
	off, read = new(atomic.Int64), new(atomic.Int32)
	b := bustest.Connect(t, bustest.Server(t), func(o *bus.Options) {
		o.Clock = func() time.Time { read.Add(1); return time.Now().Add(time.Duration(off.Load())) }
	})
	return b.NewClock(slog.New(slog.DiscardHandler)), off, read
}

func TestClockAgrees(t *testing.T) {
	c, wrong, _ := wrongBy(t)
	for _, off := range []time.Duration{3 * time.Second, -3 * time.Second, time.Hour, 1900 * time.Millisecond} {
		wrong.Store(int64(off))
		require.Equal(t, off < 2*time.Second && off > -2*time.Second, c.Agrees(context.Background()), "off by %s", off)
		require.InDelta(t, -off, c.Off(), float64(time.Second))
	}
	wrong.Store(int64(time.Hour))
	require.False(t, c.Agrees(context.Background()), "a clock that was set is seen at once")
}

// Of many that ask at once one asks the log.
func TestClockAskedOnceForAll(t *testing.T) {
	c, _, read := wrongBy(t)
	before := read.Load()
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range 50 {
		wg.Go(func() {
			<-begin
			if !c.Agrees(context.Background()) {
				t.Error("the clocks agree")
			}
		})
	}
	close(begin)
	wg.Wait()
	require.EqualValues(t, 50+3, read.Load()-before, "each looks at its clock, one asks the log")
}
