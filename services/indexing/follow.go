// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
)

// logEvery is how often the index is compared with the log as a whole: a log that was put back, or
// replaced below a running house, is behind its index.
const logEvery = 20

// While very much happens, the index follows a little later: a post whose next event comes meanwhile is
// then written once.
const (
	crowd  = 250
	breath = 200 * time.Millisecond
)

// project brings the index up to date and keeps it so, until its epoch or ctx ends.
func (s *Service) project(ctx context.Context) error {
	m, err := s.Index.Meta(ctx)
	if err != nil {
		return err
	}
	why, last, err := s.unusable(ctx, m)
	if err != nil {
		return err
	}
	if why == whyAhead {
		s.stopAhead(ctx, m, last)
	}
	if why != "" {
		if m, err = s.rebuild(ctx, why); err != nil {
			return err
		}
	}
	return s.follow(ctx, m)
}

const whyAhead = "ahead of the log"

// unusable says why an index cannot be followed up from where it stands (empty: it can), and where the
// log ends.
func (s *Service) unusable(ctx context.Context, m index.Meta) (why string, last uint64, err error) {
	name, err := s.logName(ctx)
	if err != nil {
		return "", 0, err
	}
	if last, err = s.Bus.LastSeq(ctx); err != nil {
		return "", 0, err
	}
	switch {
	case m.Epoch == "":
		why = "empty"
	case !m.Ready:
		why = "of another schema"
	case m.Log != name:
		why = "of another log, or projected by another version"
	case m.Seq > last:
		why = whyAhead
	}
	return why, last, nil
}

// follow applies what comes, from where the epoch stands.
func (s *Service) follow(ctx context.Context, m index.Meta) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.watchEpoch(ctx, m.Epoch, cancel)
	}()
	defer func() { <-ended }()
	defer cancel(nil) // before waiting for the watch
	s.status.applied.Store(m.Seq)
	err := s.Bus.Follow(ctx, m.Seq+1, nil, func(batch []bus.Record, _ uint64) error {
		upTo := batch[len(batch)-1].Seq
		if err := s.Index.Apply(ctx, m.Epoch, s.docs(newest(batch)), upTo); err != nil {
			return err
		}
		s.status.applied.Store(upTo)
		if len(batch) >= crowd {
			wait(ctx, breath)
		}
		return nil
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// watchEpoch notices, also while nothing is written, that the index was wiped or rebuilt by another
// copy, and now and then sweeps the due queue against the log.
func (s *Service) watchEpoch(ctx context.Context, epoch string, end context.CancelCauseFunc) {
	swept := s.Clock()
	sweptLog := swept
	for n := 1; wait(ctx, beat); n++ {
		m, err := s.Index.Meta(ctx)
		if err != nil {
			continue // Redis is away: what it knew is compared when it is back
		}
		if m.Epoch != epoch {
			end(index.ErrNoIndex)
			return
		}
		if n%logEvery == 0 {
			if why, _, err := s.unusable(ctx, m); err == nil && why != "" {
				end(fmt.Errorf("indexing: the index is %s", why))
				return
			}
		}
		if now := s.Clock(); now.Sub(swept).Abs() >= sweepEvery {
			swept = now
			if err := s.sweep(ctx, epoch); err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrNoIndex) {
				s.Log.Warn("due queue not swept, it is tried again", "error", err)
			}
		}
		if now := s.Clock(); now.Sub(sweptLog).Abs() >= sweepLogEvery {
			sweptLog = now
			if err := s.sweepLog(ctx, epoch); err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrNoIndex) {
				s.Log.Warn("index not swept against the log, it is tried again", "error", err)
			}
		}
	}
}

const (
	sweepEvery = time.Minute
	// sweepLogEvery: it reads every aggregate, a hundred thousand in some seconds.
	sweepLogEvery = time.Hour
)
