// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// clockMost is how far a room's clock may be from the log's.
	clockMost  = 2 * time.Second
	clockEvery = 5 * time.Second
)

// Clock compares the wall clock of a room with the log's, and with itself. What acts at a moment asks it
// first: with a clock that is off it would act hours early, or never.
type Clock struct {
	b   *Bus
	log *slog.Logger

	mu   sync.Mutex // of asking: of many at once one asks
	told bool       // that it does not agree
	last atomic.Pointer[reading]
	off  atomic.Int64 // nanoseconds
}

// reading is what was found when the log was asked last.
type reading struct {
	at   time.Time // with its monotonic part
	wall time.Time // of the room's clock, without
	good bool
}

// NewClock makes a Clock that says in log when it does not agree.
func (b *Bus) NewClock(log *slog.Logger) *Clock {
	c := &Clock{b: b, log: log}
	c.last.Store(&reading{})
	return c
}

// Off is how far the log's clock is ahead of the room's.
func (c *Clock) Off() time.Duration { return time.Duration(c.off.Load()) }

// Agrees tells whether the clock may be trusted. It asks the log every few seconds, at once when the
// wall clock moved otherwise than the monotonic one, and as long as they do not agree.
func (c *Clock) Agrees(ctx context.Context) bool {
	now := time.Now()
	if c.last.Load().holds(now, c.b.o.Clock()) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.last.Load(); r.at.After(now) {
		return r.good // another one has asked meanwhile
	}
	return c.ask(ctx)
}

func (c *Clock) ask(ctx context.Context) bool {
	off, err := c.b.ClockOff(ctx)
	r := &reading{time.Now(), c.b.o.Clock().Round(0), err == nil && off.Abs() <= clockMost}
	c.last.Store(r)
	c.off.Store(int64(off))
	if !r.good && !c.told && ctx.Err() == nil {
		c.log.Error("clock differs from the log's, or the log is away: nothing is done until they agree", "off", off, "error", err)
	}
	c.told = !r.good
	return r.good
}

func (r *reading) holds(now, clock time.Time) bool {
	// Round(0) strips the monotonic reading: what remains is the difference of wall clocks.
	step := clock.Round(0).Sub(r.wall) - now.Sub(r.at)
	return r.good && now.Sub(r.at) < clockEvery && step.Abs() <= clockMost
}
