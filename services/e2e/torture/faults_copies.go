// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"time"
)

// copyFaults are copies of rooms that come and go.
func copyFaults() []fault {
	return []fault{
		{"copies-four", "every room four times: two copies more come, and go again", severalRooms, 6 * time.Second, 9 * time.Second, moreCopies},
	}
}

// moreCopies has them asked to end afterwards, as whoever needs them no more does.
func moreCopies(_ context.Context, d *driver) func() {
	w := d.r.world
	var more []*room
	for n := range copies {
		rooms, err := w.openRooms(copies + n + 1)
		d.must(err)
		more = append(more, rooms...)
	}
	return func() { d.must(w.dismiss(more)) }
}
