// SPDX-License-Identifier: AGPL-3.0-or-later

// Package indexing projects the log into the index: what lists, boards, counters and the due queue
// read. The index may be wiped at any moment; then it is rebuilt from the log, and nothing is lost.
//
// Read project.go for what is projected, follow.go for how the index keeps up, rebuild.go for how it
// comes back, verify.go for how it is compared with the log. Of several copies one projects at a time
// (lead.go); two at once would do no harm, since every write is guarded by epoch and sequence.
package indexing

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus   *bus.Bus
	Index *index.Index
	Clock func() time.Time
	Log   *slog.Logger
}

// Service is the room.
type Service struct {
	Deps
	actor  palinsesto.Actor
	owner  string // of the lead: this process and this start of it
	status status
	work   sync.WaitGroup // what outlives a term, and not Run
	asked  chan chan error
}

// New makes the room.
func New(_ *config.Config, d Deps) (*Service, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return &Service{Deps: d, actor: palinsesto.Room("indexing"), owner: host + "/" + uuid.NewString(), asked: make(chan chan error)}, nil
}

// Run projects until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.Bus.Serve(ctx, "indexing", "projects the log into the index and rebuilds it",
			bus.Endpoint{Verb: "rebuild", Handle: s.onRebuild})
	})
	g.Go(func() error { return s.lead(ctx) })
	g.Go(func() error { return s.rebuildOnDemand(ctx) })
	defer s.work.Wait()
	return g.Wait()
}

// answerWithin is how long whoever asks for a rebuild waits for its end; a longer one goes on by itself
// and shows in the readiness of the house.
const answerWithin = 20 * time.Second

// onRebuild carries out the command, which has no fields: api checks who may ask, and a rebuild that
// nobody needed changes nothing. Any copy may do it; the one that projects goes on in the new epoch.
func (s *Service) onRebuild(ctx context.Context, _ []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	done := make(chan error, 1)
	select {
	case s.asked <- done:
	case <-ctx.Done():
		return nil, nil // one is under way: it shows the log as of now, as far as anybody can tell
	}
	select {
	case err := <-done:
		if errors.Is(err, index.ErrNoIndex) { // its lock ran out, as on a machine that was held up
			err = palinsesto.Refuse(palinsesto.CodeBusy, "La ricostruzione è stata interrotta e l'indice di prima resta: riprovare.",
				"The rebuild was interrupted and the index is what it was: try again.")
		}
		return nil, err
	case <-ctx.Done():
		return nil, nil
	}
}

// rebuildOnDemand rebuilds one at a time, not bound to the patience of whoever asked.
func (s *Service) rebuildOnDemand(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case done := <-s.asked:
			_, err := s.rebuild(ctx, "asked for")
			done <- err
		}
	}
}

// newest keeps of each subject the last record: the only one that lists show.
func newest(records []bus.Record) []bus.Record {
	last := make(map[string]int, len(records))
	for i := range records {
		last[records[i].Subject] = i // records come in the order of the log
	}
	if len(last) == len(records) {
		return records
	}
	out := make([]bus.Record, 0, len(last))
	for i := range records {
		if last[records[i].Subject] == i {
			out = append(out, records[i])
		}
	}
	return out
}

// docs projects records; what cannot be shown is counted.
func (s *Service) docs(records []bus.Record) []index.Doc {
	out := make([]index.Doc, 0, len(records))
	var unread error
	skipped := 0
	for i := range records {
		d, err := project(records[i])
		if err != nil {
			skipped++
			unread = err
		}
		if d.Set != "" {
			out = append(out, d)
		}
	}
	if skipped > 0 {
		s.status.skipped.Add(uint64(skipped))
		// One line for many: a log written by a newer version must not fill the disk with warnings.
		s.Log.Warn("records that the lists do not show", "count", skipped, "last", unread)
	}
	return out
}

// logName is what an index of this log, projected by this version, says of itself.
func (s *Service) logName(ctx context.Context) (string, error) {
	id, err := s.Bus.LogID(ctx)
	if err != nil {
		return "", err
	}
	return index.NameOf(id), nil
}
