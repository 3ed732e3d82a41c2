// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/scheduling"
)

// Two copies of scheduling and of publishing, and the index wiped again and again while 200 posts are
// going out: each goes out once, none before its moment.
func TestIndexWipedWhilePublishing(t *testing.T) {
	redis := indextest.Start(t)
	h := newHouse(t, func(c *config.Config) { c.Channels[0].Limits = config.Limits{PerSecond: 100, Burst: 20} })
	x, err := index.Open(context.Background(), index.Options{URL: redis.URL})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	h.index = x
	h.project()
	base := time.Now().Add(2 * time.Second)
	dues := map[string]time.Time{}
	var subjects []string
	var wg sync.WaitGroup
	for i := range 200 {
		p := draft(h.approve("testo").State, base.Add(time.Duration(i%40)*25*time.Millisecond))
		p.State = palinsesto.PostQueued
		dues[p.ID] = p.Due
		subjects = append(subjects, "palinsesto.post."+theOne+"."+p.ID)
		wg.Go(func() { h.put(palinsesto.PostWasQueued, p) })
	}
	wg.Wait()
	for _, name := range []string{"w1", "w2"} {
		h.start(name)
		s, err := scheduling.New(h.cfg, scheduling.Deps{Bus: bustest.Connect(t, h.server), Index: x, Clock: time.Now, Log: quiet()})
		require.NoError(t, err)
		inBackground(t, s.Run)
	}
	for _, n := range []int{1, 40, 90, 150} {
		require.Eventually(t, func() bool { return len(h.net.made()) >= n }, patience, time.Millisecond)
		redis.FlushAll()
	}
	for _, subject := range subjects {
		h.until(subject, palinsesto.PostPosted)
		require.Equal(t, []string{"queued", "due", "publishing", "posted"}, h.events(subject))
	}
	calls := h.net.made()
	require.Len(t, calls, len(subjects))
	for _, c := range calls {
		require.False(t, c.at.Before(dues[c.post]), "called %s too early", dues[c.post].Sub(c.at))
	}
}
