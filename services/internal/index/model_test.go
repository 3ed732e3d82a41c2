// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

// state is what an index should hold, in plain maps.
type state struct {
	lists  map[string]map[string][]string       // set -> facet ("" all) -> ids in order
	counts map[string]map[string]map[string]int // set -> facet's name -> value
	due    map[string]int64
}

// model works out the state that a history leads to.
func model(docs []index.Doc) state {
	newest := map[[2]string]index.Doc{}
	for _, d := range docs {
		k := [2]string{d.Set, d.ID}
		if was, ok := newest[k]; !ok || d.Seq > was.Seq {
			newest[k] = d
		}
	}
	s := state{map[string]map[string][]string{}, map[string]map[string]map[string]int{}, map[string]int64{}}
	live := []index.Doc{}
	for _, d := range newest {
		if !d.Gone {
			live = append(live, d)
		}
	}
	slices.SortFunc(live, func(a, b index.Doc) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(b.ID, a.ID))
	})
	for _, d := range live {
		if s.lists[d.Set] == nil {
			s.lists[d.Set], s.counts[d.Set] = map[string][]string{}, map[string]map[string]int{}
		}
		facets := slices.Clone(d.Facets)
		slices.Sort(facets)
		for _, f := range append(slices.Compact(facets), "") {
			s.lists[d.Set][f] = append(s.lists[d.Set][f], d.ID)
			name, value, _ := strings.Cut(f, "=")
			if s.counts[d.Set][name] == nil {
				s.counts[d.Set][name] = map[string]int{}
			}
			s.counts[d.Set][name][value]++
		}
		if d.Due > 0 {
			s.due[d.DueKey] = d.Due
		}
	}
	return s
}

// requireSame compares an index with what it should hold: lists both ways, totals, counts, due queue.
func requireSame(t require.TestingT, x *index.Index, want state) {
	for _, set := range []string{"post", "seg"} {
		for _, facet := range []string{"", "state=queued", "state=posted", "state=failed", "kind=a=b", "kind="} {
			q := index.Query{Set: set, Limit: 3}
			if facet != "" {
				q.Facets = []string{facet}
			}
			p, err := x.List(ctx, q)
			require.NoError(t, err)
			if q.Cursor = p.Next; q.Cursor != "" {
				p.Hits = append(p.Hits, all(t, x, q)...)
			}
			got := ids(p.Hits)
			require.Equal(t, append([]string{}, want.lists[set][facet]...), got, "%s %s", set, facet)
			require.Equal(t, len(got), p.Total)
			if len(got) > 1 {
				q.Ascending, q.Cursor = true, ""
				slices.Reverse(got)
				require.Equal(t, got, ids(all(t, x, q)))
			}
		}
		for _, name := range []string{"", "state", "kind", "channel"} {
			counts, err := x.Counts(ctx, set, name)
			require.NoError(t, err)
			require.Equal(t, fill(want.counts[set][name]), counts, "%s %s", set, name)
		}
	}
	n, err := x.DueCount(ctx)
	require.NoError(t, err)
	require.Equal(t, len(want.due), n)
	claims, err := x.ClaimDue(ctx, time.UnixMilli(start).AddDate(10, 0, 0), 0, 1000)
	require.NoError(t, err)
	due := map[string]int64{}
	for _, c := range claims {
		due[c.Key] = c.Due.UnixMilli()
	}
	require.Equal(t, want.due, due)
}

func fill(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}
