// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/palinsesto/palinsesto/services/e2e/powercut"
)

// ownMounts names the variable that says that mounts made here are seen by nobody else.
const ownMounts = "PALINSESTO_TORTURE_MOUNTS"

// apartFromMachine starts this program again where its mounts are its own, as root or as root of a user
// namespace. Where neither is allowed it goes on without: faults that need it are then left out, and the
// report says so.
func apartFromMachine() {
	if os.Getenv(ownMounts) != "" {
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	for _, how := range []string{"-m", "-rm"} {
		if exec.Command(unshare, how, "mount", "--version").Run() != nil { //nolint:gosec,noctx // our own flags, at once
			continue
		}
		args := append([]string{unshare, how, self}, os.Args[1:]...)
		_ = syscall.Exec(unshare, args, append(os.Environ(), ownMounts+"=yes")) //nolint:gosec // ourselves
	}
}

const (
	diskSize  = 512 << 20
	diskFloor = 48 << 20
)

// smallDisk puts a file system of its own under a folder, so that it can be filled.
func smallDisk(dir string) (string, error) {
	if os.Getenv(ownMounts) == "" {
		return "", nil
	}
	return dir, memory(dir, diskSize)
}

// memory puts a file system in memory under a folder.
func memory(dir string, size int) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return fmt.Errorf("a file system in memory: %w", err)
	}
	return nil
}

func unmount(dir string) {
	if dir != "" {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}

// storeOf is the disk of NATS server i: the first has one that can be made slow, the others are in memory,
// since no power is cut here (e2e/powercut does that) and the servers would share one real disk.
func (w *world) storeOf(dir string, i int) error {
	if os.Getenv(ownMounts) == "" {
		return nil
	}
	if i > 0 {
		w.mounts = append(w.mounts, dir)
		return memory(dir, storeSize)
	}
	disk, err := powercut.Mount(dir, powercut.Journal)
	if err != nil {
		fmt.Printf("  no disk can be made slow here: %v\n", err)
		return nil
	}
	w.slow = disk
	return nil
}

const storeSize = 2 << 30

// openHosts puts a file of ours over /etc/hosts, and a name server that does not answer over the
// machine's: a name can be taken away from the house.
func (w *world) openHosts() error {
	if os.Getenv(ownMounts) == "" {
		return nil
	}
	hosts, resolver := filepath.Join(w.r.dir, "hosts"), filepath.Join(w.r.dir, "resolv.conf")
	if err := os.WriteFile(hosts, []byte(hostsWith), 0o644); err != nil { //nolint:gosec // as /etc/hosts
		return err
	}
	if err := os.WriteFile(resolver, []byte("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), 0o644); err != nil { //nolint:gosec // as /etc/resolv.conf
		return err
	}
	for over, file := range map[string]string{"/etc/hosts": hosts, "/etc/resolv.conf": resolver} {
		_ = unix.Unmount(over, unix.MNT_DETACH) // of the world before
		if err := unix.Mount(file, over, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount over %s: %w", over, err)
		}
	}
	w.hosts = hosts
	return nil
}

const (
	hostsWithout = "127.0.0.1 localhost\n"
	hostsWith    = hostsWithout + "127.0.0.1 " + hostName + "\n"
)

// free is the room on a file system.
func free(dir string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * st.Bsize
}
