// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercent(t *testing.T) {
	for name, c := range map[string]struct {
		since           time.Duration
		allocated, live uint64
		want            int
	}{
		"an idle house":                  {time.Minute, 10 << 20, 10 << 20, calm},
		"the first collection":           {1 << 62, 4 << 20, 0, calm},
		"busy with a small heap":         {time.Millisecond, 4 << 20, 1 << 20, mostBusy},
		"busy: by so much, not by twice": {time.Millisecond, 64 << 20, 64 << 20, 400},
		"busy with a large heap":         {time.Millisecond, 64 << 20, 1 << 30, leastBusy},
		"busy though far apart":          {2 * time.Second, 256 << 20, 64 << 20, 400},
		"nothing alive":                  {time.Millisecond, 4 << 20, 0, mostBusy},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, percent(c.since, c.allocated, c.live)) })
	}
}

// garbage has its bytes allocated on the heap.
var garbage []byte

// The pacer follows the collections, and an ended one gives Go's own setting back.
func TestPacer(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	end := paceGC()
	now := func() uint64 {
		read := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(read)
		return read[0].Value.Uint64()
	}
	busy := func() bool {
		garbage = make([]byte, 1<<20)
		runtime.GC()
		return now() > usual
	}
	require.Eventually(t, busy, 10*time.Second, time.Millisecond)
	end()
	require.Eventually(t, func() bool { runtime.GC(); return now() == usual }, 10*time.Second, time.Millisecond)
}
