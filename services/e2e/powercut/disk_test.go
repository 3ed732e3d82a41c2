// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/powercut"
	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// rig is a mounted disk and a short way to speak of what is on it.
type rig struct {
	t    *testing.T
	dir  string
	disk *powercut.Disk
}

func mount(t *testing.T, names powercut.Names) *rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	disk, err := powercut.Mount(dir, names)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, disk.Close()) })
	return &rig{t, dir, disk}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write writes at an offset and flushes the file if told to.
func (r *rig) write(name, text string, off int64, flush bool) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(name), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(r.t, err)
	_, err = f.WriteAt([]byte(text), off)
	require.NoError(r.t, err)
	if flush {
		require.NoError(r.t, f.Sync())
	}
	require.NoError(r.t, f.Close())
}

// flush flushes the names in a directory.
func (r *rig) flush(dir string) {
	r.t.Helper()
	f, err := os.Open(r.path(dir))
	require.NoError(r.t, err)
	require.NoError(r.t, f.Sync())
	require.NoError(r.t, f.Close())
}

func (r *rig) namesAtOnce(dir string) {
	r.t.Helper()
	changed, err := durable.Names(r.path(dir), true)
	require.NoError(r.t, err)
	require.True(r.t, changed)
}

func (r *rig) cut(chance *rand.Rand) {
	r.t.Helper()
	r.disk.Cut(chance)
	_, err := os.ReadDir(r.dir)
	require.Error(r.t, err, "without power nothing answers")
	require.NoError(r.t, r.disk.Restore())
}

// holds tells what is on the disk, as "name=content".
func (r *rig) holds() []string {
	r.t.Helper()
	all := []string{}
	require.NoError(r.t, filepath.WalkDir(r.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == r.dir {
			return err
		}
		name, _ := filepath.Rel(r.dir, path)
		if e.IsDir() {
			all = append(all, name+"/")
			return nil
		}
		raw, err := os.ReadFile(path)
		all = append(all, name+"="+string(raw))
		return err
	}))
	return all
}

// Each row is what programs do, and what is left of it under each reading of fsync(2).
func TestWhatACutLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		do              func(*rig)
		letter, journal []string
	}{
		"nothing flushed": {func(r *rig) { r.write("a", "one", 0, false) }, nil, nil},
		"file flushed, name not": {func(r *rig) { r.write("a", "one", 0, true) },
			nil, []string{"a=one"}},
		"file and name flushed": {func(r *rig) { r.write("a", "one", 0, true); r.flush(".") },
			[]string{"a=one"}, []string{"a=one"}},
		"name flushed, content not": {func(r *rig) { r.write("a", "one", 0, false); r.flush(".") },
			[]string{"a="}, []string{"a="}},
		"written on after the flush": {func(r *rig) {
			r.write("a", "one", 0, true)
			r.flush(".")
			r.write("a", " two", 3, false)
		}, []string{"a=one"}, []string{"a=one"}},
		"written over after the flush": {func(r *rig) {
			r.write("a", "one", 0, true)
			r.flush(".")
			r.write("a", "ONE", 0, false)
		}, []string{"a=one"}, []string{"a=one"}},
		"cut short after the flush": {func(r *rig) {
			r.write("a", "one", 0, true)
			r.flush(".")
			require.NoError(r.t, os.Truncate(r.path("a"), 1))
			require.Equal(r.t, []string{"a=o"}, r.holds())
		}, []string{"a=one"}, []string{"a=one"}},
		"renamed over, not flushed": {func(r *rig) {
			r.write("a", "one", 0, true)
			r.flush(".")
			r.write("b", "two", 0, true)
			require.NoError(r.t, os.Rename(r.path("b"), r.path("a")))
		}, []string{"a=one"}, []string{"a=one", "b=two"}},
		"renamed over and flushed": {func(r *rig) {
			r.write("b", "two", 0, true)
			require.NoError(r.t, os.Rename(r.path("b"), r.path("a")))
			r.flush(".")
		}, []string{"a=two"}, []string{"a=two"}},
		"moved to another directory, that one flushed": {func(r *rig) {
			require.NoError(r.t, os.Mkdir(r.path("d"), 0o700))
			r.write("a", "one", 0, true)
			require.NoError(r.t, os.Rename(r.path("a"), r.path("d/a")))
			r.flush("d")
		}, []string{"d/", "d/a=one"}, []string{"d/", "d/a=one"}},
		"unlinked, not flushed": {func(r *rig) {
			r.write("a", "one", 0, true)
			r.flush(".")
			require.NoError(r.t, os.Remove(r.path("a")))
		}, []string{"a=one"}, []string{"a=one"}},
		"directory flushed, its own name not": {func(r *rig) {
			require.NoError(r.t, os.Mkdir(r.path("d"), 0o700))
			r.write("d/a", "one", 0, true)
			r.flush("d")
		}, nil, []string{"d/", "d/a=one"}},
		"written through O_SYNC": {func(r *rig) {
			f, err := os.OpenFile(r.path("a"), os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o600)
			require.NoError(r.t, err)
			_, err = f.WriteString("one")
			require.NoError(r.t, err)
			require.NoError(r.t, f.Close())
		}, nil, []string{"a=one"}},
		"in a directory that flushes names at once": {func(r *rig) {
			r.namesAtOnce(".")
			require.NoError(r.t, os.Mkdir(r.path("d"), 0o700))
			r.write("d/a", "one", 0, true)
			r.write("d/b", "two", 0, true)
			require.NoError(r.t, os.Rename(r.path("d/b"), r.path("d/c")))
		}, []string{"d/", "d/a=one", "d/c=two"}, []string{"d/", "d/a=one", "d/c=two"}},
		"all flushed": {func(r *rig) { r.write("a", "one", 0, false); r.disk.Sync() },
			[]string{"a=one"}, []string{"a=one"}},
	} {
		for rule, want := range map[powercut.Names][]string{powercut.Letter: c.letter, powercut.Journal: c.journal} {
			t.Run(fmt.Sprintf("%s/%d", name, rule), func(t *testing.T) {
				r := mount(t, rule)
				c.do(r)
				r.cut(nil)
				require.Equal(t, append([]string{}, want...), r.holds())
			})
		}
	}
}

// With chance, what was flushed is there all the same, and of the rest any page as it was at some moment.
func TestWhatChanceLeaves(t *testing.T) {
	old, fresh := strings.Repeat("a", 3*4096), strings.Repeat("b", 3*4096)
	seen := map[string]bool{}
	for seed := range uint64(40) {
		r := mount(t, powercut.Letter)
		r.write("a", old, 0, true)
		r.flush(".")
		r.write("a", fresh, 0, false)
		r.write("b", "never flushed", 0, false)
		r.cut(rand.New(rand.NewPCG(seed, 0)))
		left := r.holds()
		got := strings.TrimPrefix(left[0], "a=")
		require.Len(t, got, len(old))
		for page := 0; page < len(got); page += 4096 {
			require.Contains(t, []string{old[:4096], fresh[:4096]}, got[page:page+4096], "a page is old or new")
		}
		mark := string([]byte{got[0], got[4096], got[8192]})
		seen[fmt.Sprintf("%s %d", mark, len(left))] = true
	}
	require.Greater(t, len(seen), 6, "chance brings many ends: %v", seen)
	require.True(t, seen["aba 1"] || seen["aab 1"] || seen["bab 1"], "pages come in any order: %v", seen)
}
