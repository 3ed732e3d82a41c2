// SPDX-License-Identifier: AGPL-3.0-or-later

package conformance

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file is one file of the repository, by its path from the root.
type file struct {
	path string
	mode fs.FileMode
	body []byte
}

func (f file) ext() string     { return filepath.Ext(f.path) }
func (f file) text() bool      { return !bytes.Contains(f.body, []byte{0}) }
func (f file) program() bool   { return bytes.HasPrefix(f.body, []byte("#!")) }
func (f file) generated() bool { return bytes.Contains(f.body, []byte("\n// Code "+"generated ")) }
func (f file) inFolder(s string) bool {
	return strings.HasPrefix(f.path, s+"/") || strings.Contains(f.path, "/"+s+"/")
}

// root is the folder of go.work, above the test's own.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.work above this test")
	return ""
}

// outside tells folders that hold nothing of the repository's own: its history, what is built or
// downloaded, the data of a house that was started here. They are those of .gitignore.
func outside(path string) bool {
	switch path {
	case ".git", "bin", "data":
		return true
	default:
		return filepath.Base(path) == "node_modules"
	}
}

func files(t *testing.T) []file {
	t.Helper()
	top := root(t)
	var all []file
	err := fs.WalkDir(os.DirFS(top), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && outside(path):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		f, err := read(top, path, entry)
		all = append(all, f)
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 20, "the walk found hardly a file: the checks would be green for nothing")
	return all
}

func read(top, path string, entry fs.DirEntry) (file, error) {
	info, err := entry.Info()
	if err != nil {
		return file{}, err
	}
	body, err := os.ReadFile(filepath.Join(top, path))
	return file{path: path, mode: info.Mode(), body: body}, err
}
