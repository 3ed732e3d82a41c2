// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

// steps are the failpoints of section 6 of the design, in its order.
var steps = []string{
	"scheduling.before-queued", "scheduling.after-queued", "scheduling.before-due", "scheduling.after-due",
	"publishing.prepared", "publishing.before-intent", "publishing.after-intent", "publishing.before-call",
	"publishing.after-call", "publishing.before-verdict", "publishing.after-verdict",
}

// uncertainAfter tells at which steps a crash leaves an attempt whose outcome nobody knows.
var uncertainAfter = map[string]bool{
	"publishing.after-intent": true, "publishing.before-call": true,
	"publishing.after-call": true, "publishing.before-verdict": true,
}

// raced are the steps after which another room of the same process goes on before the signal arrives:
// the post may be caught a step further.
var raced = map[string]bool{"scheduling.after-queued": true, "scheduling.after-due": true}

// At every step: killed there, started again. Nothing acknowledged is missing, nothing is out twice,
// and what was caught between intent and verdict stands before an operator.
func TestKillAtEveryStep(t *testing.T) {
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t, settings{})
			w.start()
			w.people()
			require.NoError(t, w.house.Stop(patience))

			w.start("PALINSESTO_FAILPOINT=" + step)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() { w.place(ctx, "Avviso 0") }) // alone, so that nothing else is caught
			select {
			case <-w.house.Gone():
			case <-ctx.Done():
				t.Fatalf("the step was never passed; posts: %+v", w.posts(""))
			}
			w.start()
			wg.Wait()

			w.drain()
			uncertain := w.posts("uncertain")
			switch {
			case uncertainAfter[step]:
				require.NotEmpty(t, uncertain, "the post caught at %s stands before an operator", step)
			case !raced[step]:
				require.Empty(t, uncertain, "at %s it is known what happened", step)
			}
			w.resolveAll()
			require.True(t, w.place(ctx, "Avviso 1"))
			w.drain()
			require.Equal(t, map[string]int{"Avviso 0": 1, "Avviso 1": 1}, w.onWall())
			require.NoError(t, w.house.Stop(patience))
		})
	}
}

// Killed at random, again and again, under load.
func TestRandomKills(t *testing.T) {
	const kills = 50
	w := newWorld(t, settings{channels: 3})
	w.start()
	w.people()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	load, stop := context.WithCancel(ctx)
	var placed sync.Map
	var wg sync.WaitGroup
	for actor := range 3 {
		wg.Go(func() {
			for n := 0; load.Err() == nil && n < 200; n++ {
				title := fmt.Sprintf("Avviso %d-%d", actor, n)
				if w.place(ctx, title, harness.ChannelID(actor)) {
					placed.Store(title, true)
				}
			}
		})
	}
	for range kills {
		time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond) //nolint:forbidigo // the moment of a kill is random, nothing waits for it
		w.house.Kill()
		w.start()
	}
	stop()
	wg.Wait()
	w.drain()
	w.resolveAll()
	total := 0
	wall := w.onWall()
	placed.Range(func(title, _ any) bool {
		total++
		require.Equal(t, 1, wall[title.(string)], "%s", title)
		return true
	})
	t.Logf("%d kills, %d posts", kills, total)
	require.Greater(t, total, 20)
	for title, n := range wall {
		require.Equal(t, 1, n, "%s", title)
	}
	require.NoError(t, w.house.Stop(patience))
	w.check()
}

// place submits and approves, insisting through crashes; false when the test ended first.
func (w *world) place(ctx context.Context, title string, channels ...string) bool {
	if len(channels) == 0 {
		channels = []string{"telegram"}
	}
	seg, err := w.referente.Submit(ctx, notice(title, channels...), title)
	if err == nil {
		err = w.redattore.Approve(ctx, seg, time.Time{})
	}
	if err != nil && ctx.Err() == nil {
		w.t.Errorf("place %s: %v", title, err)
	}
	if err == nil {
		w.placed.Add(1)
	}
	return err == nil
}

func (w *world) posts(state string) []harness.Post {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	ps, err := w.operatore.Posts(ctx, q)
	require.NoError(w.t, err)
	return ps
}

// drain waits until the house moves nothing on by itself any more.
func (w *world) drain() {
	w.t.Helper()
	w.eventually("every post comes to rest", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		segs, err := w.operatore.Do(ctx, "GET", "/api/v1/segnalazioni?state=approved&limit=1", nil)
		if err != nil || segs.Status != 200 {
			return false
		}
		var page harness.Page[harness.Seg]
		if segs.Decode(&page) != nil {
			return false
		}
		resting := 0
		all := w.posts("")
		for _, p := range all {
			switch p.State {
			case "posted", "uncertain", "failed", "missed", "cancelled", "removed", "edited":
				resting++
			}
		}
		return page.Total >= int(w.placed.Load()) && len(all) >= page.Total-w.elsewhere && resting == len(all)
	})
}

// resolveAll does what an operator does: looks at the channel and says what is there.
func (w *world) resolveAll() {
	w.t.Helper()
	for _, p := range w.posts("uncertain") {
		var doc struct {
			Title string `json:"title"`
		}
		a, err := w.operatore.Do(w.t.Context(), "GET", "/api/v1/segnalazioni/"+p.Segnalazione, nil)
		require.NoError(w.t, err)
		require.NoError(w.t, a.Decode(&doc))
		body := map[string]any{"outcome": "not_out", "reason": "guardato il canale"}
		if w.onWall()[doc.Title] > 0 {
			body = map[string]any{"outcome": "out", "link": w.linkOf(p), "reason": "guardato il canale"}
		}
		w.eventually("resolve "+p.ID, func() bool {
			a, err := w.operatore.Do(w.t.Context(), "POST", "/api/v1/posts/"+p.ID+"/resolve", body)
			require.NoError(w.t, err)
			require.Contains(w.t, []int{200, 409}, a.Status, "%s", a.Body)
			return a.Status == 200
		})
	}
	w.drain()
	require.Empty(w.t, w.posts("uncertain"))
}
