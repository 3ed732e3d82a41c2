// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
)

func TestEvictionIsWarnedOf(t *testing.T) {
	h := newHouse()
	require.Empty(t, h.open(t, indextest.Redis(t)).Warnings())
	require.Empty(t, h.open(t, "").Warnings())
	w := h.open(t, indextest.Start(t, "--maxmemory-policy", "allkeys-lru").URL).Warnings()
	require.Len(t, w, 1)
	require.Contains(t, w[0], "noeviction")
	require.Contains(t, w[0], "allkeys-lru")
	forbidden := indextest.Start(t, "--rename-command", "CONFIG", "")
	w = h.open(t, forbidden.URL).Warnings()
	require.Len(t, w, 1, "what cannot be verified is said too")
}

func TestScriptsAreLoadedAgain(t *testing.T) {
	server := indextest.Start(t)
	h := newHouse()
	h.Index = h.open(t, server.URL)
	epoch := h.build(t, dueDoc("a", 1, h.clock()))
	for range 2 {
		server.FlushScripts()
		h.apply(t, epoch, doc("b", 2))
		require.Len(t, all(t, h.Index, index.Query{Set: "post", Limit: 9}), 2)
	}
}

func TestRedisThatComesLater(t *testing.T) {
	server := indextest.Start(t)
	server.Kill()
	h := newHouse()
	x := h.open(t, server.URL) // rooms start in any order
	require.Error(t, x.Ping(ctx))
	_, err := x.Meta(ctx)
	require.Error(t, err)
	server.Restart()
	require.NoError(t, x.Ping(ctx))
	h.Index = x
	h.build(t, doc("a", 1))
	server.Restart() // killed and empty again
	require.Eventually(t, func() bool { return x.Ping(ctx) == nil }, 10*time.Second, time.Millisecond)
	m, err := x.Meta(ctx)
	require.NoError(t, err)
	require.Zero(t, m)
}

func TestHousesShareARedis(t *testing.T) {
	url := indextest.Redis(t)
	open := func(prefix string) *house {
		x, err := index.Open(ctx, index.Options{URL: url, Prefix: prefix})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, x.Close()) })
		return &house{Index: x}
	}
	one, two := open("{one}:"), open("two:")
	one.build(t, doc("a", 1))
	two.build(t, doc("b", 1))
	two.build(t, doc("c", 1)) // drops its own old keys only
	two.Settled()
	require.Equal(t, []string{"a"}, ids(all(t, one.Index, index.Query{Set: "post", Limit: 9})))
	require.Equal(t, []string{"c"}, ids(all(t, two.Index, index.Query{Set: "post", Limit: 9})))
	_, err := one.Take(ctx, index.Rate{Key: "k", PerMinute: 1})
	require.NoError(t, err)
	wait, err := two.Take(ctx, index.Rate{Key: "k", PerMinute: 1})
	require.NoError(t, err)
	require.Zero(t, wait)
	for _, key := range one.Keys() {
		require.Regexp(t, `^(\{one\}|two):`, key)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"http://h", "redis://:geheim@h:port", "::", "redis://user:geheim@host:6379/x"} {
		_, err := index.Open(ctx, index.Options{URL: url})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "geheim")
	}
	_, err := index.Open(ctx, index.Options{Prefix: "a*"})
	require.Error(t, err)
}
