// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wait lets time pass, for whoever tries again by and by and must end at once when asked to.
package wait

import (
	"context"
	"time"
)

// For waits; false when ctx ended first.
func For(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
