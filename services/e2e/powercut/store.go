// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut

import (
	"maps"
	"sync"
	"syscall"
	"time"
)

// Names says what makes a new, moved or removed name survive.
type Names int

const (
	// Letter is fsync(2) to the letter: only an fsync of the directory keeps its names.
	Letter Names = iota
	// Journal is what ext4, XFS and btrfs do: an fsync of anything commits the journal, and with it every
	// change of a name that came before.
	Journal
)

// store is the tree as programs see it and as the disk has it.
type store struct {
	mu      sync.Mutex
	names   Names
	root    *inode
	last    uint64
	waiting []naming // changes of names that the disk does not have, oldest first
	off     bool     // between the cut and the next mount nothing answers
	tally   Tally
}

// inode is a file or a directory.
type inode struct {
	id    uint64
	mode  uint32
	mtime time.Time

	live, kept map[string]*inode // of a directory: as seen, and on the disk

	atOnce bool // of a directory: FS_DIRSYNC_FL, the D of chattr(1)

	data, disk []byte   // of a file: as seen, and on the disk
	dirty      []change // what makes disk into data
}

func (i *inode) isDir() bool { return i.mode&syscall.S_IFMT == syscall.S_IFDIR }

// change is a write, or with no data a cut or growth to a length.
type change struct {
	off  int64
	data []byte
}

// naming is one step of the journal: what a rename does to two directories is done whole or not at all.
type naming []binding

// binding gives a name in a directory to an inode; nil: takes it away.
type binding struct {
	dir  *inode
	name string
	to   *inode
}

// Tally counts what went through the disk.
type Tally struct {
	Writes, Flushes int // calls
	Cuts            int
	LostWrites      int // of files that had a name on the disk
	LostNames       int
}

func newStore(names Names) *store {
	s := &store{names: names}
	s.root = s.fresh(syscall.S_IFDIR | 0o755)
	return s
}

func (s *store) fresh(mode uint32) *inode {
	s.last++
	i := &inode{id: s.last, mode: mode, mtime: time.Now()}
	if i.isDir() {
		i.live, i.kept = map[string]*inode{}, map[string]*inode{}
	}
	return i
}

// bind changes names as programs see them; the disk learns it by a flush.
func (s *store) bind(step ...binding) {
	for _, b := range step {
		put(b.dir.live, b)
		b.dir.mtime = time.Now()
	}
	s.waiting = append(s.waiting, step)
	for _, b := range step {
		if b.dir.atOnce {
			s.flushNames(b.dir)
		}
	}
}

func put(names map[string]*inode, b binding) {
	if b.to == nil {
		delete(names, b.name)
	} else {
		names[b.name] = b.to
	}
}

func (s *store) write(i *inode, p []byte, off int64) {
	s.tally.Writes++
	c := change{off: off, data: append([]byte{}, p...)}
	i.data, i.dirty, i.mtime = c.on(i.data), append(i.dirty, c), time.Now()
}

func (s *store) resize(i *inode, size int64) {
	c := change{off: size}
	i.data, i.dirty, i.mtime = c.on(i.data), append(i.dirty, c), time.Now()
}

// on applies a change to content; what lies between the old end and the new data reads as zeros.
func (c change) on(content []byte) []byte {
	end := c.off + int64(len(c.data))
	if c.data == nil && end < int64(len(content)) {
		return content[:end:end] // a copy at the next growth, so that no old byte comes back
	}
	if grow := end - int64(len(content)); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	copy(content[c.off:], c.data)
	return content
}

// flush is fsync.
func (s *store) flush(i *inode) {
	s.tally.Flushes++
	i.settle()
	switch {
	case s.names == Journal:
		s.commit(len(s.waiting))
	case i.isDir():
		s.flushNames(i)
	}
}

func (i *inode) settle() {
	for _, c := range i.dirty {
		i.disk = c.on(i.disk)
	}
	i.dirty = nil
}

// commit keeps the oldest n steps.
func (s *store) commit(n int) {
	for _, step := range s.waiting[:n] {
		step.commit()
	}
	s.waiting = append([]naming{}, s.waiting[n:]...)
}

func (n naming) commit() {
	for _, b := range n {
		put(b.dir.kept, b)
	}
}

// flushNames keeps the steps that touch a directory, and those before them that touch what these touch:
// otherwise an older step would undo a newer one later.
func (s *store) flushNames(dir *inode) {
	touched := map[*inode]bool{dir: true}
	taken := make([]bool, len(s.waiting))
	for k := len(s.waiting) - 1; k >= 0; k-- {
		for _, b := range s.waiting[k] {
			taken[k] = taken[k] || touched[b.dir]
		}
		for _, b := range s.waiting[k] {
			if taken[k] {
				touched[b.dir] = true
			}
		}
	}
	var rest []naming
	for k, step := range s.waiting {
		if taken[k] {
			step.commit()
		} else {
			rest = append(rest, step)
		}
	}
	s.waiting = rest
}

// flushAll is sync(2), or a minute of quiet.
func (s *store) flushAll() {
	s.commit(len(s.waiting))
	s.root.walk(func(i *inode) { i.settle() })
}

// walk visits what has a name on the disk, in the order of the names.
func (i *inode) walk(visit func(*inode)) {
	visit(i)
	for _, name := range sorted(maps.Keys(i.kept)) {
		i.kept[name].walk(visit)
	}
}
