// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// neighbours are how far the posts are looked through whose message one that was found could be: due in the
// day before the attempt or later, at most so many.
const (
	neighboursSince = 24 * time.Hour
	neighboursMost  = 10_000
	// indexWait bounds how long one waits for the index to show what the log has.
	indexWait = 5 * time.Second
)

var errManyNeighbours = errors.New("publishing: too many posts on the channel to tell whose a message is")

// itsOwn is the one message, of those found, that is the post's own; else the verdict says why there is
// none. A message that was there when the network was asked belongs to a post whose intent was on the log by
// then: so the log's end is read now, and the index has to show it before it is believed.
func (w *worker) itsOwn(ctx context.Context, p palinsesto.Post, found []channel.Receipt) (one channel.Receipt, verdict, detail string, err error) {
	if len(found) == 0 {
		return one, checkNothing, "Cercato sulla rete: non si vede. Non prova che non sia uscito: si cerca ancora.", nil
	}
	taken, twin, err := w.neighbours(ctx, p)
	if err != nil {
		return one, "", "", err
	}
	left := slices.DeleteFunc(slices.Clone(found), func(r channel.Receipt) bool {
		return len(r.RemoteIDs) == 0 || slices.ContainsFunc(r.RemoteIDs, func(id string) bool { return taken[id] })
	})
	switch {
	case len(left) == 0:
		return one, checkNothing, "Sulla rete si vedono solo messaggi uguali di altri post. Non prova che questo non sia uscito: si cerca ancora.", nil
	case twin != "":
		return one, checkTwin, "Sulla rete si vede un messaggio uguale, ma può essere quello del post " + twin + ", ancora aperto e con lo stesso testo: guardare sul canale.", nil
	case len(left) > 1:
		return one, checkSeveral, fmt.Sprintf("Sulla rete si vedono %d messaggi uguali (%s): indicare quale vale e togliere gli altri.", len(left), links(left)), nil
	default:
		return left[0], "", "", nil
	}
}

func links(rs []channel.Receipt) string {
	var all []string
	for _, r := range rs[:min(3, len(rs))] {
		if r.Link != "" {
			all = append(all, r.Link)
		} else {
			all = append(all, r.RemoteIDs[0])
		}
	}
	return strings.Join(all, ", ")
}

// neighbours are the other posts of the channel: which messages are theirs, and one that may have made a
// message of the same content without knowing it yet.
func (w *worker) neighbours(ctx context.Context, p palinsesto.Post) (taken map[string]bool, twin string, err error) {
	last, err := w.Bus.LastSeq(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := w.indexReaches(ctx, last); err != nil {
		return nil, "", err
	}
	taken = map[string]bool{}
	q := index.Query{Set: "post", Facets: []string{"channel=" + p.Channel}, Limit: 200}
	since := p.Attempt.Intended.Add(-neighboursSince).UnixMilli()
	for seen := 0; ; seen += q.Limit {
		page, err := w.Index.List(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, h := range page.Hits {
			_, x, err := contract.Posts.Decode(h.Body)
			if err != nil {
				return nil, "", err
			}
			if x.ID == p.ID {
				continue
			}
			for _, part := range x.Parts {
				for _, id := range part.RemoteIDs {
					taken[id] = true
				}
			}
			if x.Hash == p.Hash && (x.State == palinsesto.PostPublishing || x.State == palinsesto.PostUncertain) {
				twin = x.ID
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(page.Hits) > 0 && page.Hits[len(page.Hits)-1].Score < since {
			return taken, twin, nil
		}
		if seen >= neighboursMost {
			return nil, "", errManyNeighbours
		}
	}
}

// indexReaches waits until the index shows this log up to a sequence.
func (s *Service) indexReaches(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	for {
		m, err := s.indexReady(ctx)
		if err == nil && m.Seq >= seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the index is behind: %w", ctx.Err())
		case <-time.After(indexPoll):
		}
	}
}
