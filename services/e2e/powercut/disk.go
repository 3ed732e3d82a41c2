// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Disk is mounted on a folder; programs use it as any other.
type Disk struct {
	dir    string
	store  *store
	server *fuse.Server
	wait   atomic.Int64 // nanoseconds that each flush takes
}

// Mount puts an empty disk on an empty folder.
func Mount(dir string, names Names) (*Disk, error) {
	d := &Disk{dir: dir, store: newStore(names)}
	return d, d.mount()
}

func (d *Disk) mount() error {
	o := &fs.Options{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	// As root mount(2) is enough; for others go-fuse goes on to the set-uid helper fusermount3.
	o.MountOptions = fuse.MountOptions{DirectMount: true, FsName: "powercut", Name: "powercut", MaxWrite: 512 << 10}
	server, err := fs.Mount(d.dir, &node{disk: d, inode: d.store.root}, o)
	if err != nil {
		return fmt.Errorf("the disk that loses power is not mounted on %s: it needs /dev/fuse (modprobe fuse; in a container --device /dev/fuse --cap-add SYS_ADMIN) and, unless run as root, the package fuse3 (apt-get install fuse3): %w", d.dir, err)
	}
	d.server = server
	return nil
}

// Cut takes the power away: from here every call fails, and what nobody flushed is gone. With chance, part
// of it reached the disk before.
func (d *Disk) Cut(chance *rand.Rand) {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	d.store.cut(chance)
}

// Restore gives the power back, once every program that used the disk is gone.
func (d *Disk) Restore() error {
	if err := d.Close(); err != nil {
		return err
	}
	d.store.mu.Lock()
	d.store.off = false
	d.store.mu.Unlock()
	return d.mount()
}

// Sync flushes everything, as sync(2) and as some minutes of quiet do.
func (d *Disk) Sync() {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	d.store.flushAll()
}

// Slow has every flush take so long, as on a disk that is worn, shared or full of other work; 0: as quick
// as it is.
func (d *Disk) Slow(by time.Duration) { d.wait.Store(int64(by)) }

// drag is the wait of one flush. Nothing is locked meanwhile: other files are read and written.
func (d *Disk) drag() {
	if by := time.Duration(d.wait.Load()); by > 0 {
		<-time.After(by)
	}
}

// Tally counts since the first mount.
func (d *Disk) Tally() Tally {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	return d.store.tally
}

// Close unmounts. By force where that is allowed, which ends the connection too: a mount namespace that
// somebody made meanwhile (unshare -m) holds a copy of the mount, and a plain unmount would wait for its
// end. Detached, as the kernel closes the files of a killed process a moment after it is gone.
func (d *Disk) Close() error {
	if err := unix.Unmount(d.dir, unix.MNT_FORCE|unix.MNT_DETACH); err == nil {
		d.server.Wait()
		return nil
	}
	if err := d.server.Unmount(); err != nil {
		return fmt.Errorf("unmount %s (does a program still use it?): %w", d.dir, err)
	}
	return nil
}
