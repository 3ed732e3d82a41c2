// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

const (
	// leadFor is how long the others wait when the copy that projects has died.
	leadFor = 3 * time.Second
	// beat is how often the lead is renewed and a wiped index is noticed when nothing is written.
	beat = 500 * time.Millisecond
)

var errNotLeading = errors.New("indexing: another copy projects now")

// lead projects while this copy leads, and stands by while another does.
func (s *Service) lead(ctx context.Context) error {
	defer s.resign(ctx)
	away := false
	for ctx.Err() == nil {
		mine, err := s.Index.Lead(ctx, "indexing", s.owner, leadFor)
		if err != nil && !away && ctx.Err() == nil {
			s.Log.Warn("the index does not answer; it is tried again", "error", err)
		}
		away = err != nil
		if mine {
			s.term(ctx)
		}
		wait(ctx, beat)
	}
	return nil
}

// resign lets another copy take over at once instead of after leadFor.
func (s *Service) resign(ctx context.Context) {
	if !s.status.leading.Load() {
		return
	}
	s.status.leading.Store(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := s.Index.Lead(ctx, "indexing", s.owner, time.Millisecond); err != nil {
		s.Log.Debug("the lead was not given back, it lapses by itself", "error", err)
	}
}

// term is the time during which this copy leads; it ends with ctx or when another copy took the lead.
func (s *Service) term(ctx context.Context) {
	s.status.leading.Store(true)
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.keepLead(ctx, cancel)
	}()
	for ctx.Err() == nil {
		err := s.project(ctx)
		if ctx.Err() == nil {
			s.Log.Info("projecting anew", "because", err)
			if !errors.Is(err, index.ErrNoIndex) {
				wait(ctx, beat)
			}
		}
	}
	cancel(nil)
	<-ended
	if errors.Is(context.Cause(ctx), errNotLeading) {
		s.status.leading.Store(false)
		s.Log.Info("another copy projects now; standing by")
	}
}

// keepLead renews the lead. While Redis does not answer nobody can take it, so it is not given up.
func (s *Service) keepLead(ctx context.Context, end context.CancelCauseFunc) {
	for wait(ctx, leadFor/3) {
		mine, err := s.Index.Lead(ctx, "indexing", s.owner, leadFor)
		if err == nil && !mine {
			end(errNotLeading)
			return
		}
	}
}

// wait is false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
