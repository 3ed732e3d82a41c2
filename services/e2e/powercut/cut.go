// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// page is what a kernel writes back at a time: a page on the disk is as it was at one moment.
const page = 4096

// cut makes what the disk has into what programs see. With a source of chance, part of what nobody flushed
// did reach the disk: of the names the older ones, as a journal commits in order; of each file any page as
// it was at any moment since the last flush, as a kernel writes pages back in any order.
func (s *store) cut(chance *rand.Rand) {
	s.off = true
	s.tally.Cuts++
	if chance != nil {
		s.commit(chance.IntN(len(s.waiting) + 1))
	}
	s.tally.LostNames += len(s.waiting)
	s.waiting = nil
	s.root.walk(func(i *inode) {
		if chance != nil {
			i.reach(chance)
		}
		s.tally.LostWrites += len(i.dirty)
		i.data, i.dirty = slices.Clone(i.disk), nil
		i.live = maps.Clone(i.kept)
	})
}

// reach lets part of the waiting changes reach the disk.
func (i *inode) reach(chance *rand.Rand) {
	until := map[int64]int{} // by page: how many of the changes its copy on the disk has seen
	lengths := someOf(chance, len(i.dirty))
	var lost []change
	for k, c := range i.dirty {
		if c.data == nil {
			if k < lengths {
				i.disk = c.on(i.disk)
			} else {
				lost = append(lost, c)
			}
			continue
		}
		for piece := range c.pages() {
			n := piece.off / page
			if _, ok := until[n]; !ok {
				until[n] = someOf(chance, len(i.dirty))
			}
			if k < until[n] {
				i.disk = piece.on(i.disk)
			} else {
				lost = append(lost, piece)
			}
		}
	}
	i.dirty = lost
}

// someOf is none, all, or any number between.
func someOf(chance *rand.Rand, n int) int {
	switch chance.IntN(3) {
	case 0:
		return 0
	case 1:
		return n
	}
	return chance.IntN(n + 1)
}

// pages splits a write where pages end.
func (c change) pages() iter.Seq[change] {
	return func(yield func(change) bool) {
		for off, data := c.off, c.data; len(data) > 0; {
			n := min(int64(len(data)), page-off%page)
			if !yield(change{off: off, data: data[:n]}) {
				return
			}
			off, data = off+n, data[n:]
		}
	}
}

func sorted(names iter.Seq[string]) []string { return slices.Sorted(names) }
