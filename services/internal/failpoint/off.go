// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !failpoints

// Package failpoint kills the process at a named step, for the tests that prove what a crash there
// leaves behind. In a normal build a failpoint is nothing at all.
package failpoint

// Hit does nothing: this build has no failpoints.
func Hit(string) {}
