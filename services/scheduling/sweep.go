// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const sweepEvery = "@every 1m"

// runSweeps looks for what time alone changes, on one copy of the room at a time.
func (s *Service) runSweeps(ctx context.Context) error {
	c := cron.New(cron.WithLocation(s.cfg.Location()), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	if _, err := c.AddFunc(sweepEvery, func() { s.sweep(ctx) }); err != nil {
		return err
	}
	c.Start()
	<-ctx.Done()
	<-c.Stop().Done()
	return nil
}

func (s *Service) sweep(ctx context.Context) {
	mine, err := s.Index.Once(ctx, "sweep", 30*time.Second)
	if err != nil || !mine {
		return
	}
	for name, run := range map[string]func(context.Context) error{
		"expired": s.sweepExpired, "stuck": s.sweepStuck, "held": s.sweepHeld,
		"changes": s.sweepChanges, "outdated": s.sweepOutdated,
	} {
		if err := run(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrNoIndex) {
			s.Log.Warn("sweep not finished, it runs again in a minute", "sweep", name, "error", err)
		}
	}
}

// sweepExpired closes segnalazioni past their expiry, decided or not. One that it cannot close hides no other.
func (s *Service) sweepExpired(ctx context.Context) error {
	var errs []error
	for _, state := range []palinsesto.SegState{palinsesto.SegSubmitted, palinsesto.SegChangesRequested, palinsesto.SegApproved} {
		q := index.Query{Set: "seg", Facets: []string{"state=" + string(state)}, Limit: 200, Ascending: true}
		for {
			page, err := s.Index.List(ctx, q)
			if err != nil {
				return errors.Join(append(errs, err)...)
			}
			for _, h := range page.Hits {
				errs = append(errs, s.expireShown(ctx, h))
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
		}
	}
	return errors.Join(errs...)
}

func (s *Service) expireShown(ctx context.Context, h index.Hit) error {
	_, seg, err := contract.Segnalazioni.Decode(h.Body)
	if err != nil {
		return fmt.Errorf("segnalazione %s: %w", h.ID, err)
	}
	if !seg.ExpiredAt(s.Clock()) {
		return nil
	}
	return s.expire(ctx, seg)
}

func (s *Service) expire(ctx context.Context, seg palinsesto.Segnalazione) error {
	_, err := bus.Update(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(seg.Centre, seg.ID), s.envelope("scadenza passata"),
		func(cur segnalazione) (bus.Decision[palinsesto.Segnalazione], error) {
			next := cur.State
			to, ok := palinsesto.SegWasExpired.To(next.State)
			if !ok || !next.ExpiredAt(s.Clock()) {
				return bus.Decision[palinsesto.Segnalazione]{}, nil
			}
			next.State = to
			next.Version++
			return bus.Decision[palinsesto.Segnalazione]{Event: string(palinsesto.SegWasExpired), State: next}, nil
		})
	return err
}
