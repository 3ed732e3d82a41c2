// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build failpoints

package failpoint

import (
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// ClockVariable names a file with an offset such as -1h, which the clock of this process is off by. The
// file may change at any time; without it the clock is right.
const ClockVariable = "PALINSESTO_CLOCK_FILE"

// clockLook is how often the file is looked at.
const clockLook = 50 * time.Millisecond

// Clock is the machine's clock, off by what the file says. It is looked at by and by, so that reading the
// time stays as quick as it is.
func Clock() func() time.Time {
	file := os.Getenv(ClockVariable)
	if file == "" {
		return time.Now
	}
	var off atomic.Int64
	look := func() {
		raw, _ := os.ReadFile(file) // not there: no offset
		d, err := time.ParseDuration(strings.TrimSpace(string(raw)))
		if err != nil {
			d = 0
		}
		off.Store(int64(d))
	}
	look()
	go func() {
		for range time.Tick(clockLook) {
			look()
		}
	}()
	return func() time.Time {
		d := time.Duration(off.Load())
		if d == 0 {
			return time.Now()
		}
		// A wall clock that was set does not move the monotonic one with it: of two such readings only the
		// walls are left to compare.
		return time.Now().Round(0).Add(d)
	}
}
