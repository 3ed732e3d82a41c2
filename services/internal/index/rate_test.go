// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

func ratesHold(t *testing.T, h *house) {
	const perSecond, burst, takes = 100, 5, 40
	began := time.Now()
	var left atomic.Int64
	left.Store(takes)
	var takers sync.WaitGroup
	for i := range 10 {
		x := []*index.Index{h.Index, h.second}[i%2]
		takers.Go(func() {
			for left.Load() > 0 {
				wait, err := x.Take(ctx, index.Rate{Key: "chat", PerSecond: perSecond, Burst: burst})
				if err != nil {
					t.Error(err)
					return
				}
				if wait > 0 {
					<-time.After(wait) // what callers are told to do
				} else {
					left.Add(-1)
				}
			}
		})
	}
	takers.Wait()
	taken := takes - left.Load()
	allowed := burst + time.Since(began).Seconds()*perSecond
	require.LessOrEqual(t, float64(taken), allowed+1)
	require.GreaterOrEqual(t, taken, int64(takes))
}

func refusalGivesBack(t *testing.T, h *house) {
	chat, bot := index.Rate{Key: "chat", PerMinute: 3, Burst: 3}, index.Rate{Key: "bot", PerMinute: 1}
	take := func(rates ...index.Rate) bool {
		wait, err := h.Take(ctx, rates...)
		require.NoError(t, err)
		return wait == 0
	}
	require.True(t, take(bot))
	for range 10 {
		require.False(t, take(chat, bot))
	}
	for range 3 {
		require.True(t, take(chat), "refusals of the bot have cost the chat nothing")
	}
	require.False(t, take(chat))
	require.True(t, take(), "no limit at all")
	require.True(t, take(index.Rate{Key: "free"}))
}

func burstsAndMinutes(t *testing.T, h *house) {
	for _, c := range []struct {
		rate    index.Rate
		atOnce  int
		waitMin time.Duration
		waitMax time.Duration
	}{
		{index.Rate{Key: "a", PerMinute: 20}, 1, 2 * time.Second, 3001 * time.Millisecond},
		{index.Rate{Key: "b", PerMinute: 20, Burst: 5}, 5, 3100 * time.Millisecond, 3751 * time.Millisecond}, // 5 and 16 make 20 in any minute
		{index.Rate{Key: "c", PerMinute: 2, Burst: 9}, 2, 58 * time.Second, 60001 * time.Millisecond},
		{index.Rate{Key: "d", PerSecond: 1, Burst: 3}, 3, 50 * time.Millisecond, 1001 * time.Millisecond},
		{index.Rate{Key: "e", PerSecond: 1, PerMinute: 20, Burst: 1}, 1, 2 * time.Second, 3001 * time.Millisecond},
	} {
		for range c.atOnce {
			wait, err := h.Take(ctx, c.rate)
			require.NoError(t, err)
			require.Zero(t, wait, c.rate.Key)
		}
		wait, err := h.second.Take(ctx, c.rate)
		require.NoError(t, err)
		require.GreaterOrEqual(t, wait, c.waitMin, c.rate.Key)
		require.LessOrEqual(t, wait, c.waitMax, c.rate.Key)
	}
}

func blocks(t *testing.T, h *house) {
	until, err := h.BlockedUntil(ctx, "bot")
	require.NoError(t, err)
	require.True(t, until.IsZero())
	at := h.clock()
	require.NoError(t, h.Block(ctx, "bot", at.Add(time.Hour)))
	require.NoError(t, h.second.Block(ctx, "bot", at.Add(time.Minute)), "an earlier moment does not shorten it")
	require.NoError(t, h.Block(ctx, "bot", at.Add(-time.Minute)))
	until, err = h.second.BlockedUntil(ctx, "bot")
	require.NoError(t, err)
	require.True(t, until.Equal(at.Add(time.Hour)))
	require.NoError(t, h.Block(ctx, "chat", at.Add(time.Minute)))
	until, err = h.BlockedUntil(ctx, "chat", "bot", "another")
	require.NoError(t, err)
	require.True(t, until.Equal(at.Add(time.Hour)), "the latest of several")
	h.pass(time.Hour)
	until, err = h.BlockedUntil(ctx, "bot")
	require.NoError(t, err)
	require.True(t, until.IsZero())
}

func once(t *testing.T, h *house) {
	var firsts atomic.Int64
	var callers sync.WaitGroup
	for i := range 10 {
		x := []*index.Index{h.Index, h.second}[i%2]
		callers.Go(func() {
			if first, err := x.Once(ctx, "digest", time.Hour); err != nil {
				t.Error(err)
			} else if first {
				firsts.Add(1)
			}
		})
	}
	callers.Wait()
	require.EqualValues(t, 1, firsts.Load())
	first, err := h.Once(ctx, "short", time.Millisecond)
	require.NoError(t, err)
	require.True(t, first)
	require.Eventually(t, func() bool {
		again, err := h.second.Once(ctx, "short", time.Hour)
		return err == nil && again
	}, 10*time.Second, time.Millisecond, "it expires")
}

func leading(t *testing.T, h *house) {
	lead := func(x *index.Index, owner string, ttl time.Duration) bool {
		ok, err := x.Lead(ctx, "cron", owner, ttl)
		require.NoError(t, err)
		return ok
	}
	require.True(t, lead(h.Index, "one", time.Hour))
	require.False(t, lead(h.second, "two", time.Hour))
	require.True(t, lead(h.Index, "one", 2*time.Millisecond), "renewed, and about to lapse")
	require.Eventually(t, func() bool { return lead(h.second, "two", time.Hour) }, 10*time.Second, time.Millisecond)
	require.False(t, lead(h.Index, "one", time.Hour))
}
