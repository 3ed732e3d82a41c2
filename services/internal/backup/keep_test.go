// SPDX-License-Identifier: AGPL-3.0-or-later

package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/backup"
)

// nightly is half past two in Rome.
func nightly(t *testing.T, dir string) *backup.Keeper {
	t.Helper()
	rome, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	s, err := cron.ParseStandard("30 2 * * *")
	require.NoError(t, err)
	return &backup.Keeper{Folder: dir, Schedule: s, Zone: rome, Keep: 3, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Make: func(ctx context.Context, file string, now time.Time) error {
			_, err := backup.Take(ctx, full(), backup.Options{File: file, Now: now})
			return err
		}}
}

func copies(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	return names
}

// until runs the keeper for a while of the bubble's time.
func until(t *testing.T, k *backup.Keeper, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	k.Run(ctx)
}

// The bubble's time begins at midnight UTC of 1 January 2000: one o'clock in Rome.
func TestCopiesAreMadeAndRotated(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := nightly(t, dir)
		until(t, k, time.Hour)
		require.Equal(t, []string{"palinsesto-20000101-000000Z.tar"}, copies(t, dir), "the first at once")
		until(t, k, 4*24*time.Hour)
		require.Equal(t, []string{"palinsesto-20000102-013000Z.tar", "palinsesto-20000103-013000Z.tar", "palinsesto-20000104-013000Z.tar"},
			copies(t, dir), "half past two in Rome")
		require.True(t, k.State().OK)
	})
}

// After a stop over the night the missed copy is made at the start, and the next at its time.
func TestMissedIsMadeUpFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		until(t, nightly(t, dir), time.Hour)
		wait(t, 30*time.Hour) // down from two o'clock until eight the day after
		k := nightly(t, dir)
		until(t, k, time.Minute)
		require.Equal(t, []string{"palinsesto-20000101-000000Z.tar", "palinsesto-20000102-070000Z.tar"}, copies(t, dir))
		until(t, k, 19*time.Hour)
		require.Contains(t, copies(t, dir), "palinsesto-20000103-013000Z.tar")
	})
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

// However long copies fail, the last good one stays, and the age is told.
func TestFailureKeepsTheLastGoodOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := nightly(t, dir)
		until(t, k, time.Hour)
		good, failed := k.Make, 0
		k.Make = func(context.Context, string, time.Time) error { failed++; return errors.New("disco pieno") }
		until(t, k, 72*time.Hour)
		require.Equal(t, []string{"palinsesto-20000101-000000Z.tar"}, copies(t, dir))
		s := k.State()
		require.False(t, s.OK)
		require.Equal(t, "disco pieno", s.Why)
		require.Equal(t, 73*time.Hour, s.Age)
		require.Equal(t, 30*time.Hour, s.Most)
		require.Greater(t, failed, 100, "tried again and again")
		k.Make = good
		until(t, k, 10*time.Minute)
		require.Len(t, copies(t, dir), 2)
		require.True(t, k.State().OK)
	})
}

// What is damaged does not count as the last good one, what is not ours is not touched, and what a run that
// was cut off left is taken away.
func TestFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) { require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600)) }
	synctest.Test(t, func(t *testing.T) {
		write("palinsesto-19991231-233000Z.tar") // damaged
		write("palinsesto-19991231-220000Z.tar.part")
		write("contabilita.tar")
		write("palinsesto-copia-mia.tar")
		k := nightly(t, dir)
		k.Keep = 1
		until(t, k, time.Minute)
		require.Equal(t, []string{"contabilita.tar", "palinsesto-20000101-000000Z.tar", "palinsesto-copia-mia.tar"}, copies(t, dir))
	})
}

// Of two processes one makes the copy of a moment.
func TestOneOfTwoCopies(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		taken := map[int64]bool{}
		made := 0
		keeper := func() *backup.Keeper {
			k := nightly(t, dir)
			good := k.Make
			k.Make = func(ctx context.Context, file string, now time.Time) error {
				mu.Lock()
				defer mu.Unlock()
				made++
				return good(ctx, file, now)
			}
			k.Mine = func(_ context.Context, m time.Time) bool {
				mu.Lock()
				defer mu.Unlock()
				was := taken[m.Unix()]
				taken[m.Unix()] = true
				return !was
			}
			return k
		}
		a, b := keeper(), keeper()
		until(t, a, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
		defer cancel()
		go a.Run(ctx)
		b.Run(ctx)
		synctest.Wait()
		require.Equal(t, 3, made)
		require.True(t, b.State().OK, "it sees the other's")
	})
}
