// SPDX-License-Identifier: AGPL-3.0-or-later

// Package backup copies a house into one file, brings it back, and sees to it that what was put back
// does not do again what was done since.
//
// A file is a tar of the server's own snapshots of each stream, laid out as `nats stream backup` lays
// them out, with a manifest and its sum at the end (archive.go, read.go). A restored log is older than the
// channels it publishes to: settle.go stops it and hands to people what may have gone out meanwhile, with
// the help of what was noted outside the data folder (facts.go, mark.go).
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
)

// Format is the newest form of a file that this program writes and reads.
const Format = 1

// Manifest says what a file holds.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // version that wrote it
	House   string    `json:"house"`   // name of the organisation, for people
	Taken   time.Time `json:"taken"`   // when the copy began
	Log     string    `json:"log"`     // which log it is
	LastSeq uint64    `json:"last_sequence"`
	Streams []Entry   `json:"streams"`
}

// Entry is one stream of a file.
type Entry struct {
	Name    string          `json:"name"`
	Size    int64           `json:"size"` // of the snapshot in the file
	SHA256  string          `json:"sha256"`
	LastSeq uint64          `json:"last_sequence"`
	Msgs    uint64          `json:"messages"`
	Bytes   uint64          `json:"bytes"` // on the server
	Created time.Time       `json:"created"`
	Config  json.RawMessage `json:"config"`
	State   json.RawMessage `json:"state"`
}

// What is wrong with a file or a target; wrapped by errors whose text is for people.
var (
	ErrForeign  = errors.New("not a backup of Palinsesto")
	ErrTooNew   = errors.New("backup of a newer version")
	ErrDamaged  = errors.New("damaged backup")
	ErrExists   = errors.New("file exists")
	ErrNotEmpty = errors.New("target not empty")
)

func foreign(why string) error {
	return fmt.Errorf("il file non è una copia di Palinsesto: controllare di avere indicato quello giusto (%w: %s)", ErrForeign, why)
}

func damaged(why string, err error) error {
	if err != nil {
		return fmt.Errorf("la copia è incompleta o alterata e non si usa; nulla è stato toccato: prenderne un'altra (%w: %s): %w", ErrDamaged, why, err)
	}
	return fmt.Errorf("la copia è incompleta o alterata e non si usa; nulla è stato toccato: prenderne un'altra (%w: %s)", ErrDamaged, why)
}

// Streams is the part of a NATS that a backup works on; bus.Streams is one.
type Streams interface {
	Ours(ctx context.Context) ([]bus.Stream, error)
	Any(ctx context.Context) ([]string, error)
	Save(ctx context.Context, name string, w io.Writer) (bus.Stream, error)
	Put(ctx context.Context, st bus.Stream, replicas int, r io.Reader) error
	Remove(ctx context.Context, name string) error
}

// Progress is told while a copy is written or brought back.
type Progress struct {
	Stream string
	Number int // of the stream, from 1
	Of     int
	Done   int64 // bytes
	Total  int64 // bytes; 0: not known
}

// streamName keeps names from meaning anything to a file system or a subject.
var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// check refuses a manifest that cannot be ours.
func (m *Manifest) check() error {
	if m.Format > Format {
		return tooNew(m.Format, m.Program)
	}
	if m.Format < 1 || m.Log == "" || len(m.Streams) == 0 || len(m.Streams) > mostStreams {
		return foreign("manifest")
	}
	seen := map[string]bool{}
	for _, s := range m.Streams {
		if !streamName.MatchString(s.Name) || !bus.IsOurs(s.Name) || seen[s.Name] || s.Size < 0 || len(s.SHA256) != 64 {
			return foreign(fmt.Sprintf("stream %.64q", s.Name))
		}
		var c struct {
			Name   string `json:"name"`
			Mirror any    `json:"mirror"`
			Source []any  `json:"sources"`
		}
		// A stream that fetches from elsewhere is none of ours, whatever else it is.
		if err := json.Unmarshal(s.Config, &c); err != nil || c.Name != s.Name || c.Mirror != nil || len(c.Source) > 0 {
			return foreign("settings of the stream " + s.Name)
		}
		seen[s.Name] = true
	}
	if !seen[contract.Stream] {
		return foreign("no log in it")
	}
	return nil
}

func tooNew(format int, program string) error {
	return fmt.Errorf("la copia è stata fatta da una versione più nuova del programma (%.40q, formato %d; questa legge fino al %d): aggiornare il programma (%w)",
		program, format, Format, ErrTooNew)
}

func (e Entry) stream() bus.Stream {
	return bus.Stream{Name: e.Name, Config: e.Config, State: e.State, Created: e.Created, LastSeq: e.LastSeq, Msgs: e.Msgs, Bytes: e.Bytes}
}

// settings are what the server wants to know before it takes a snapshot back.
func (e Entry) settings() map[string]json.RawMessage {
	return map[string]json.RawMessage{"config": e.Config, "state": e.State}
}
