// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// status is what readiness, metrics and log lines tell.
type status struct {
	leading     atomic.Bool
	building    atomic.Int32
	done, total atomic.Uint64
	told        atomic.Int64 // when progress was last a log line, Unix nanoseconds
	applied     atomic.Uint64
	skipped     atomic.Uint64
}

func (t *status) begin() {
	t.building.Add(1)
	t.done.Store(0)
	t.total.Store(0)
	t.told.Store(time.Now().UnixNano())
}

func (t *status) end() { t.building.Add(-1) }

const tellEvery = 2 * time.Second

func (s *Service) progress(done, total uint64) {
	s.status.done.Store(done)
	s.status.total.Store(total)
	now := time.Now().UnixNano()
	if last := s.status.told.Load(); now-last >= int64(tellEvery) && s.status.told.CompareAndSwap(last, now) {
		s.Log.Info("rebuilding the index", "done", done, "total", total)
	}
}

// Progress says how far a rebuild in this process has come; ok is false when none is under way.
func (s *Service) Progress() (done, total uint64, ok bool) {
	return s.status.done.Load(), s.status.total.Load(), s.status.building.Load() > 0
}

// Leads tells whether this copy projects.
func (s *Service) Leads() bool { return s.status.leading.Load() }

// Skipped counts the records that this process met and that the lists do not show: of aggregates that
// have no list, or unreadable.
func (s *Service) Skipped() uint64 { return s.status.skipped.Load() }

// lagMost is how many records the index may be behind before lists are worth a warning.
const lagMost = 5000

// Lag is how many records of the log the index has yet to take in.
func (s *Service) Lag(ctx context.Context) (uint64, error) {
	m, err := s.Index.Meta(ctx)
	if err != nil {
		return 0, err
	}
	last, err := s.Bus.LastSeq(ctx)
	if err != nil || m.Seq >= last {
		return 0, err
	}
	return last - m.Seq, nil
}

// Ready says, as a sentence, why lists and the due queue cannot be relied on; nil: they can.
func (s *Service) Ready(ctx context.Context) error {
	m, err := s.Index.Meta(ctx)
	if err != nil {
		return fmt.Errorf("l'indice non risponde (the index does not answer): %w", err)
	}
	name, err := s.logName(ctx)
	if err != nil {
		return err
	}
	if !m.Ready || m.Log != name {
		if done, total, ok := s.Progress(); ok {
			return fmt.Errorf("l'indice si sta ricostruendo: %d di %d (the index is being rebuilt)", done, total)
		}
		return fmt.Errorf("l'indice non è ancora pronto (the index is not ready yet)")
	}
	lag, err := s.Lag(ctx)
	if err != nil {
		return err
	}
	if lag > lagMost {
		return fmt.Errorf("l'indice è indietro di %d eventi (the index lags behind by %d records)", lag, lag)
	}
	return nil
}
