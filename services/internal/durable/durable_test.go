// SPDX-License-Identifier: AGPL-3.0-or-later

package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// That nothing of it is lost when the power goes is tried in e2e/powercut.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "", "three"} {
		require.NoError(t, durable.Write(path, []byte(text)))
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(raw))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	require.Error(t, durable.Write(filepath.Join(dir, "none", "file"), nil))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	require.Error(t, durable.Write(filepath.Join(dir, "folder"), nil))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "what failed leaves nothing")
}

func TestFolder(t *testing.T) {
	deep := filepath.Join(t.TempDir(), "a", "b", "c")
	require.NoError(t, durable.Folder(deep))
	require.NoError(t, durable.Folder(deep))
	info, err := os.Stat(deep)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.NoError(t, durable.Write(filepath.Join(deep, "file"), nil))
	require.Error(t, durable.Folder(filepath.Join(deep, "file", "x")))
	require.NoError(t, durable.Flush(filepath.Join(deep, "file")))
	require.ErrorIs(t, durable.Flush(filepath.Join(deep, "none")), os.ErrNotExist)
}

// The switch is inherited and can be taken back, where there is one.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	changed, err := durable.Names(dir, true)
	if errors.Is(err, errors.ErrUnsupported) {
		return // the file system under the tests does not know it; e2e/powercut brings one that does
	}
	require.NoError(t, err)
	require.True(t, changed)
	inside := filepath.Join(dir, "inside")
	require.NoError(t, os.Mkdir(inside, 0o700))
	for _, c := range []struct {
		dir             string
		atOnce, changes bool
	}{{dir, true, false}, {inside, true, false}, {inside, false, true}, {inside, false, false}, {dir, false, true}} {
		changed, err := durable.Names(c.dir, c.atOnce)
		require.NoError(t, err)
		require.Equal(t, c.changes, changed)
	}
	_, err = durable.Names(filepath.Join(dir, "none"), true)
	require.ErrorIs(t, err, os.ErrNotExist)
}
