// SPDX-License-Identifier: AGPL-3.0-or-later

package embednats

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// KeepNames flushes the names of the store's folders, and has the file system flush at once those of the
// files that streams begin later. The server flushes what it writes, but never the folder in which it
// begins a new stream or a new file of messages: to the letter of fsync(2) a power cut could take a file
// away whose content was flushed. To be called when the streams are made and before anything on them counts.
//
// Where consumers note their place is left as it is: that is written often, the server flushes it by
// itself, and a consumer that is gone is made again and begins anew, which the rooms are made for.
func (e *Server) KeepNames() error {
	root := e.o.Dir
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server works meanwhile
		}
		if err != nil || !d.IsDir() {
			return err
		}
		changed, err := durable.Names(path, !ofConsumers(root, path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, errors.ErrUnsupported):
			e.o.Log.Debug("this file system cannot flush names at once: a new file's name counts on the flush of the file", "folder", path, "error", err)
		case err != nil:
			return err
		case !changed:
			return nil // flushed since an earlier start
		}
		if err := durable.Flush(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// consumers is the server's name for a stream's folder of consumers.
const consumers = "obs"

func ofConsumers(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if part == consumers {
			return true
		}
	}
	return false
}
