// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

func rebuildEqualsApply(t *testing.T, h *house) {
	rapid.Check(t, func(rt *rapid.T) {
		docs := drawDocs(rt)
		newest := map[string]index.Doc{}
		for _, d := range docs {
			newest[d.Set+d.ID] = d
		}
		var once []index.Doc
		for _, d := range newest {
			once = append(once, d)
		}
		epoch := h.build(rt, once...)
		requireSame(rt, h.Index, model(docs))
		h.apply(rt, epoch, docs...) // all of it again changes nothing
		requireSame(rt, h.Index, model(docs))
	})
}

func putTwice(t *testing.T, h *house) {
	rapid.Check(t, func(rt *rapid.T) {
		docs := rapid.Permutation(drawDocs(rt)).Draw(rt, "order")
		h.build(rt, docs...)
		requireSame(rt, h.Index, model(docs))
	})
}

func oneBuilder(t *testing.T, h *house) {
	b, err := h.Rebuild(ctx, "log")
	require.NoError(t, err)
	_, err = h.second.Rebuild(ctx, "log")
	require.ErrorIs(t, err, index.ErrBuilding)
	_, err = b.Finish(ctx, 1)
	require.NoError(t, err)
	again, err := h.second.Rebuild(ctx, "log")
	require.NoError(t, err, "the lock is free again")
	again.Abort(ctx)
}

func abortedBuild(t *testing.T, h *house) {
	h.build(t, doc("a", 1))
	before := len(h.Keys())
	b, err := h.Rebuild(ctx, "log")
	require.NoError(t, err)
	require.NoError(t, b.Put(ctx, posts(50, 1, "queued", true)))
	b.Abort(ctx)
	h.Settled()
	require.Len(t, h.Keys(), before)
	hits := all(t, h.Index, index.Query{Set: "post", Limit: 9})
	require.Equal(t, []string{"a"}, ids(hits), "the old one goes on")
}

func lostBuilder(t *testing.T, h *house) {
	slow, err := h.Rebuild(ctx, "log")
	require.NoError(t, err)
	require.NoError(t, slow.Put(ctx, []index.Doc{doc("a", 1)}))
	h.wipe()
	require.ErrorIs(t, slow.Put(ctx, []index.Doc{doc("b", 2)}), index.ErrNoIndex)
	epoch := h.build(t, doc("c", 3))
	_, err = slow.Finish(ctx, 9)
	require.ErrorIs(t, err, index.ErrNoIndex)
	slow.Abort(ctx) // takes nothing from the other
	m, err := h.Meta(ctx)
	require.NoError(t, err)
	require.Equal(t, epoch, m.Epoch)
	require.Equal(t, []string{"c"}, ids(all(t, h.Index, index.Query{Set: "post", Limit: 9})))
}

func oldEpochsDropped(t *testing.T, h *house) {
	h.build(t, posts(100, 1, "queued", true)...)
	epoch := h.build(t, doc("a", 1))
	h.Settled()
	for _, key := range h.Keys() {
		require.True(t, strings.Contains(key, epoch) || !strings.Contains(key, ":e:"), key)
	}
}

func neverHalfBuilt(t *testing.T, h *house) {
	h.build(t, posts(100, 1, "queued", false)...)
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			p, err := h.second.List(ctx, index.Query{Set: "post", Limit: 200})
			if err != nil || p.Total != 100 || len(p.Hits) != 100 {
				t.Errorf("a reader saw %d of %d: %v", len(p.Hits), p.Total, err)
				return
			}
			n, err := h.second.Counts(ctx, "post", "state")
			if err != nil || n["queued"] != 100 {
				t.Errorf("a reader counted %v: %v", n, err)
				return
			}
			if _, err := h.second.Get(ctx, "post", posts(1, 1, "", false)[0].ID); err != nil {
				t.Errorf("a reader missed a document: %v", err)
				return
			}
		}
	})
	for i := range 15 {
		h.build(t, posts(100, uint64(i), "queued", false)...)
	}
	close(stop)
	reader.Wait()
}

// A document of another schema is one of another program: this one waits for a rebuild.
func TestOtherSchema(t *testing.T) {
	h := redisHouse(t)
	b, err := h.Rebuild(ctx, "log")
	require.NoError(t, err)
	require.NoError(t, b.Put(ctx, []index.Doc{doc("a", 1)}))
	epoch, err := b.Finish(ctx, 1)
	require.NoError(t, err)
	h.PretendSchema(t, epoch, index.Schema+1)
	m, err := h.Meta(ctx)
	require.NoError(t, err)
	require.False(t, m.Ready)
	require.Equal(t, index.Schema+1, m.Schema)
	for range 2 {
		_, err = h.List(ctx, index.Query{Set: "post", Limit: 1})
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.Get(ctx, "post", "a")
		require.ErrorIs(t, err, index.ErrNoIndex)
		_, err = h.ClaimDue(ctx, h.clock(), 1, 1)
		require.ErrorIs(t, err, index.ErrNoIndex)
	}
	h.build(t, doc("b", 1))
	require.Equal(t, []string{"b"}, ids(all(t, h.Index, index.Query{Set: "post", Limit: 9})))
	h.Settled()
	for _, key := range h.Keys() {
		require.NotContains(t, key, fmt.Sprintf("s%d-", index.Schema+1))
	}
}
