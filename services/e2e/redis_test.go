// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// Redis is emptied again and again while 200 posts are going out: all go out, once.
func TestRedisWiped(t *testing.T) {
	redis := indextest.Start(t)
	w := newWorld(t, settings{channels: 4, args: []string{"--redis", redis.URL}})
	w.start()
	w.people()
	const posts = 200
	due := time.Now().Add(8 * time.Second)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range posts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			title := fmt.Sprintf("Avviso %d", i)
			seg, err := w.referente.Submit(t.Context(), notice(title, harness.ChannelID(i%4)), title)
			require.NoError(t, err)
			// Spread over three seconds, so that the wipes fall between them.
			require.NoError(t, w.redattore.Approve(t.Context(), seg, due.Add(time.Duration(i)*15*time.Millisecond)))
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wipes := 0
	for {
		redis.FlushAll()
		wipes++
		if err := w.box.Wait(ctx, func(items []sandbox.Item) bool { return len(items) >= min(posts, wipes*posts/10) }); err != nil {
			t.Fatalf("after %d wipes %d of %d posts are out: %v", wipes, len(w.box.Wall()), posts, err)
		}
		if len(w.box.Wall()) >= posts {
			break
		}
	}
	w.drain()
	for title, n := range w.onWall() {
		require.Equal(t, 1, n, "%s", title)
	}
	require.Len(t, w.onWall(), posts)
	require.Empty(t, w.posts("uncertain"))
	t.Logf("%d posts, %d wipes", posts, wipes)
}
