// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/palinsesto/palinsesto/services/internal/wait"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// codeMedia is the house's code for a file that cannot be had.
const codeMedia = "V-MEDIA"

// mediaStore finds the files beside a file of segnalazioni, and never one outside: os.Root follows
// neither ".." nor a link that leads out.
type mediaStore struct {
	roots []*os.Root
	known map[[sha256.Size]byte]uploaded
}

// uploaded is what became of a content: it is sent once, however many records name it.
type uploaded struct {
	id       string
	problems []palinsesto.Problem
}

func openMedia(dir string) *mediaStore {
	s := &mediaStore{known: map[[sha256.Size]byte]uploaded{}}
	for _, d := range []string{filepath.Join(dir, "media"), dir} {
		if root, err := os.OpenRoot(d); err == nil {
			s.roots = append(s.roots, root)
		}
	}
	return s
}

func (s *mediaStore) close() {
	for _, r := range s.roots {
		_ = r.Close() // only read from
	}
}

// open finds a file by the name that a record gives it.
func (s *mediaStore) open(name string) (*os.File, error) {
	for _, r := range s.roots {
		f, err := r.Open(filepath.FromSlash(name))
		if err != nil {
			continue
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, nil
		}
		_ = f.Close() // a folder, or a pipe that would block
	}
	return nil, os.ErrNotExist
}

// upload sends the files of a record that have no id yet; a refused file is told by its index.
func (s *mediaStore) upload(ctx context.Context, c *Client, files []file) (map[int]string, map[int][]palinsesto.Problem, error) {
	ids, refused := map[int]string{}, map[int][]palinsesto.Problem{}
	for _, f := range files {
		if f.id != "" || f.name == "" {
			continue
		}
		u, err := s.one(ctx, c, f.name)
		if err != nil {
			return nil, nil, err
		}
		if u.id != "" {
			ids[f.index] = u.id
			continue
		}
		for _, p := range u.problems {
			p.Field = fmt.Sprintf("media[%d]", f.index)
			p.Text = f.name + ": " + p.Text
			refused[f.index] = append(refused[f.index], p)
		}
	}
	return ids, refused, nil
}

func (s *mediaStore) one(ctx context.Context, c *Client, name string) (uploaded, error) {
	f, err := s.open(name)
	if err != nil {
		return uploaded{problems: []palinsesto.Problem{{Code: codeMedia, Level: palinsesto.LevelError,
			Text: "il file non c'è nella cartella media accanto all'elenco.", TextEN: "the file is not in the folder media beside the list."}}}, nil
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return uploaded{}, fmt.Errorf("%s: %w", name, err)
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if u, ok := s.known[sum]; ok {
		return u, nil
	}
	u, err := c.upload(ctx, name, f, size)
	if err == nil {
		s.known[sum] = u
	}
	return u, err
}

// upload sends one file, again from its beginning while the house is busy.
func (c *Client) upload(ctx context.Context, name string, f io.ReadSeeker, size int64) (uploaded, error) {
	call := Call{Method: http.MethodPost, Path: "/api/v1/media", Query: url.Values{"filename": {filepath.Base(name)}}}
	for try := 0; ; try++ {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return uploaded{}, err
		}
		raw, err := c.once(ctx, call, "application/octet-stream", io.LimitReader(f, size), size)
		var no *Refusal
		switch {
		case err == nil:
			var m struct{ ID string }
			err := json.Unmarshal(raw, &m)
			return uploaded{id: m.ID}, err
		case errors.As(err, &no) && (no.Status == http.StatusUnprocessableEntity || no.Status == http.StatusRequestEntityTooLarge):
			if len(no.Problems) == 0 {
				no.Problems = []palinsesto.Problem{{Code: codeMedia, Level: palinsesto.LevelError, Text: no.Detail}}
			}
			return uploaded{problems: no.Problems}, nil
		}
		pause, again := worthAnother(err, try)
		if !again || try+1 >= tries || !wait.For(ctx, pause) {
			return uploaded{}, err
		}
	}
}
