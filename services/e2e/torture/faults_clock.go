// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"time"
)

// clockFaults set the clocks of processes by a file that only the build with failpoints reads.
func clockFaults() []fault {
	const from, to = 2 * time.Second, 7 * time.Second
	return []fault{
		{"clock-forward", "all clocks of the house step forward by an hour, and back", always, from, to,
			func(_ context.Context, d *driver) func() { return d.step(d.r.world.all(), time.Hour) }},
		{"clock-back", "all clocks of the house step back by an hour, and forward", always, from, to,
			func(_ context.Context, d *driver) func() { return d.step(d.r.world.all(), -time.Hour) }},
		{"clock-apart", "one process is minutes ahead of the others, or behind", severalRooms, from, to,
			func(_ context.Context, d *driver) func() {
				off := time.Duration(1+d.dice.IntN(9)) * time.Minute
				if d.dice.IntN(2) == 0 {
					off = -off
				}
				return d.step([]*room{d.room()}, off)
			}},
	}
}

func (d *driver) step(rooms []*room, off time.Duration) func() {
	d.r.clockOff.Add(1)
	for _, x := range rooms {
		d.must(os.WriteFile(x.clock, []byte(off.String()), 0o600))
	}
	return func() {
		d.r.clockOff.Add(-1)
		for _, x := range rooms {
			d.must(os.WriteFile(x.clock, []byte("0s"), 0o600))
		}
	}
}
