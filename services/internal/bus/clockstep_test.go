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
	require.True(t, (&reading{now, true}).holds(now.Add(clockEvery-1)))
	require.False(t, (&reading{now, true}).holds(now.Add(clockEvery)))
	require.False(t, (&reading{now, false}).holds(now))
	require.False(t, (&reading{}).holds(now), "never asked")
}
