// SPDX-License-Identifier: AGPL-3.0-or-later

// Package durable writes files that are there, under their name and whole, after a power cut.
//
// fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing the
// file has also reached disk. For that an explicit fsync() on a file descriptor for the directory is also
// needed." The kept libraries that replace a file in one step (google/renameio, natefinch/atomic,
// moby/sys/atomicwriter) flush the file and leave its name to the file system; hence this page.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Write replaces a file, 0600, in one step: nobody reads half of it, a crash leaves the old one or the new
// one, and when it returns nil the new one is on the disk with its name.
func Write(path string, data []byte) error {
	dir, name := filepath.Split(path)
	tmp, err := os.CreateTemp(filepath.Clean(dir), "."+name+"-*") // made 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // what cannot be removed is told by the first error
		return err
	}
	return Flush(filepath.Dir(path))
}

// Folder makes a folder, 0700, with those above it that are missing, and flushes each name.
func Folder(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	above := []string{filepath.Dir(dir)} // its own name too may be as young as a minute
	for d := above[0]; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		above = append(above, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range slices.Backward(above) {
		// A folder that we may enter and not read, such as a mount point of root's, cannot be opened for this.
		if err := Flush(d); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// Flush brings a file, or the names in a folder, to the disk.
func Flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if info, serr := f.Stat(); serr == nil && info.IsDir() && errors.Is(err, syscall.EINVAL) {
		err = nil // some network file systems have no flush for folders: fsync(2), EINVAL
	}
	return errors.Join(err, f.Close())
}
