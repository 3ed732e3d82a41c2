// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// PageInput asks for one page of a list.
type PageInput struct {
	Cursor string `query:"cursor" maxLength:"400" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Order  string `query:"order" enum:"desc,asc" default:"desc" doc:"Newest first, or oldest first"`
}

// Page is what every list tells besides its items.
type Page struct {
	Total *int   `json:"total" doc:"null: not known, because several filters were combined, or words or days were given"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent: the list ends here"`
}

// fills bounds how often the index is asked for one page: with several filters it looks at a bounded
// number of documents each time.
const fills = 20

// pageMost is the largest page.
const pageMost = 200

// list reads one page and hands each document to take; what cannot be read is left out by whoever projects.
func (s *Service) list(ctx context.Context, set string, f filter, in PageInput, take func(body []byte) error) (Page, error) {
	if f.matches != nil {
		return s.scan(ctx, set, f, in, take)
	}
	q := f.query(set, in)
	var out Page
	for range fills {
		got, err := s.Index.List(ctx, q)
		if err != nil {
			return Page{}, err
		}
		if got.Total >= 0 {
			out.Total = &got.Total
		}
		for _, h := range got.Hits {
			if err := take(h.Body); err != nil {
				return Page{}, err
			}
		}
		out.Next, q.Cursor = got.Next, got.Next
		if q.Limit -= len(got.Hits); q.Limit < 1 || got.Next == "" {
			break
		}
	}
	return out, nil
}

// filter gathers the facets of a list for an actor. seen is false when nothing of it may be seen: of
// another centre there is simply nothing.
type filter struct {
	facets   []string
	seen     bool
	from, to int64                           // of the order of the list; 0: no bound
	matches  func(body []byte) (bool, error) // nil: all
}

// newFilter begins with centre and state: together they are one facet, so that a referente's lists
// have a total.
func newFilter(a palinsesto.Actor, centre, state string) filter {
	own, everywhere, ok := a.Sees()
	f := filter{seen: ok}
	if !everywhere {
		if centre != "" && centre != own {
			f.seen = false
		}
		centre = own
	}
	switch {
	case centre != "" && state != "":
		f.facets = append(f.facets, "centre-state="+centre+"."+state)
	case centre != "":
		f.facets = append(f.facets, "centre="+centre)
	case state != "":
		f.facets = append(f.facets, "state="+state)
	}
	return f
}

func (f *filter) add(name, value string) {
	if value != "" {
		f.facets = append(f.facets, name+"="+value)
	}
}

// find is list for a filter.
func (s *Service) find(ctx context.Context, set string, f filter, in PageInput, take func(body []byte) error) (Page, error) {
	if !f.seen {
		zero := 0
		return Page{Total: &zero}, nil
	}
	return s.list(ctx, set, f, in, take)
}
