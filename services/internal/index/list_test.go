// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

func spread(n int, facets func(i int) []string) []index.Doc {
	docs := make([]index.Doc, n)
	for i := range docs {
		docs[i] = doc(fmt.Sprintf("%05d", i), uint64(i+1), facets(i)...)
		docs[i].Score = start + int64(i)*bucket/50
	}
	return docs
}

func pagesOnce(t *testing.T, h *house) {
	h.build(t, spread(357, func(i int) []string { return []string{fmt.Sprintf("state=%d", i%2)} })...)
	for _, limit := range []int{1, 7, 50, 200} {
		require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: limit}), 357)
		require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: limit, Facets: []string{"state=1"}, Ascending: true}), 178)
	}
	// A page that ends exactly with the list has no next.
	p, err := h.List(ctx, index.Query{Set: "post", Limit: 179, Facets: []string{"state=0"}})
	require.NoError(t, err)
	require.Len(t, p.Hits, 179)
	require.Empty(t, p.Next)
}

func pagesUnderChange(t *testing.T, h *house) {
	docs := spread(300, func(int) []string { return []string{"state=queued"} })
	epoch := h.build(t, docs...)
	still := map[string]bool{}
	for i, d := range docs {
		still[d.ID] = i%3 > 0
	}
	seq := uint64(1000)
	times := map[string]int{}
	q := index.Query{Set: "post", Limit: 10, Facets: []string{"state=queued"}}
	for more := true; more; more = q.Cursor != "" {
		p, err := h.List(ctx, q)
		require.NoError(t, err)
		for _, hit := range p.Hits {
			times[hit.ID]++
		}
		q.Cursor = p.Next
		for range 20 { // the others move, leave, come back
			seq++
			d := docs[3*rand.IntN(100)]
			d.Seq, d.Score = seq, start+rand.Int64N(6*bucket)
			d.Facets, d.Gone = []string{[]string{"state=queued", "state=posted"}[rand.IntN(2)]}, rand.IntN(4) == 0
			h.apply(t, epoch, d)
		}
	}
	for id, unchanged := range still {
		if unchanged {
			require.Equal(t, 1, times[id], id)
		}
	}
}

func equalScores(t *testing.T, h *house) {
	docs := make([]index.Doc, 95)
	for i := range docs {
		docs[i] = doc(fmt.Sprintf("%03d", i), uint64(i+1), "state=due")
	}
	epoch := h.build(t, docs...)
	first, err := h.List(ctx, index.Query{Set: "post", Limit: 10})
	require.NoError(t, err)
	require.Equal(t, "085", first.Hits[9].ID)
	gone := docs[85] // the one that the cursor names
	gone.Seq, gone.Gone = 1000, true
	h.apply(t, epoch, gone)
	rest := all(t, h.Index, index.Query{Set: "post", Limit: 10, Cursor: first.Next})
	require.Equal(t, "084", rest[0].ID)
	require.Len(t, rest, 85)
}

func severalFacets(t *testing.T, h *house) {
	h.build(t, spread(600, func(i int) []string {
		return []string{fmt.Sprintf("state=%d", i%2), fmt.Sprintf("channel=%d", i%3), fmt.Sprintf("centre=%d", i%5)}
	})...)
	q := index.Query{Set: "post", Limit: 7, Facets: []string{"state=1", "channel=2", "centre=3"}}
	p, err := h.List(ctx, q)
	require.NoError(t, err)
	require.Equal(t, -1, p.Total)
	var want []string
	for i := range 600 {
		if i%2 == 1 && i%3 == 2 && i%5 == 3 {
			want = append(want, fmt.Sprintf("%05d", i))
		}
	}
	slices.Reverse(want)
	require.Equal(t, want, ids(all(t, h.Index, q)))
	q.Facets = append(q.Facets, "nothing=here")
	require.Empty(t, all(t, h.Index, q))
}

func ranges(t *testing.T, h *house) {
	docs := spread(300, func(i int) []string {
		return []string{fmt.Sprintf("state=%d", i%2), fmt.Sprintf("channel=%d", i%3)}
	})
	docs[100].Score = docs[101].Score // two at one moment
	last := doc("zzzzz", 1000, "state=0")
	last.Score = 5000 * bucket // after 2100 all share a bucket
	h.build(t, append(docs, last)...)
	at := func(i int) int64 { return docs[i].Score }
	for name, c := range map[string]struct {
		from, to int64
		want     []int
	}{
		"from":                {at(297), 0, []int{297, 298, 299, -1}},
		"to":                  {0, at(3), []int{0, 1, 2}},
		"both":                {at(99), at(103), []int{99, 100, 101, 102}},
		"one of two":          {at(101), at(101) + 1, []int{100, 101}},
		"between two":         {at(5) + 1, at(6), nil},
		"before all":          {0, at(0), nil},
		"after all":           {5001 * bucket, 0, nil},
		"the last":            {4102 * bucket, 6000 * bucket, []int{-1}},
		"the wrong way round": {at(9), at(3), nil},
		"over many buckets":   {at(40), at(260), count(40, 260)},
	} {
		for _, facets := range [][]string{nil, {"state=0"}, {"state=0", "channel=1"}} {
			want := []string{}
			for _, i := range c.want {
				d := last
				if i >= 0 {
					d = docs[i]
				}
				if !slices.ContainsFunc(facets, func(f string) bool { return !slices.Contains(d.Facets, f) }) {
					want = append(want, d.ID)
				}
			}
			q := index.Query{Set: "post", Limit: 2, Facets: facets, From: c.from, To: c.to, Ascending: true}
			require.Equal(t, want, ids(all(t, h.Index, q)), "%s %v", name, facets)
			slices.Reverse(want)
			q.Ascending = false
			require.Equal(t, want, ids(all(t, h.Index, q)), "%s %v", name, facets)
			p, err := h.List(ctx, q)
			require.NoError(t, err)
			require.Equal(t, -1, p.Total)
		}
	}
	// A cursor of a list without the bounds, or with others, leads neither out of them nor past their documents.
	in := index.Query{Set: "post", Limit: 200, From: at(10), To: at(13)}
	for i, want := range map[int][]string{0: {}, 9: {}, 11: {"00010"}, 13: {"00012", "00011", "00010"}, 250: {"00012", "00011", "00010"}} {
		in.Ascending, in.Cursor = false, index.Hit{ID: docs[i].ID, Score: docs[i].Score}.Cursor()
		require.Equal(t, want, ids(all(t, h.Index, in)), "down from %d", i)
	}
	for i, want := range map[int][]string{0: {"00010", "00011", "00012"}, 10: {"00011", "00012"}, 13: {}, 250: {}} {
		in.Ascending, in.Cursor = true, index.Hit{ID: docs[i].ID, Score: docs[i].Score}.Cursor()
		require.Equal(t, want, ids(all(t, h.Index, in)), "up from %d", i)
	}
}

func count(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func boundedSteps(t *testing.T, h *house) {
	docs := make([]index.Doc, 12_000)
	for i := range docs {
		docs[i] = doc(fmt.Sprintf("%05d", i), uint64(i+1), "state=posted", fmt.Sprintf("odd=%t", i%2 == 1))
		docs[i].Score += int64(i) * 1000
	}
	docs[0].Facets = []string{"odd=true", "state=posted"}
	docs[1].Facets = []string{"odd=true", "state=failed"}
	for i := 2; i < 6002; i++ {
		docs[i].Facets = []string{"state=failed"}
	}
	h.build(t, docs...)
	p, err := h.List(ctx, index.Query{Set: "post", Limit: 10, Facets: []string{"state=failed", "odd=true"}})
	require.NoError(t, err)
	// Found in steps or at once, but found, and every call comes back.
	require.Contains(t, ids(append(p.Hits, all(t, h.Index, index.Query{
		Set: "post", Limit: 10, Facets: []string{"state=failed", "odd=true"}})...)), "00001")
	hits := all(t, h.Index, index.Query{Set: "post", Limit: 1, Facets: []string{"state=failed", "odd=true"}})
	require.Equal(t, []string{"00001"}, ids(hits))
}

func badQueries(t *testing.T, h *house) {
	h.build(t, doc("a", 1))
	cursor := base64.RawURLEncoding.EncodeToString
	for _, q := range []index.Query{
		{Set: "", Limit: 1}, {Set: "post:x", Limit: 1}, {Set: "post"}, {Set: "post", Limit: 201}, {Set: "post", Limit: -1},
		{Set: "post", Limit: 1, Facets: []string{"state"}}, {Set: "post", Limit: 1, Facets: []string{""}},
		{Set: "post", Limit: 1, Facets: make([]string, 65)},
		{Set: "post", Limit: 1, From: -1}, {Set: "post", Limit: 1, To: 1 << 53},
		{Set: "post", Limit: 1, Cursor: "?"}, {Set: "post", Limit: 1, Cursor: cursor([]byte("x"))},
		{Set: "post", Limit: 1, Cursor: cursor([]byte("+001763800000000a"))},
		{Set: "post", Limit: 1, Cursor: cursor([]byte("0001763800000000"))},
	} {
		_, err := h.List(ctx, q)
		require.ErrorIs(t, err, index.ErrQuery, "%+v", q)
	}
	_, err := h.Counts(ctx, "post", "state=x")
	require.ErrorIs(t, err, index.ErrQuery)
	// One that is well-formed but names nothing is no error.
	p, err := h.List(ctx, index.Query{Set: "post", Limit: 1, Cursor: cursor([]byte("9007199254740991a"))})
	require.NoError(t, err)
	require.Len(t, p.Hits, 1)
}

func getFinds(t *testing.T, h *house) {
	h.build(t, doc("a", 7))
	got, err := h.Get(ctx, "post", "a")
	require.NoError(t, err)
	require.Equal(t, index.Hit{ID: "a", Seq: 7, Score: start, Body: []byte("a@7")}, got)
	for _, set := range []string{"seg", "post", "po:st"} {
		_, err = h.Get(ctx, set, "b")
		require.ErrorIs(t, err, index.ErrNotFound)
	}
}

func allTimes(t *testing.T, h *house) {
	var docs []index.Doc
	for i, score := range []int64{0, 1, bucket - 1, bucket, start, 4102 * bucket, 4103 * bucket, 1<<53 - 1} {
		d := doc(fmt.Sprint(i), uint64(i+1))
		d.Score = score
		docs = append(docs, d)
	}
	h.build(t, docs...)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"},
		ids(all(t, h.Index, index.Query{Set: "post", Limit: 1, Ascending: true})))
	require.Equal(t, []string{"7", "6", "5", "4", "3", "2", "1", "0"}, ids(all(t, h.Index, index.Query{Set: "post", Limit: 3})))
}
