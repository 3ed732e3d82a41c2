// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut_test

import (
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/e2e/powercut"
)

const (
	cuts = 2 // in each test
	// handedOut is more than the 15 s after which the log gives an approval that was being planned when the
	// power went to the next start.
	handedOut = 60 * time.Second
)

// The house on a disk that loses power, under load, at a random moment: what was acknowledged is there when
// the power is back, nothing is on the wall twice, and the log is sound.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names powercut.Names
		part  bool // part of what was not flushed reached the disk
	}{
		"journal": {powercut.Journal, false}, "journal in part": {powercut.Journal, true},
		"letter": {powercut.Letter, false}, "letter in part": {powercut.Letter, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			moment := rand.New(rand.NewPCG(seed, 1))
			var chance *rand.Rand
			if c.part {
				chance = rand.New(rand.NewPCG(seed, 2))
			}
			w := newWorld(t, c.names)
			w.start()
			w.people()
			for range cuts {
				w.load(channels)
				w.cutAt(moment, chance)
				w.start()
				require.Empty(t, w.lost(), "acknowledged, and lost")
			}
			w.drain()
			w.judge()
			t.Logf("%d acknowledged, on the wall %d, settled by hand %d; disk %+v; starts %v", w.count(), len(w.onWall()), w.settled, w.rig.disk.Tally(), w.restarts)
		})
	}
}

// cutAt takes the power away at some moment once the load runs.
func (w *world) cutAt(moment, chance *rand.Rand) {
	w.t.Helper()
	already := w.count()
	require.Eventually(w.t, func() bool { return w.count() > already+20 }, patience, time.Millisecond, "the load runs")
	time.Sleep(time.Duration(moment.IntN(500)) * time.Millisecond) //nolint:forbidigo // the moment of a cut is random, nothing waits for it
	// The signal first: once it is out, nobody answers because a call to the disk failed.
	require.NoError(w.t, w.house.Signal(syscall.SIGKILL))
	if w.log != nil {
		require.NoError(w.t, w.log.Process.Kill())
	}
	w.rig.disk.Cut(chance)
	<-w.house.Gone()
	if w.log != nil {
		_ = w.log.Wait()
	}
	w.actors.Wait()
	require.NoError(w.t, w.rig.disk.Restore())
}

// drain lets the house finish, and an operator say of each uncertain post what is on the wall.
func (w *world) drain() {
	w.t.Helper()
	w.rest()
	segs := w.segs()
	for _, p := range w.posts() {
		if p.State != "uncertain" {
			continue
		}
		body := map[string]any{"outcome": "not_out", "reason": "guardato il canale"}
		if shown := w.onWall()[segs[p.Segnalazione].Title]; len(shown) > 0 {
			body["outcome"], body["link"] = "out", "https://t.me/"+strings.TrimPrefix(shown[0].Account, "@")+"/"+shown[0].ID
		}
		// Refused for as long as the call of before the cut might still be under way.
		said := ""
		require.Eventually(w.t, func() bool {
			a, err := w.operatore.Do(w.t.Context(), "POST", "/api/v1/posts/"+p.ID+"/resolve", body)
			said = string(a.Body)
			return err == nil && a.Status == 200
		}, patience, 20*time.Millisecond, "resolve %s: %s", p.ID, &said)
		w.settled++
	}
	w.rest()
}

// rest waits until every approval has its post and none moves on by itself.
func (w *world) rest() {
	w.t.Helper()
	var states map[string]int
	require.Eventually(w.t, func() bool {
		states = map[string]int{}
		n := 0
		planned := map[string]bool{}
		for _, p := range w.posts() {
			states[p.State]++
			planned[p.Segnalazione] = true
			n++
		}
		for id, a := range w.acked {
			if a.state == "approved" && !planned[id] {
				states["approved, and no post"]++
			}
		}
		return states["approved, and no post"] == 0 && states["posted"]+states["uncertain"] == n
	}, handedOut, 50*time.Millisecond, "every post comes to rest: %v", &states)
}

func (w *world) posts() []harness.Post {
	w.t.Helper()
	ps, err := w.operatore.Posts(w.t.Context(), url.Values{})
	require.NoError(w.t, err)
	return ps
}

// judge looks at the wall, and at the log of the stopped house.
func (w *world) judge() {
	w.t.Helper()
	posts, segs := w.posts(), w.segs()
	require.NoError(w.t, w.house.Stop(patience))
	wall := w.onWall()
	for title, shown := range wall {
		require.Len(w.t, shown, 1, "%s", title)
	}
	for _, p := range posts {
		if p.State == "posted" {
			require.Len(w.t, wall[segs[p.Segnalazione].Title], 1, "posted, and on the wall: %+v", p)
		}
	}
	for _, a := range w.acked {
		if a.state == "approved" {
			require.Len(w.t, wall[a.title], 1, "approved, acknowledged, and on the wall: %s", a.title)
		}
	}
	cmd := exec.CommandContext(w.t.Context(), program, "check", "--data", w.house.Data, "--config", w.house.Config)
	cmd.Env = append(os.Environ(), w.house.Env...)
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "%s", out)
}
