// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/robfig/cron/v3"

	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// Keeper makes copies at their times and keeps the newest.
type Keeper struct {
	Folder   string
	Schedule cron.Schedule
	Zone     *time.Location // of the schedule
	Keep     int            // of the newest; fewer than one counts as one
	MaxAge   time.Duration  // 0: by the schedule
	Clock    func() time.Time
	Log      *slog.Logger
	// Make writes one copy.
	Make func(ctx context.Context, file string, now time.Time) error
	// Mine tells whether this process makes the copy of a moment; nil: it does.
	Mine func(ctx context.Context, moment time.Time) bool

	mu     sync.Mutex
	last   time.Time // of the newest good copy
	looked bool      // the folder was read
	began  time.Time // of Run: how old nothing is
	failed string    // why the last try came to nothing
}

// Names of copies sort by their time.
const (
	nameForm = "20060102-150405Z"
	lockName = ".palinsesto-backup.lock"
)

var nameOf = regexp.MustCompile(`^palinsesto-(\d{8}-\d{6}Z)\.tar(\.part)?$`)

// Name is what a copy of a moment is called.
func Name(at time.Time) string { return "palinsesto-" + at.UTC().Format(nameForm) + ".tar" }

const (
	lookAgain = time.Minute // how long one sleeps at most: clocks are stepped, machines sleep
	tryAgain  = 5 * time.Minute
	// missedBy: a run that begins so much later than its moment was missed, and that is worth a line.
	missedBy = 2 * time.Minute
)

// Run makes copies until ctx ends. What was missed while the house was down is made up for at once.
func (k *Keeper) Run(ctx context.Context) {
	k.mu.Lock()
	k.began = k.Clock()
	k.mu.Unlock()
	k.look(ctx)
	var tried time.Time
	for ctx.Err() == nil {
		now := k.Clock()
		moment := k.next()
		switch {
		case now.Before(moment):
			sleep(ctx, min(lookAgain, moment.Sub(now)))
		case now.Sub(tried).Abs() < tryAgain:
			sleep(ctx, min(lookAgain, tryAgain-now.Sub(tried).Abs()))
		default:
			tried = now
			k.once(ctx, moment)
		}
	}
}

// next is the moment of the next copy: the first of the schedule after the last one; at once where there
// is none.
func (k *Keeper) next() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last.IsZero() {
		return k.began
	}
	return k.Schedule.Next(k.last.In(k.Zone))
}

// once makes the copy of a moment, unless another process does.
func (k *Keeper) once(ctx context.Context, moment time.Time) {
	if k.Mine != nil && !k.Mine(ctx, moment) {
		k.look(ctx) // the other's copy is in the folder when it is done
		return
	}
	now := k.Clock()
	if late := now.Sub(moment); late > missedBy {
		k.Log.Warn("a scheduled backup was missed and is made now", "moment", moment, "late", late.Round(time.Second))
	}
	err := k.copy(ctx, now)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failed = err.Error()
		k.Log.Error("the scheduled backup failed and is tried again soon; earlier ones are kept", "error", err)
		return
	}
	k.last, k.failed = now, ""
}

// errBusy: another process has the folder.
var errBusy = errors.New("un altro processo sta già facendo una copia in questa cartella (another backup is under way)")

// copy makes one, reads it through, and only then takes away what is too old.
func (k *Keeper) copy(ctx context.Context, now time.Time) error {
	if err := durable.Folder(k.Folder); err != nil {
		return fmt.Errorf("la cartella delle copie non si può creare (cannot make the folder): %w", err)
	}
	lock := flock.New(filepath.Join(k.Folder, lockName), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("la cartella delle copie non si può riservare (cannot lock the folder): %w", err)
	}
	if !got {
		return errBusy
	}
	defer func() { _ = lock.Unlock() }() // the end of the process does it too
	if err := k.sweepParts(); err != nil {
		return err
	}
	file := filepath.Join(k.Folder, Name(now))
	if err := k.Make(ctx, file, now); err != nil {
		return err
	}
	a, err := Open(ctx, file, nil)
	if err != nil {
		return fmt.Errorf("la copia appena fatta non si rilegge (the new backup cannot be read back): %w", err)
	}
	if err := a.Close(); err != nil {
		return err
	}
	k.Log.Info("backup made", "file", file, "sequence", a.LastSeq)
	return k.rotate(filepath.Base(file))
}

// sweepParts removes what runs that were cut off left: with the lock held, nobody is writing them.
func (k *Keeper) sweepParts() error {
	for _, name := range k.names(true) {
		if err := os.Remove(filepath.Join(k.Folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// rotate keeps the newest. good was just read through, so at least one good copy stays, whatever the
// others are and whatever their names say.
func (k *Keeper) rotate(good string) error {
	names := k.names(false)
	names = slices.DeleteFunc(names, func(n string) bool { return n == good })
	if keep := max(1, k.Keep) - 1; len(names) > keep {
		names = names[keep:]
	} else {
		names = nil
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, os.Remove(filepath.Join(k.Folder, name)))
	}
	return errors.Join(errs...)
}

// names are those of the copies, or of unfinished ones, newest first; what is not ours is not touched.
func (k *Keeper) names(parts bool) []string {
	entries, err := os.ReadDir(k.Folder)
	if err != nil {
		return nil // not there yet, or told by the next copy
	}
	var names []string
	for _, e := range entries {
		if m := nameOf.FindStringSubmatch(e.Name()); m != nil && e.Type().IsRegular() && (m[2] != "") == parts {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

// look finds the newest good copy in the folder: one that was damaged on its disk does not count.
func (k *Keeper) look(ctx context.Context) {
	var last time.Time
	known := k.State().Last
	for _, name := range k.names(false) {
		if !known.IsZero() && name <= Name(known) {
			break
		}
		a, err := Open(ctx, filepath.Join(k.Folder, name), nil)
		if err != nil {
			k.Log.Error("a backup in the folder is of no use", "file", name, "error", err)
			continue
		}
		last = a.Taken
		_ = a.Close() // only read
		break
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = true
	if last.After(k.last) {
		k.last = last
	}
}

// State is what others are told of the copies.
type State struct {
	Last time.Time     // of the newest good one; zero: none
	Age  time.Duration // of it, or since this process looks after copies
	Most time.Duration // beyond which it is too old
	OK   bool
	Why  string // the last try failed, for people
}

// State tells how old the last good copy is.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.Clock()
	s := State{Last: k.last, Most: k.most(now), Why: k.failed, OK: true}
	since := k.last
	if since.IsZero() {
		since = k.began
	}
	if since.IsZero() || !k.looked {
		return s
	}
	s.Age = max(0, now.Sub(since))
	s.OK = s.Age <= s.Most
	return s
}

// most is the age beyond which one warns: as was said, else the time between two runs and a quarter more.
func (k *Keeper) most(now time.Time) time.Duration {
	if k.MaxAge > 0 {
		return k.MaxAge
	}
	first := k.Schedule.Next(now.In(k.Zone))
	gap := k.Schedule.Next(first).Sub(first)
	return gap + max(gap/4, time.Hour)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
