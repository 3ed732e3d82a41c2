// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"time"
)

func diskFaults() []fault {
	small := func(w *world) bool { return w.disk != "" }
	return []fault{
		{"disk-low", "room on the disk below the floor", small, time.Second, 4 * time.Second,
			func(_ context.Context, d *driver) func() { return d.fill(diskFloor / 3) }},
		{"disk-full", "no room on the disk at all, while appending and storing media", small, time.Second, 5 * time.Second,
			func(_ context.Context, d *driver) func() { return d.fill(0) }},
		{"disk-slow", "a NATS server's disk takes a long time for each flush", func(w *world) bool { return w.slow != nil }, 2 * time.Second, 6 * time.Second,
			func(_ context.Context, d *driver) func() {
				d.r.world.slow.Slow(between(d.dice, 20*time.Millisecond, 400*time.Millisecond))
				return func() { d.r.world.slow.Slow(0) }
			}},
	}
}

// fill leaves so many bytes free on the log's disk, as far as that can be.
func (d *driver) fill(leave int64) func() {
	d.r.diskFull.Add(1)
	f, err := os.CreateTemp(d.r.world.disk, "filler-")
	if err != nil {
		return func() { d.r.diskFull.Add(-1) } // full already
	}
	block := make([]byte, 256<<10)
	for free(d.r.world.disk) > leave {
		n := min(int64(len(block)), free(d.r.world.disk)-leave)
		if _, err := f.Write(block[:n]); err != nil {
			break
		}
	}
	_ = f.Close() // what did not fit did not fit
	return func() {
		d.must(os.Remove(f.Name()))
		d.r.diskFull.Add(-1)
	}
}
