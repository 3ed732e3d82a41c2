// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package house

import "runtime/debug"

// settle gives back what only the start needed.
func settle() error {
	debug.FreeOSMemory()
	return nil
}
