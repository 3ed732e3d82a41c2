// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut

import (
	"context"
	"encoding/binary"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"golang.org/x/sys/unix"
)

// dirsync is FS_DIRSYNC_FL of linux/fs.h: changes in a directory are flushed before the call returns, and
// directories made inside begin with the same (chattr(1), D).
const dirsync = 0x10000

// getXattr is FS_IOC_FSGETXATTR of linux/fs.h: the kernel asks what stands before it sets flags; none of
// what a struct fsxattr tells is known here.
const getXattr = 0x801c581f

// Ioctl knows the flags of directories, as ext4 and btrfs do.
func (n *node) Ioctl(_ context.Context, _ fs.FileHandle, cmd uint32, _ uint64, in, out []byte) (int32, syscall.Errno) {
	return 0, n.powered(func(*store) syscall.Errno {
		switch {
		case !n.inode.isDir():
			return syscall.ENOTTY
		case cmd == unix.FS_IOC_GETFLAGS && len(out) >= 4:
			var flags uint32
			if n.inode.atOnce {
				flags = dirsync
			}
			binary.NativeEndian.PutUint32(out, flags)
			return 0
		case cmd == unix.FS_IOC_SETFLAGS && len(in) >= 4:
			flags := binary.NativeEndian.Uint32(in)
			if flags&^dirsync != 0 {
				return syscall.EOPNOTSUPP
			}
			n.inode.atOnce = flags == dirsync
			return 0
		case cmd == getXattr:
			clear(out)
			return 0
		}
		return syscall.ENOTTY
	})
}
