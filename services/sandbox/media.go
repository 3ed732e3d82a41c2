// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

const defaultMediaBytes = 512 << 20

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// mediaStore keeps files by hash: in a folder, or in memory with the oldest dropped past a bound.
type mediaStore struct {
	mu    sync.Mutex
	dir   string
	bound int64
	held  int64
	order []string
	bytes map[string][]byte
}

func (m *mediaStore) init(o Options) {
	m.bytes, m.bound = map[string][]byte{}, o.MaxMediaBytes
	if m.bound <= 0 {
		m.bound = defaultMediaBytes
	}
	if o.File != "" {
		m.dir = o.File + ".media"
	}
}

// PutMedia keeps a file and returns its SHA-256 in hexadecimal.
func (s *Sandbox) PutMedia(data []byte) (string, error) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	if s.media.dir != "" {
		return hash, s.media.writeFile(hash, data)
	}
	s.media.hold(hash, data)
	return hash, nil
}

// Media opens a file by its hash; the error is fs.ErrNotExist when there is none.
func (s *Sandbox) Media(hash string) (io.ReadSeekCloser, error) {
	if !hashForm.MatchString(hash) {
		return nil, fs.ErrNotExist
	}
	if s.media.dir != "" {
		return os.Open(filepath.Join(s.media.dir, hash)) //nolint:gosec // the form of a hash was checked above
	}
	s.media.mu.Lock()
	defer s.media.mu.Unlock()
	data, known := s.media.bytes[hash]
	if !known {
		return nil, fs.ErrNotExist
	}
	return held{bytes.NewReader(data)}, nil
}

// held gives a reader of memory the Close that a file has.
type held struct{ *bytes.Reader }

func (held) Close() error { return nil }

func (m *mediaStore) hold(hash string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.bytes[hash]; known {
		return
	}
	m.bytes[hash] = data
	m.order = append(m.order, hash)
	m.held += int64(len(data))
	for m.held > m.bound && len(m.order) > 1 {
		oldest := m.order[0]
		m.held -= int64(len(m.bytes[oldest]))
		delete(m.bytes, oldest)
		m.order = m.order[1:]
	}
}

// writeFile goes by a temporary name, so that a kill leaves no half file under a hash.
func (m *mediaStore) writeFile(hash string, data []byte) error {
	path := filepath.Join(m.dir, hash)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return fmt.Errorf("sandbox: cartella dei media: %w", err)
	}
	f, err := os.CreateTemp(m.dir, "arriving-*")
	if err != nil {
		return fmt.Errorf("sandbox: media: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("sandbox: media: %w", err), os.Remove(f.Name()))
	}
	return nil
}

func (m *mediaStore) clear() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes, m.order, m.held = map[string][]byte{}, nil, 0
	if m.dir == "" {
		return nil
	}
	return os.RemoveAll(m.dir)
}
