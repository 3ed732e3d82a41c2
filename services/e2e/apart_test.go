// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
)

// The same binary as separate processes, a NATS server and a Redis of their own, two copies of
// scheduling and publishing: the same behaviour, also when one copy is killed under load.
func TestRoomsApart(t *testing.T) {
	log, redis := startNATS(t), indextest.Start(t)
	w := newWorld(t, settings{channels: 2})
	conf, env := w.house.Config, w.house.Env
	var rooms []*harness.House
	states := map[string]string{} // where each room keeps its notes; of two copies the later one
	room := func(name string) *harness.House {
		states[name] = t.TempDir()
		h := &harness.House{Bin: program, Data: t.TempDir(), Config: conf,
			Args: []string{"--nats", log.url, "--redis", redis.URL, "--state-dir", states[name], name},
			Env:  append([]string{"PALINSESTO_NATS_USER=" + name, "PALINSESTO_NATS_PASSWORD=" + password(name)}, env...)}
		require.NoError(t, h.Start())
		t.Cleanup(func() {
			h.Kill()
			if t.Failed() {
				t.Logf("%s said:\n%s", name, lastLines(h.Output(), 20))
			}
		})
		rooms = append(rooms, h)
		return h
	}
	w.house = room("api") // rooms start in any order
	second := map[string]*harness.House{}
	noted := map[string]string{}
	for _, name := range []string{"publishing", "scheduling", "publishing", "scheduling", "approval", "intake", "media", "notifying", "indexing"} {
		noted[name] = states[name] // of the copy that stays
		second[name] = room(name)
	}
	for range rooms {
		w.ready()
	}
	w.people()
	const posts = 60
	var wg sync.WaitGroup
	for actor := range 4 {
		wg.Go(func() {
			for i := actor; i < posts; i += 4 {
				w.place(t.Context(), fmt.Sprintf("Avviso %d", i), harness.ChannelID(i%2))
			}
		})
	}
	w.eventually("a quarter is out", func() bool { return len(w.box.Wall()) > posts/4 })
	second["publishing"].Kill()
	second["scheduling"].Kill()
	wg.Wait()
	w.drain()
	w.resolveAll()
	for i := range posts {
		require.Equal(t, 1, w.onWall()[fmt.Sprintf("Avviso %d", i)], "Avviso %d", i)
	}
	requireNoForgery(t, log)
	for _, h := range rooms {
		require.NoError(t, h.Stop(30*time.Second))
	}
	for _, name := range []string{"scheduling", "publishing"} { // their users may read what they have to note
		out, err := backup.OpenOutside(noted[name])
		require.NoError(t, err)
		require.Greater(t, out.Seen(), uint64(3*posts), "%s notes what happens outside its data folder", name)
	}
}
