// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// indexPoll is how often a starting room looks whether the index is there.
const indexPoll = 20 * time.Millisecond

// asking are the states in which a post's newest event asks for something here.
var asking = []palinsesto.PostState{palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostEditing, palinsesto.PostRemoving}

// firstOpen is the sequence from which on every event lies that still asks for something here: of the
// posts in such a state the newest event, of all that the index does not show yet the next one.
func (s *Service) firstOpen(ctx context.Context) (uint64, error) {
	for {
		m, err := s.indexReady(ctx)
		if err != nil {
			return 0, err
		}
		first, err := s.firstAsking(ctx, m.Seq+1)
		if errors.Is(err, index.ErrNoIndex) {
			continue // wiped meanwhile
		}
		if err != nil {
			return 0, err
		}
		now, err := s.Index.Meta(ctx)
		if err != nil {
			return 0, err
		}
		if now.Epoch == m.Epoch { // one that was made anew meanwhile may show less than m says
			return first, nil
		}
	}
}

// firstAsking is the first of the newest events of all posts that the index shows in an asking state.
func (s *Service) firstAsking(ctx context.Context, first uint64) (uint64, error) {
	for _, state := range asking {
		q := index.Query{Set: "post", Facets: []string{"state=" + string(state)}, Limit: 200, Ascending: true}
		for {
			page, err := s.Index.List(ctx, q)
			if err != nil {
				return 0, err
			}
			for _, h := range page.Hits {
				first = min(first, h.Seq)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
	}
	return first, nil
}

// indexReady waits for the index of this log and tells how far it shows it.
func (s *Service) indexReady(ctx context.Context) (index.Meta, error) {
	for {
		m, err := s.Index.Meta(ctx)
		if err == nil && m.Ready {
			if err = s.ofThisLog(ctx, m); err == nil {
				return m, nil
			}
		}
		if err != nil && !errors.Is(err, index.ErrNoIndex) {
			s.Log.Debug("waiting for the index", "error", err)
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(indexPoll):
		}
	}
}

// ofThisLog refuses an index that outlived its log, as a Redis of its own may: what it shows says
// nothing of what is open here. The room indexing makes it anew.
func (s *Service) ofThisLog(ctx context.Context, m index.Meta) error {
	id, err := s.Bus.LogID(ctx)
	if err != nil {
		return err
	}
	last, err := s.Bus.LastSeq(ctx)
	if err == nil && (m.Log != index.NameOf(id) || m.Seq > last) {
		err = errOldIndex
	}
	return err
}

var errOldIndex = errors.New("publishing: the index is of another log, or ahead of it")
