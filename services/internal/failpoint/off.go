// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !failpoints

// Package failpoint kills or stops the process at a named step, and sets its clock, for the tests that
// prove what a crash there leaves behind. In a normal build a failpoint is nothing at all.
package failpoint

import "time"

// Hit does nothing: this build has no failpoints.
func Hit(string) {}

// Clock is the machine's: this build has no other.
func Clock() func() time.Time { return time.Now }
