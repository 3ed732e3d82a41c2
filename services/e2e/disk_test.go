// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onSmallDisk lets the house run with its data folder on a file system of its own.
func onSmallDisk(t *testing.T, w *world, size string) (path func() string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(w.house.Data, 0o700))
	flags := "-m"
	if os.Geteuid() != 0 {
		flags = "-rm" // root of a user namespace of its own may mount there
	}
	script := fmt.Sprintf("#!/bin/sh\nexec unshare %s sh -c 'mount -t tmpfs -o size=%s tmpfs \"$0\" && exec \"$@\"' %q %q \"$@\"\n",
		flags, size, w.house.Data, program)
	wrapper := filepath.Join(t.TempDir(), "palinsesto")
	require.NoError(t, os.WriteFile(wrapper, []byte(script), 0o700))
	w.house.Bin = wrapper
	// The mount is seen from inside only; the process's own root shows it to us.
	w.house.Seen = func() string { return fmt.Sprintf("/proc/%d/root%s", w.house.PID(), w.house.Data) }
	return w.house.Seen
}

// fill leaves so many bytes free, or as few as there can be.
func fill(t *testing.T, dir string, leave int64) (undo func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	require.NoError(t, err)
	block := make([]byte, 64<<10)
	for free(t, dir) > leave {
		if _, err := f.Write(block[:min(int64(len(block)), free(t, dir)-leave)]); err != nil {
			break
		}
	}
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(name)) }
}

// A disk that fills up: new segnalazioni are refused with a sentence while the rest goes on; when it is
// really full nothing acknowledged is lost; and when there is room again all goes on by itself.
func TestDiskFull(t *testing.T) {
	w := newWorld(t, settings{extra: "log:\n  free_space_floor: 33554432\n"})
	disk := onSmallDisk(t, w, "128m")
	w.start()
	w.people()
	var segs []segHandle
	for i := range 4 {
		title := fmt.Sprintf("Avviso %d", i)
		seg, err := w.referente.Submit(t.Context(), notice(title, "telegram"), title)
		require.NoError(t, err)
		segs = append(segs, segHandle{seg, title})
	}

	undo := fill(t, disk(), 16<<20)
	w.eventually("below the floor new segnalazioni are refused", func() bool {
		a, err := w.referente.Do(t.Context(), "POST", "/api/v1/segnalazioni", notice("Rifiutato", "telegram"))
		require.NoError(t, err)
		return a.Status == 507
	})
	require.NoError(t, w.redattore.Approve(t.Context(), segs[0].Seg, time.Time{}))
	w.eventually("what is in the house goes on", func() bool { return w.onWall()[segs[0].title] == 1 })
	undo()
	w.eventually("with room again they are taken", func() bool {
		a, err := w.referente.Do(t.Context(), "POST", "/api/v1/segnalazioni", notice("Accettato", "telegram"))
		return err == nil && a.Status == 201
	})

	undo = fill(t, disk(), 0)
	for i := range 200 { // appends meet the full disk
		a, err := w.redattore.Do(t.Context(), "POST", "/api/v1/segnalazioni/"+segs[1].ID+"/comments",
			map[string]any{"text": fmt.Sprintf("commento %d", i)})
		if err != nil || a.Status >= 500 {
			break
		}
	}
	undo()
	w.ready()
	for _, s := range segs[1:] {
		w.eventually("approved after the full disk", func() bool {
			a, err := w.redattore.Do(t.Context(), "POST", "/api/v1/segnalazioni/"+s.ID+"/approve", map[string]any{"version": s.Version})
			return err == nil && (a.Status == 200 || a.Status == 409)
		})
	}
	w.drain()
	w.resolveAll()
	for _, s := range segs {
		require.Equal(t, 1, w.onWall()[s.title], "%s", s.title)
	}
}
