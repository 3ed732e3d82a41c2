// SPDX-License-Identifier: AGPL-3.0-or-later

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dirsync is FS_DIRSYNC_FL of linux/fs.h, the D of chattr(1).
const dirsync = 0x10000

// Names says whether names that are made, moved or taken away in a folder reach the disk before the call
// returns, whoever makes it; folders made inside begin with the same. It tells whether that was otherwise
// before. errors.ErrUnsupported: the file system does not know it (ext4 and btrfs do; XFS does not, and
// there a new file's name reaches the disk with the file's first fsync).
func Names(dir string, atOnce bool) (changed bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer f.Close()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return false, unsupported(err)
	}
	want := flags &^ dirsync
	if atOnce {
		want |= dirsync
	}
	if want == flags {
		return false, nil
	}
	return true, unsupported(unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(want)))
}

func unsupported(err error) error {
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) ||
		errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return errors.Join(errors.ErrUnsupported, err)
	}
	return err
}
