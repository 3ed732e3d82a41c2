// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// A house is idle for most of the day and then has a thousand posts due at nine. With Go's usual setting
// (collect whenever the heap has doubled, https://go.dev/doc/gc-guide) the small heap of an idle house
// is collected dozens of times a second while it is busy: a third of the processor. So the heap may grow
// by more while much is allocated, and by less than usual when it is not: an idle house allocates so little
// that the processor does not notice, and is small for it. What counts is the rate, not how far apart the
// collections are: room to grow puts them apart, and a busy house would be taken for a calm one again.
const (
	busyRate   = 4 << 20   // bytes a second: from here on a house is busy
	spare      = 256 << 20 // bytes that the heap of a busy one may grow by
	calm       = 50        // percent, of a house that is not busy
	usual      = 100       // percent, Go's own, given back at the end
	leastBusy  = 200       // percent, of a heap that is larger than that
	mostBusy   = 1000      // percent
	liveBytes  = "/gc/heap/live:bytes"
	allocBytes = "/gc/heap/allocs:bytes"
)

// pacer sets the percentage anew after every collection.
type pacer struct {
	last  time.Time
	bytes uint64 // allocated until then
	ended atomic.Bool
}

// paceGC begins to do so, until the returned function is called; whoever has set GOGC keeps what they set.
func paceGC() func() {
	p := &pacer{}
	if os.Getenv("GOGC") == "" {
		p.again()
	}
	return func() { p.ended.Store(true) }
}

// collected is found unused by the very next collection, and tells so by its finalizer.
type collected struct{ p *pacer }

func (p *pacer) again() {
	runtime.SetFinalizer(&collected{p}, func(c *collected) { c.p.next() })
}

func (p *pacer) next() {
	if p.ended.Load() {
		debug.SetGCPercent(usual)
		return
	}
	now, read := time.Now(), []metrics.Sample{{Name: liveBytes}, {Name: allocBytes}}
	metrics.Read(read)
	live, bytes := read[0].Value.Uint64(), read[1].Value.Uint64()
	debug.SetGCPercent(percent(now.Sub(p.last), bytes-p.bytes, live))
	p.last, p.bytes = now, bytes
	p.again()
}

// percent is by how much the heap may grow until the next collection, given how long ago the last one was,
// what was allocated since, and how many bytes are left alive.
func percent(since time.Duration, allocated, live uint64) int {
	if float64(allocated) < busyRate*since.Seconds() {
		return calm
	}
	return int(min(mostBusy, max(leastBusy, spare*100/max(1, live))))
}
