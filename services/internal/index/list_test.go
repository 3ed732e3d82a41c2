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
