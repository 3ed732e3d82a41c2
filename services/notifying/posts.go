// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The sets of the index, as indexing names them.
const (
	setPosts    = "post"
	setChannels = "channel"
)

const (
	listPage = 200
	// mostPosts bounds what one look reads; more than that is one catastrophe, whatever its parts are.
	mostPosts    = 10_000
	mostExamples = 3
	// freshLook: counts may stay the same while posts change places.
	freshLook = time.Minute
)

// postLook is what the last look at the posts found: as long as no count changes, it still holds.
type postLook struct {
	counts map[string]int
	at     time.Time
	found  []condition
}

// seePosts groups the posts that need a hand by what befell them, where, and why.
func (s *Service) seePosts(ctx context.Context, p *picture) error {
	counts, err := s.handCounts(ctx)
	if err != nil {
		return err
	}
	if s.posts.counts == nil || !maps.Equal(counts, s.posts.counts) || time.Since(s.posts.at) > freshLook {
		var found []condition
		if some(counts) { // listing costs a hundred times more, and nearly always there is nothing
			if found, err = s.groupPosts(ctx); err != nil {
				return err
			}
		}
		s.posts = postLook{counts, time.Now(), found}
	}
	p.known["post"] = true
	for _, c := range s.posts.found {
		p.add(c)
	}
	return nil
}

func some(counts map[string]int) bool {
	for _, n := range counts {
		if n > 0 {
			return true
		}
	}
	return false
}

// handCounts costs two requests; listing costs one for two hundred posts.
func (s *Service) handCounts(ctx context.Context) (map[string]int, error) {
	counts, err := s.Index.Counts(ctx, setPosts, "cause")
	if err != nil {
		return nil, err
	}
	states, err := s.Index.Counts(ctx, setPosts, "state")
	if err != nil {
		return nil, err
	}
	all := maps.Clone(counts)
	if all == nil {
		all = map[string]int{}
	}
	for _, st := range []palinsesto.PostState{palinsesto.PostFailed, palinsesto.PostUncertain, palinsesto.PostMissed} {
		all["state "+string(st)] = states[string(st)]
	}
	return all, nil
}

func (s *Service) groupPosts(ctx context.Context) ([]condition, error) {
	groups := map[string]*condition{}
	q := index.Query{Set: setPosts, Facets: []string{"hand=1"}, Limit: listPage}
	for read := 0; read < mostPosts; {
		page, err := s.Index.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, h := range page.Hits {
			_, post, err := contract.Posts.Decode(h.Body)
			if err != nil {
				return nil, fmt.Errorf("post %s: %w", h.ID, err)
			}
			s.group(groups, post)
		}
		read += len(page.Hits)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	all := make([]condition, 0, len(groups))
	for _, c := range groups {
		all = append(all, *c)
	}
	return all, nil
}

func (s *Service) group(groups map[string]*condition, p palinsesto.Post) {
	c := condition{kind: postKind(p.State), scope: p.Channel, cause: p.Cause, detail: p.Problem,
		settles: true, after: s.pace.settle}
	g := groups[c.id()]
	if g == nil {
		g = &c
		groups[c.id()] = g
	}
	g.count++
	if len(g.examples) < mostExamples {
		g.examples = append(g.examples, p.ID)
	}
}

func postKind(st palinsesto.PostState) palinsesto.AlertKind {
	switch st {
	case palinsesto.PostFailed:
		return palinsesto.AlertFailed
	case palinsesto.PostUncertain:
		return palinsesto.AlertUncertain
	case palinsesto.PostMissed:
		return palinsesto.AlertMissed
	default:
		return palinsesto.AlertHand
	}
}

// seeChannels finds the channels that lost their connection: one alert, not one per waiting post.
func (s *Service) seeChannels(ctx context.Context, p *picture) error {
	states, err := s.Index.Counts(ctx, setChannels, "state")
	if err != nil {
		return err
	}
	p.known["channel"] = true
	if states[string(palinsesto.ChannelNeedsReconnect)] == 0 {
		return nil
	}
	page, err := s.Index.List(ctx, index.Query{Set: setChannels, Limit: listPage,
		Facets: []string{"state=" + string(palinsesto.ChannelNeedsReconnect)}})
	if err != nil {
		delete(p.known, "channel")
		return err
	}
	for _, h := range page.Hits {
		_, ch, err := contract.Channels.Decode(h.Body)
		if err != nil {
			return fmt.Errorf("channel %s: %w", h.ID, err)
		}
		if _, served := s.cfg.Channel(h.ID); served {
			p.add(condition{kind: palinsesto.AlertReconnect, scope: h.ID, count: 1, detail: ch.Reason})
		}
	}
	return nil
}
