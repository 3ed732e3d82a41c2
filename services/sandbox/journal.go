// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// maxLine bounds one line of the journal: an item has at most some 4,096 characters and 100 entities.
const maxLine = 1 << 20

// open reads the journal, if a file is named, and leaves it ready for appending.
func (w *wall) open(file string, log *slog.Logger) error {
	w.index, w.log = map[itemKey]int{}, log
	if file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	good, err := w.load(f)
	if err == nil {
		// A kill in the middle of a write leaves half a line at the end; it goes.
		err = errors.Join(f.Truncate(good), seekEnd(f))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w.journal = f
	return nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, io.SeekEnd)
	return err
}

// load replays whole lines and returns the offset behind the last of them. A line is the state of one item;
// the newest of an item counts.
func (w *wall) load(r io.Reader) (int64, error) {
	lines := bufio.NewReaderSize(r, maxLine)
	var offset int64
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return offset, nil
		}
		if err != nil {
			return offset, fmt.Errorf("al byte %d: %w", offset, err)
		}
		var item Item
		if err := json.Unmarshal(bytes.TrimSpace(line), &item); err != nil {
			return offset, fmt.Errorf("riga non valida al byte %d: %w", offset, err)
		}
		w.put(item)
		offset += int64(len(line))
	}
}

// write appends the state of items in one write. The wall in memory stays right when the disk does not
// follow; the log says so.
func (w *wall) write(items ...Item) {
	if w.journal == nil {
		return
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, item := range items {
		if err := encoder.Encode(item); err != nil {
			w.log.Error("sandbox: riga del muro non scritta", "err", err)
			return
		}
	}
	if _, err := w.journal.Write(lines.Bytes()); err != nil {
		w.log.Error("sandbox: il muro non si scrive su disco", "err", err)
	}
}

func (w *wall) clear() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items, w.index, w.lastSeq = nil, map[itemKey]int{}, 0
	if w.journal == nil {
		return nil
	}
	return errors.Join(w.journal.Truncate(0), seekEnd(w.journal))
}

func (w *wall) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return nil
	}
	err := w.journal.Close()
	w.journal = nil
	return err
}
