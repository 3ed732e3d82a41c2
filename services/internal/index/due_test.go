// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

func (h *house) claim(t *testing.T, limit int) []index.Claim {
	c, err := h.ClaimDue(ctx, h.clock(), time.Minute, limit)
	require.NoError(t, err)
	return c
}

func claimNeverPops(t *testing.T, h *house) {
	at := h.clock()
	h.build(t, dueDoc("a", 1, at), dueDoc("b", 2, at.Add(time.Hour)))
	for range 3 {
		got := h.claim(t, 10)
		require.Equal(t, []string{"key.a"}, keysOf(got))
		require.True(t, got[0].Due.Equal(at), "the true due stays readable")
		require.Empty(t, h.claim(t, 10), "within the lease it is not claimed again")
		next, ok, err := h.NextDue(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, next.Equal(h.clock().Add(time.Minute)))
		n, err := h.DueCount(ctx)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		h.pass(time.Minute)
	}
}

func claimersNeverShare(t *testing.T, h *house) {
	docs := make([]index.Doc, 400)
	for i := range docs {
		docs[i] = dueDoc(fmt.Sprint(i), uint64(i+1), h.clock())
	}
	h.build(t, docs...)
	var mu sync.Mutex
	times := map[string]int{}
	var claimers sync.WaitGroup
	for _, x := range []*index.Index{h.Index, h.second, h.Index, h.second} {
		claimers.Go(func() {
			for {
				got, err := x.ClaimDue(ctx, h.clock(), time.Minute, 7)
				if err != nil || len(got) == 0 {
					return
				}
				mu.Lock()
				for _, c := range got {
					times[c.Key]++
				}
				mu.Unlock()
			}
		})
	}
	claimers.Wait()
	require.Len(t, times, 400)
	for key, n := range times {
		require.Equal(t, 1, n, key)
	}
}

func claimOutlivesChange(t *testing.T, h *house) {
	at := h.clock()
	epoch := h.build(t, dueDoc("a", 1, at))
	require.Len(t, h.claim(t, 1), 1)
	h.apply(t, epoch, dueDoc("a", 2, at)) // such as a comment
	h.apply(t, epoch, dueDoc("a", 2, at)) // the same again: a second delivery, the sweep
	require.Empty(t, h.claim(t, 1))
	h.apply(t, epoch, dueDoc("a", 3, at.Add(-time.Second))) // another moment: that counts now
	got := h.claim(t, 1)
	require.Len(t, got, 1)
	require.True(t, got[0].Due.Equal(at.Add(-time.Second)))
}

func leavesQueue(t *testing.T, h *house) {
	at := h.clock()
	epoch := h.build(t, dueDoc("a", 1, at), dueDoc("b", 2, at), dueDoc("c", 3, at))
	require.Len(t, h.claim(t, 3), 3)
	gone := dueDoc("b", 5, at)
	gone.Gone = true
	renamed := dueDoc("c", 6, at)
	renamed.DueKey = "key.other"
	h.apply(t, epoch, doc("a", 4), gone, renamed)
	require.Equal(t, []string{"key.other"}, keysOf(h.claim(t, 9)))
	h.apply(t, epoch, dueDoc("a", 7, at)) // back at the same moment: claimable at once
	require.Equal(t, []string{"key.a"}, keysOf(h.claim(t, 9)))
}

func sweepHeals(t *testing.T, h *house) {
	at := h.clock()
	d := dueDoc("a", 1, at)
	epoch := h.build(t, d)
	other := dueDoc("thief", 2, at)
	other.DueKey = d.DueKey
	h.apply(t, epoch, other)
	h.apply(t, epoch, doc("thief", 3)) // takes the member away: what a lost key would do
	n, err := h.DueCount(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	h.apply(t, epoch, d)
	require.Equal(t, []string{"key.a"}, keysOf(h.claim(t, 9)))
	stray := doc("thief", 3)
	stray.DueKey = d.DueKey
	h.apply(t, epoch, stray) // is not due, whatever the queue says
	n, err = h.DueCount(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}

func deferring(t *testing.T, h *house) {
	at := h.clock()
	epoch := h.build(t, dueDoc("a", 1, at))
	require.Len(t, h.claim(t, 1), 1)
	require.NoError(t, h.Defer(ctx, "key.a", at.Add(10*time.Second)))
	h.pass(10*time.Second - time.Millisecond)
	require.Empty(t, h.claim(t, 1))
	h.pass(time.Millisecond)
	got := h.claim(t, 1)
	require.Len(t, got, 1)
	require.True(t, got[0].Due.Equal(at), "its true due is what it was")
	h.apply(t, epoch, doc("a", 2))
	require.NoError(t, h.Defer(ctx, "key.a", at))
	require.Empty(t, h.claim(t, 1), "what has left the queue stays out")
}

func neverEarly(t *testing.T, h *house) {
	at := h.clock()
	h.build(t, dueDoc("c", 1, at.Add(3*time.Millisecond)), dueDoc("a", 2, at), dueDoc("b", 3, at.Add(time.Millisecond)))
	got, err := h.ClaimDue(ctx, at.Add(3*time.Millisecond-1), time.Minute, 9)
	require.NoError(t, err)
	require.Equal(t, []string{"key.a", "key.b"}, keysOf(got))
	got, err = h.ClaimDue(ctx, at, time.Minute, 0)
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = h.ClaimDue(ctx, at.AddDate(1, 0, 0), time.Minute, 1<<30)
	require.NoError(t, err, "a limit beyond bounds is brought within")
}
