// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

func wipedSaysSo(t *testing.T, h *house) {
	check := func() {
		m, err := h.Meta(ctx)
		require.NoError(t, err)
		require.Zero(t, m)
		_, err = h.List(ctx, index.Query{Set: "post", Limit: 1})
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.Get(ctx, "post", "a")
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.Counts(ctx, "post", "state")
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.ClaimDue(ctx, h.clock(), time.Minute, 1)
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, _, err = h.NextDue(ctx)
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.DueCount(ctx)
		require.ErrorIs(t, err, index.ErrNoIndex)
		require.ErrorIs(t, h.Defer(ctx, "key", h.clock()), index.ErrNoIndex)
		require.ErrorIs(t, h.Apply(ctx, "", nil, 1), index.ErrNoIndex)
		require.ErrorIs(t, h.Apply(ctx, "s1-unknown", []index.Doc{doc("a", 1)}, 1), index.ErrNoIndex)
	}
	check()
	epoch := h.build(t, doc("a", 1))
	require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: 9}), 1)
	h.wipe()
	check()
	require.ErrorIs(t, h.Apply(ctx, epoch, []index.Doc{doc("a", 2)}, 2), index.ErrNoIndex)
	require.Empty(t, h.Keys(), "nothing may be written without an epoch")
}

func metaFollows(t *testing.T, h *house) {
	b, err := h.Rebuild(ctx, "log-7")
	require.NoError(t, err)
	epoch, err := b.Finish(ctx, 1<<63+9)
	require.NoError(t, err)
	want := index.Meta{Epoch: epoch, Log: "log-7", Schema: index.Schema, Seq: 1<<63 + 9, Ready: true}
	for _, step := range []struct{ upTo, seq uint64 }{{5, 1<<63 + 9}, {1<<63 + 10, 1<<63 + 10}, {99, 1<<63 + 10}} {
		require.NoError(t, h.Apply(ctx, epoch, nil, step.upTo))
		want.Seq = step.seq
		m, err := h.second.Meta(ctx)
		require.NoError(t, err)
		require.Equal(t, want, m)
	}
}

func olderNeverOverwrites(t *testing.T, h *house) {
	epoch := h.build(t, doc("a", 5, "state=posted"), doc("b", 5, "state=posted"))
	h.apply(t, epoch, doc("a", 4, "state=failed"), doc("b", 6, "state=failed"))
	h.apply(t, epoch, doc("b", 5, "state=posted"))
	gone := doc("b", 7)
	gone.Gone = true
	h.apply(t, epoch, gone)
	h.apply(t, epoch, doc("b", 6, "state=failed")) // a late copy does not revive it
	hits := all(t, h.Index, index.Query{Set: "post", Limit: 9})
	require.Equal(t, []index.Hit{{ID: "a", Seq: 5, Score: start, Body: []byte("a@5")}}, hits)
	n, err := h.Counts(ctx, "post", "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"posted": 1}, n)
	h.apply(t, epoch, doc("b", 8, "state=queued")) // a newer one does
	require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: 9}), 2)
}

func newestOfBatch(t *testing.T, h *house) {
	epoch := h.build(t)
	h.apply(t, epoch, doc("a", 2, "state=due"), doc("a", 3, "state=posted"), doc("a", 1, "state=queued"))
	n, err := h.Counts(ctx, "post", "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"posted": 1}, n)
}

func badDocs(t *testing.T, h *house) {
	epoch := h.build(t)
	for name, change := range map[string]func(*index.Doc){
		"set":           func(d *index.Doc) { d.Set = "a:b" },
		"no id":         func(d *index.Doc) { d.ID = "" },
		"long id":       func(d *index.Doc) { d.ID = strings.Repeat("x", 201) },
		"score":         func(d *index.Doc) { d.Score = -1 },
		"big score":     func(d *index.Doc) { d.Score = 1 << 53 },
		"due":           func(d *index.Doc) { d.Due, d.DueKey = -1, "k" },
		"due, no key":   func(d *index.Doc) { d.Due = 1 },
		"facet, no =":   func(d *index.Doc) { d.Facets = []string{"state"} },
		"facet, =first": func(d *index.Doc) { d.Facets = []string{"=x"} },
		"body":          func(d *index.Doc) { d.Body = make([]byte, 1<<20+1) },
	} {
		d := doc("a", 1)
		change(&d)
		require.Error(t, h.Apply(ctx, epoch, []index.Doc{d}, 0), name)
		b, err := h.Rebuild(ctx, "log")
		require.NoError(t, err)
		require.Error(t, b.Put(ctx, []index.Doc{d}), name)
		b.Abort(ctx)
	}
}

func manyDocs(t *testing.T, h *house) {
	epoch := h.build(t)
	docs := make([]index.Doc, 5003)
	for i := range docs {
		docs[i] = doc(fmt.Sprint(i), uint64(i+1), "state=queued", fmt.Sprintf("kind=%d", i%7))
		docs[i].Due, docs[i].DueKey = start, fmt.Sprint("k", i)
	}
	require.NoError(t, h.Apply(ctx, epoch, docs, 5003))
	require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: 200}), 5003)
	n, err := h.DueCount(ctx)
	require.NoError(t, err)
	require.Equal(t, 5003, n)
	m, err := h.Meta(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 5003, m.Seq)
}

func wipedWithinApply(t *testing.T, h *house) {
	epoch := h.build(t, doc("a", 1))
	h.AfterNextRead(h.wipe)
	require.ErrorIs(t, h.Apply(ctx, epoch, []index.Doc{doc("a", 2)}, 2), index.ErrNoIndex)
	require.Empty(t, h.Keys())
}

func rebuiltWithinApply(t *testing.T, h *house) {
	epoch := h.build(t, doc("a", 1))
	h.AfterNextRead(func() { h.build(t, doc("a", 3)) })
	require.ErrorIs(t, h.Apply(ctx, epoch, []index.Doc{doc("a", 2)}, 2), index.ErrNoIndex)
	got, err := h.Get(ctx, "post", "a")
	require.NoError(t, err)
	require.EqualValues(t, 3, got.Seq)
}

func writtenWithinApply(t *testing.T, h *house) {
	epoch := h.build(t, doc("a", 1, "state=queued"))
	h.AfterNextRead(func() { require.NoError(t, h.second.Apply(ctx, epoch, []index.Doc{doc("a", 3, "state=posted")}, 3)) })
	h.apply(t, epoch, doc("a", 2, "state=due"), doc("b", 4, "state=due"))
	n, err := h.Counts(ctx, "post", "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"posted": 1, "due": 1}, n)
}

func writersAtOnce(t *testing.T, h *house) {
	epoch := h.build(t)
	var writers sync.WaitGroup
	errs := make(chan error, 4)
	for w, x := range []*index.Index{h.Index, h.second, h.Index, h.second} {
		writers.Go(func() {
			for i := range 25 {
				// Everybody writes all five, with sequences that interleave: the highest is the last writer's.
				var docs []index.Doc
				for k := range 5 {
					docs = append(docs, doc(fmt.Sprint("d", k), uint64(4*i+w+1), fmt.Sprintf("state=%d", (4*i+w)%6)))
				}
				if err := x.Apply(ctx, epoch, docs, uint64(4*i+w+1)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	writers.Wait()
	close(errs)
	require.NoError(t, <-errs)
	n, err := h.Counts(ctx, "post", "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int{fmt.Sprint(99 % 6): 5}, n)
	for _, hit := range all(t, h.Index, index.Query{Set: "post", Limit: 9}) {
		require.EqualValues(t, 100, hit.Seq)
	}
}

// wipesAtAnyMoment plays the indexing room: what is refused with ErrNoIndex comes back with a rebuild.
func wipesAtAnyMoment(t *testing.T, h *house) {
	newest := map[string]index.Doc{}
	known := func() []index.Doc {
		var out []index.Doc
		for _, d := range newest {
			out = append(out, d)
		}
		return out
	}
	epoch := h.build(t)
	stop, wiped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(wiped)
		for range 20 {
			h.wipe()
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond): // wipes fall anywhere: no moment is waited for
			}
		}
	}()
	for seq := uint64(1); seq <= 300; seq++ {
		d := doc(fmt.Sprint(seq%17), seq, fmt.Sprintf("state=%d", seq%5))
		newest[d.ID] = d
		for h.Apply(ctx, epoch, []index.Doc{d}, seq) != nil {
			b, err := h.Rebuild(ctx, "log")
			if err != nil {
				continue
			}
			if errors.Is(b.Put(ctx, known()), nil) {
				if e, err := b.Finish(ctx, seq); err == nil {
					epoch = e
				}
			} else {
				b.Abort(ctx)
			}
		}
	}
	close(stop)
	<-wiped
	if m, err := h.Meta(ctx); err != nil || !m.Ready {
		h.build(t, known()...)
	}
	requireSame(t, h.Index, model(known()))
}

// drawDocs draws a history: few documents, many versions, in an order of delivery of its own.
func drawDocs(t *rapid.T) []index.Doc {
	n := rapid.IntRange(1, 40).Draw(t, "versions")
	docs := make([]index.Doc, n)
	for i := range docs {
		d := doc(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "id"), uint64(i+1))
		d.Set = rapid.SampledFrom([]string{"post", "seg"}).Draw(t, "set")
		d.Score = rapid.SampledFrom([]int64{0, start, start + 1, start + 2*bucket, start - 3*bucket, 1 << 52}).Draw(t, "score")
		d.Facets = rapid.SliceOfN(rapid.SampledFrom([]string{"state=queued", "state=posted", "state=failed", "kind=a=b", "kind="}), 0, 4).Draw(t, "facets")
		d.Gone = rapid.IntRange(0, 9).Draw(t, "gone") == 0
		if rapid.Bool().Draw(t, "due") {
			d.Due = start + int64(rapid.IntRange(0, 3).Draw(t, "when"))
		}
		d.DueKey = d.Set + "." + d.ID
		docs[i] = d
	}
	return docs
}

const bucket = 1_000_000_000

func orderIsNothing(t *testing.T, h *house) {
	rapid.Check(t, func(rt *rapid.T) {
		docs := drawDocs(rt)
		epoch := h.build(rt)
		shuffled := rapid.Permutation(slices.Concat(docs, docs[:len(docs)/2])).Draw(rt, "delivered")
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(rt, "batch")
			h.apply(rt, epoch, shuffled[:n]...)
			shuffled = shuffled[n:]
		}
		requireSame(rt, h.Index, model(docs))
	})
}
