// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// PostFilter narrows a list of posts.
type PostFilter struct {
	State   string `query:"state" enum:"planned,queued,due,publishing,posted,retrying,failed,uncertain,missed,held,cancelled,editing,edited,removing,removed,erased"`
	Channel string `query:"channel" maxLength:"40"`
	Centre  string `query:"centre" maxLength:"40"`
	Cause   string `query:"cause" maxLength:"80"`
	Seg     string `query:"seg" maxLength:"64" doc:"Id of a segnalazione"`
	Hand    bool   `query:"hand" doc:"true: those that need a hand"`
	SearchInput
}

func (s *Service) postFilter(a palinsesto.Actor, f PostFilter) (filter, error) {
	out := newFilter(a, f.Centre, f.State)
	out.add("channel", f.Channel)
	out.add("cause", f.Cause)
	out.add("seg", f.Seg)
	if f.Hand {
		out.add("hand", "1")
	}
	return s.narrowed(out, f.SearchInput, postTexts)
}

// postTexts are what is looked through for words: the text itself stands in the segnalazione.
func postTexts(body []byte) ([]string, error) {
	_, p, err := contract.Posts.Decode(body)
	return []string{p.Title, p.Channel, p.Centre, p.Problem, p.Link, p.ID, p.Segnalazione}, err
}

type listPostsInput struct {
	PostFilter
	PageInput
}

type postListOutput struct {
	Body struct {
		Page
		Items []PostView `json:"items"`
	}
}

func (s *Service) listPosts(ctx context.Context, in *listPostsInput) (*postListOutput, error) {
	a, out := actorOf(ctx), &postListOutput{}
	out.Body.Items = []PostView{}
	v := s.viewerFor(a, inEnglish(ctx))
	f, err := s.postFilter(a, in.PostFilter)
	if err != nil {
		return nil, err
	}
	out.Body.Page, err = s.find(ctx, "post", f, in.PageInput, func(body []byte) error {
		_, p, err := contract.Posts.Decode(body)
		if err == nil {
			out.Body.Items = append(out.Body.Items, v.post(p))
		}
		return err
	})
	return out, err
}

// postFor loads a post that the actor sees.
func (s *Service) postFor(ctx context.Context, id string) (contract.Event[palinsesto.Post], error) {
	if !palinsesto.ValidID(id) {
		return contract.Event[palinsesto.Post]{}, notFound()
	}
	e, err := bus.Load(ctx, s.Bus, contract.Posts, contract.AnyPost(id))
	if err != nil {
		return e, err
	}
	if !actorOf(ctx).Can(palinsesto.ActSee, e.State.Centre) {
		return e, notFound()
	}
	return e, nil
}

type postOutput struct {
	Body struct {
		PostView
		AllAttempts []AttemptView  `json:"all_attempts" doc:"Oldest first, each as it stands now"`
		History     []HistoryEntry `json:"history" doc:"Oldest first; at most 500 events"`
	}
}

func (s *Service) getPost(ctx context.Context, in *oneInput) (*postOutput, error) {
	e, err := s.postFor(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	records, err := s.Bus.History(ctx, e.Subject, historyMost)
	if err != nil {
		return nil, err
	}
	v := s.viewerFor(actorOf(ctx), inEnglish(ctx))
	out := &postOutput{}
	out.Body.PostView = v.post(e.State)
	out.Body.AllAttempts, out.Body.History = []AttemptView{}, make([]HistoryEntry, 0, len(records))
	for _, r := range records {
		past, err := bus.Decode(contract.Posts, r)
		if err != nil {
			continue // told by the check; the rest of the history is still worth reading
		}
		h := entry(v, past)
		h.State, h.Due, h.Attempt = string(past.State.State), v.s.moment(past.State.Due), v.attempt(past.State.Attempt)
		out.Body.History = append(out.Body.History, h)
		out.Body.AllAttempts = withAttempt(out.Body.AllAttempts, h.Attempt)
	}
	return out, nil
}

// withAttempt puts a later word on an attempt in place of the earlier one.
func withAttempt(all []AttemptView, a *AttemptView) []AttemptView {
	if a == nil {
		return all
	}
	i := slices.IndexFunc(all, func(x AttemptView) bool { return x.Number == a.Number })
	if i < 0 {
		return append(all, *a)
	}
	all[i] = *a
	return all
}

// CauseView is a group of posts that one act may help.
type CauseView struct {
	Cause    string         `json:"cause" doc:"Where a post has none, its state"`
	State    string         `json:"state"`
	Problem  string         `json:"problem"`
	Count    int            `json:"count"`
	Channels []ChannelCount `json:"channels"`
}

// ChannelCount is how many of a group are on one channel.
type ChannelCount struct {
	Channel string `json:"channel"`
	Count   int    `json:"count"`
}

type causesOutput struct {
	Body struct {
		Items []CauseView `json:"items" doc:"The largest group first"`
		Cut   bool        `json:"cut,omitempty" doc:"There are more posts than were counted"`
	}
}

// causesMost bounds what is read to group.
const causesMost = 10_000

func (s *Service) listCauses(ctx context.Context, _ *struct{}) (*causesOutput, error) {
	a := actorOf(ctx)
	f := newFilter(a, "", "")
	if own, everywhere, _ := a.Sees(); everywhere {
		f.facets = []string{"hand=1"}
	} else {
		f.facets = []string{"hand-centre=" + own}
	}
	groups := map[[2]string]*causeGroup{}
	n, in := 0, PageInput{Limit: 200}
	for {
		p, err := s.find(ctx, "post", f, in, func(body []byte) error {
			_, x, err := contract.Posts.Decode(body)
			if err == nil {
				n++
				gather(groups, x)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if in.Cursor = p.Next; in.Cursor == "" || n >= causesMost {
			break
		}
	}
	out := &causesOutput{}
	out.Body.Items, out.Body.Cut = grouped(groups), in.Cursor != ""
	return out, nil
}

type causeGroup struct {
	view     CauseView
	channels map[string]int
}

func gather(groups map[[2]string]*causeGroup, p palinsesto.Post) {
	cause := cmp.Or(p.Cause, string(p.State))
	key := [2]string{cause, string(p.State)}
	g := groups[key]
	if g == nil {
		g = &causeGroup{view: CauseView{Cause: cause, State: string(p.State), Problem: p.Problem}, channels: map[string]int{}}
		groups[key] = g
	}
	g.view.Count++
	g.channels[p.Channel]++
}

func grouped(groups map[[2]string]*causeGroup) []CauseView {
	out := make([]CauseView, 0, len(groups))
	for _, g := range groups {
		for c, n := range g.channels {
			g.view.Channels = append(g.view.Channels, ChannelCount{c, n})
		}
		slices.SortFunc(g.view.Channels, func(a, b ChannelCount) int {
			return cmp.Or(b.Count-a.Count, cmp.Compare(a.Channel, b.Channel))
		})
		out = append(out, g.view)
	}
	slices.SortFunc(out, func(a, b CauseView) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.State, b.State))
	})
	return out
}
