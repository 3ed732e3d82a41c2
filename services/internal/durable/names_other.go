// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package durable

import "errors"

// Names has no such switch here.
func Names(string, bool) (changed bool, err error) { return false, errors.ErrUnsupported }
