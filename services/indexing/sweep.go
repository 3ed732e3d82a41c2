// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// sweep gives the index again what waits for its moment: a member that the due queue has lost comes
// back, one that should not be there goes. Documents that are right already stay as they are.
func (s *Service) sweep(ctx context.Context, epoch string) error {
	for _, state := range []palinsesto.PostState{palinsesto.PostQueued, palinsesto.PostRetrying} {
		q := index.Query{Set: SetPosts, Facets: []string{"state=" + string(state)}, Limit: 200, Ascending: true}
		for {
			page, err := s.Index.List(ctx, q)
			if err != nil {
				return err
			}
			if err := s.sweepPage(ctx, epoch, page.Hits); err != nil {
				return err
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
		}
	}
	return nil
}

// sweepLog goes the other way: whatever the log has is given to the index, which takes what it lacks or has
// older. So a document that was lost without its epoch, as by a hand in Redis, comes back by itself also
// where no list leads to it any more.
func (s *Service) sweepLog(ctx context.Context, epoch string) error {
	_, err := s.Bus.Snapshot(ctx, func(batch []bus.Record, _, _ uint64) error {
		if err := s.Index.Apply(ctx, epoch, s.docs(batch), 0); err != nil {
			return err
		}
		wait(ctx, breath) // nobody is in a hurry for this
		return ctx.Err()
	})
	return err
}

func (s *Service) sweepPage(ctx context.Context, epoch string, hits []index.Hit) error {
	subjects := make([]string, 0, len(hits))
	for _, h := range hits {
		if _, p, err := contract.Posts.Decode(h.Body); err == nil {
			subjects = append(subjects, contract.PostSubject(p.Channel, h.ID))
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	records, err := s.Bus.Newest(ctx, 0, subjects...)
	if err != nil {
		return err
	}
	return s.Index.Apply(ctx, epoch, s.docs(records), 0)
}
