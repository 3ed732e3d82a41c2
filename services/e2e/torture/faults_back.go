// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// window is a time of which the house has forgotten what it acknowledged, since older data were put back.
// What went out in it must not go out again, nor come back what was withdrawn; the rest its people do again.
type window struct{ from, to time.Time }

// forgot tells whether something of a story was acknowledged in such a time.
func (r *run) forgot(s *story) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.windows {
		for _, at := range s.acks {
			if !at.Before(w.from) && !at.After(w.to) {
				return true
			}
		}
	}
	return false
}

// way is how data are taken at one moment and put back at another; each works in a folder of its own.
type way struct {
	take func(ctx context.Context, x *room, dir string) error
	give func(ctx context.Context, d *driver, x *room, dir string) error
}

func backFaults() []fault {
	whole := func(w *world) bool { return w.redis == nil && len(w.all()) == 1 }
	const from, to = 3 * time.Second, 7 * time.Second
	back := func(w way) func(context.Context, *driver) func() {
		return func(ctx context.Context, d *driver) func() { return d.putBack(ctx, w) }
	}
	return []fault{
		{"back-backup", "an older backup is restored into an empty data folder", whole, from, to, back(way{takeBackup, restoreBackup})},
		{"back-snapshot", "a snapshot of the data folder is put back while the network goes on", whole, from, to, back(way{takeSnapshot, giveSnapshot})},
		{"back-copy", "an older copy of the data folder is started in another place", whole, from, to, back(way{takeSnapshot, giveElsewhere})},
	}
}

// putBack takes the data now, and at the end of the fault the house starts on them again. Its people then do
// what the hold asks of them: they look at what is uncertain (operate.go), and lift it.
func (d *driver) putBack(ctx context.Context, w way) func() {
	r, x := d.r, d.r.world.all()[0]
	r.stops.Lock() // a stop that nobody here remembers stands in nobody's book
	dir, err := os.MkdirTemp(r.dir, "back-")
	if err != nil {
		d.must(err)
		r.stops.Unlock()
		return func() {}
	}
	began := time.Now()
	err = w.take(ctx, x, dir)
	return func() {
		defer r.stops.Unlock()
		if ctx.Err() != nil {
			return // the time of the world is over: what lies between is shorter than the mark is exact
		}
		if err != nil {
			d.must(fmt.Errorf("take the data: %w", err))
			return
		}
		x.halt()
		r.mu.Lock()
		r.windows = append(r.windows, window{began, time.Now()})
		r.mu.Unlock()
		ctx := context.WithoutCancel(ctx) // a house that was put back is also set going
		d.must(w.give(ctx, d, x, dir))
		d.must(x.start())
		d.must(r.crew.setGoing(ctx))
		d.must(os.RemoveAll(dir))
	}
}

const backupFile = "house.tar"

func takeBackup(ctx context.Context, x *room, dir string) error {
	return x.command(ctx, "backup", filepath.Join(dir, backupFile), "--data", x.data)
}

func restoreBackup(ctx context.Context, d *driver, x *room, dir string) error {
	if err := empty(x.data); err != nil {
		return err
	}
	return x.command(ctx, "restore", filepath.Join(dir, backupFile), "--data", x.data, "--config", d.r.world.conf)
}

// command runs the program beside the house.
func (x *room) command(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.bin, args...) //nolint:gosec // the program under torture
	cmd.Env = append(os.Environ(), x.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, out)
	}
	return nil
}

// takeSnapshot copies the folder as it is at one moment.
func takeSnapshot(_ context.Context, x *room, dir string) error {
	x.pause()
	defer x.wake()
	return os.CopyFS(filepath.Join(dir, "data"), os.DirFS(x.data))
}

func giveSnapshot(_ context.Context, _ *driver, x *room, dir string) error {
	if err := empty(x.data); err != nil {
		return err
	}
	return os.CopyFS(x.data, os.DirFS(filepath.Join(dir, "data")))
}

func giveElsewhere(_ context.Context, d *driver, x *room, dir string) error {
	to := fmt.Sprintf("%s-%d", filepath.Join(filepath.Dir(x.data), "data"), time.Now().UnixNano())
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	if err := d.r.world.moveDisk(to); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join(dir, "data"))); err != nil {
		return err
	}
	x.moveTo(to)
	return nil
}

// moveTo has the next start use another data folder.
func (x *room) moveTo(data string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.args {
		if x.args[i] == x.data {
			x.args[i] = data
		}
	}
	x.data = data
}

// empty removes what lies in a folder, which stays: a disk of its own is mounted on it.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// setGoing waits until nothing is uncertain any more in a house that was put back, and lifts the hold under
// which it stands.
func (c *crew) setGoing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainMost)
	defer cancel()
	var holds struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	for settled := false; !settled; {
		if !wait.For(ctx, operateEvery) {
			return errors.New("what was uncertain in the house that was put back is not settled")
		}
		posts, err := c.posts(ctx, "uncertain")
		settled = err == nil && len(posts) == 0
	}
	status, _, err := c.operatore.do(ctx, http.MethodGet, "/api/v1/holds", nil, &holds, "")
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("list the holds: HTTP %d %w", status, err)
	}
	if len(holds.Items) == 0 {
		return errors.New("older data were put back, and the house did not stop")
	}
	for _, h := range holds.Items {
		if status, _, err := c.operatore.do(ctx, http.MethodDelete, "/api/v1/holds/"+h.ID, nil, nil, ""); err != nil || status != http.StatusOK {
			return fmt.Errorf("lift the hold of a house that was put back: HTTP %d %w", status, err)
		}
	}
	return nil
}

// moveDisk puts the small disk of the log on another folder.
func (w *world) moveDisk(to string) error {
	if w.disk == "" {
		return nil
	}
	unmount(w.disk)
	var err error
	w.disk, err = smallDisk(to)
	return err
}
