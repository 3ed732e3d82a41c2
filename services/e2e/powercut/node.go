// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut

import (
	"context"
	"maps"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is what the kernel knows of an inode.
type node struct {
	fs.Inode

	disk  *Disk
	inode *inode
}

// handle is an open file; a synchronous one flushes with each write (O_SYNC, O_DSYNC in open(2)).
type handle struct{ sync bool }

func open(flags uint32) handle {
	return handle{sync: flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0}
}

// powered does something with the tree while there is power.
func (n *node) powered(do func(*store) syscall.Errno) syscall.Errno {
	s := n.disk.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return syscall.EIO
	}
	return do(s)
}

func (i *inode) attr(a *fuse.Attr) {
	a.Ino, a.Mode, a.Size, a.Nlink = i.id, i.mode, uint64(len(i.data)), 1
	a.Blocks = (a.Size + 511) / 512
	a.SetTimes(&i.mtime, &i.mtime, &i.mtime)
}

func (n *node) known(ctx context.Context, i *inode, out *fuse.EntryOut) *fs.Inode {
	i.attr(&out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, inode: i}, fs.StableAttr{Mode: i.mode & syscall.S_IFMT, Ino: i.id})
}

// Lookup finds a name.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (found *fs.Inode, errno syscall.Errno) {
	errno = n.powered(func(*store) syscall.Errno {
		i := n.inode.live[name]
		if i == nil {
			return syscall.ENOENT
		}
		found = n.known(ctx, i, out)
		return 0
	})
	return found, errno
}

// Readdir lists names.
func (n *node) Readdir(context.Context) (list fs.DirStream, errno syscall.Errno) {
	errno = n.powered(func(*store) syscall.Errno {
		var entries []fuse.DirEntry
		for _, name := range sorted(maps.Keys(n.inode.live)) {
			i := n.inode.live[name]
			entries = append(entries, fuse.DirEntry{Name: name, Mode: i.mode, Ino: i.id})
		}
		list = fs.NewListDirStream(entries)
		return 0
	})
	return list, errno
}

// Getattr is stat.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return n.powered(func(*store) syscall.Errno {
		n.inode.attr(&out.Attr)
		return 0
	})
}

// Setattr is truncate, chmod and utimes.
func (n *node) Setattr(_ context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.powered(func(s *store) syscall.Errno {
		if size, ok := in.GetSize(); ok {
			s.resize(n.inode, int64(size))
			s.atOnce(f, n.inode)
		}
		if mode, ok := in.GetMode(); ok {
			n.inode.mode = n.inode.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
		}
		if mtime, ok := in.GetMTime(); ok {
			n.inode.mtime = mtime
		}
		n.inode.attr(&out.Attr)
		return 0
	})
}

// Create makes a file and opens it.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (made *fs.Inode, f fs.FileHandle, how uint32, errno syscall.Errno) {
	made, errno = n.add(ctx, name, syscall.S_IFREG|mode, out)
	return made, open(flags), fuse.FOPEN_DIRECT_IO, errno
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, syscall.S_IFDIR|mode, out)
}

func (n *node) add(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (made *fs.Inode, errno syscall.Errno) {
	errno = n.powered(func(s *store) syscall.Errno {
		if n.inode.live[name] != nil {
			return syscall.EEXIST
		}
		i := s.fresh(mode)
		i.atOnce = i.isDir() && n.inode.atOnce
		s.bind(binding{n.inode, name, i})
		made = n.known(ctx, i, out)
		return 0
	})
	return made, errno
}

// Unlink takes a name away.
func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.powered(func(s *store) syscall.Errno {
		s.bind(binding{n.inode, name, nil})
		return 0
	})
}

// Rmdir takes an empty directory away.
func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.powered(func(s *store) syscall.Errno {
		if i := n.inode.live[name]; i != nil && len(i.live) > 0 {
			return syscall.ENOTEMPTY
		}
		s.bind(binding{n.inode, name, nil})
		return 0
	})
}

// Rename moves a name in one step.
func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.powered(func(s *store) syscall.Errno {
		target, ok := to.(*node)
		if !ok || flags != 0 {
			return syscall.EINVAL
		}
		i, old := n.inode.live[name], target.inode.live[newName]
		if i == nil {
			return syscall.ENOENT
		}
		if old != nil && len(old.live) > 0 {
			return syscall.ENOTEMPTY
		}
		s.bind(binding{n.inode, name, nil}, binding{target.inode, newName, i})
		return 0
	})
}

// Open opens a file past the kernel's page cache: what is held back is held back here.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	errno := n.powered(func(s *store) syscall.Errno {
		if flags&syscall.O_TRUNC != 0 {
			s.resize(n.inode, 0)
		}
		return 0
	})
	return open(flags), fuse.FOPEN_DIRECT_IO, errno
}

// Read reads as programs see it, flushed or not.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (got fuse.ReadResult, errno syscall.Errno) {
	errno = n.powered(func(*store) syscall.Errno {
		if off < int64(len(n.inode.data)) {
			dest = dest[:copy(dest, n.inode.data[off:])]
		} else {
			dest = nil
		}
		got = fuse.ReadResultData(dest)
		return 0
	})
	return got, errno
}

// Write holds a write back.
func (n *node) Write(_ context.Context, f fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if h, ok := f.(handle); ok && h.sync {
		n.disk.drag()
	}
	errno := n.powered(func(s *store) syscall.Errno {
		s.write(n.inode, data, off)
		s.atOnce(f, n.inode)
		return 0
	})
	return uint32(len(data)), errno
}

func (s *store) atOnce(f fs.FileHandle, i *inode) {
	if h, ok := f.(handle); ok && h.sync {
		s.flush(i)
	}
}

// Fsync flushes a file, or the names in a directory.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.drag()
	return n.powered(func(s *store) syscall.Errno {
		s.flush(n.inode)
		return 0
	})
}

// Flush is close, which flushes nothing.
func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

// Statfs tells of a disk with room.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const blocks = 64 << 30 / page
	out.Bsize, out.Frsize, out.NameLen = page, page, 255
	out.Blocks, out.Bfree, out.Bavail = blocks, blocks, blocks
	out.Files, out.Ffree = 1<<20, 1<<20
	return 0
}
