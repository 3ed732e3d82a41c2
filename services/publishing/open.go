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
	shown, err := s.indexReady(ctx)
	if err != nil {
		return 0, err
	}
	first := shown + 1
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

// indexReady waits for the index and tells up to which sequence it shows the log.
func (s *Service) indexReady(ctx context.Context) (uint64, error) {
	for {
		m, err := s.Index.Meta(ctx)
		if err == nil && m.Ready {
			return m.Seq, nil
		}
		if err != nil && !errors.Is(err, index.ErrNoIndex) {
			s.Log.Debug("waiting for the index", "error", err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(indexPoll):
		}
	}
}
