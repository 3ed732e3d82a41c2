// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the log said is believed for a while only.
func TestReadingHolds(t *testing.T) {
	now := time.Now()
	read := reading{now, now.Round(0), true}
	later := now.Add(clockEvery - 1)
	require.True(t, read.holds(later, later))
	require.False(t, read.holds(now.Add(clockEvery), now.Add(clockEvery)))
	require.False(t, read.holds(now, now.Add(time.Hour)), "the clock was set")
	require.False(t, read.holds(now, now.Add(-time.Hour)), "the clock was set back")
	require.False(t, (&reading{now, now.Round(0), false}).holds(now, now))
	require.False(t, (&reading{}).holds(now, now), "never asked")
}
