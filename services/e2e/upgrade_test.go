// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

// oldest is the data folder of a house of the first version that landed, commit 00d5ac0, stopped with
// posts in every state that it could bring about. It is never made anew: what was written once must be
// readable for ever.
const oldest = "testdata/log-00d5ac0.tar.gz"

// oldPosts are the states in which that house left its posts, by title.
var oldPosts = map[string]string{
	"Uscito": "posted", "Con la foto": "posted", "Tolto": "removed", "Ritirato prima": "cancelled", "In coda": "queued",
	"Fallito": "failed", "Incerto": "uncertain", "Fermo": "held",
}

// A log of the first version is read, listed, checked and published from by this one.
func TestUpgradeFromFirstVersion(t *testing.T) {
	w := newWorld(t, settings{channels: 4})
	out, err := exec.Command("tar", "-C", filepath.Dir(w.house.Data), "-xzf", oldest).CombinedOutput()
	require.NoError(t, err, string(out))
	w.start()
	w.people()

	posts := w.postsByTitle()
	require.Len(t, posts, len(oldPosts))
	for title, state := range oldPosts {
		p := posts[title]
		if title == "In coda" && p.State == "missed" {
			continue // its moment, in September 2027, has come and gone
		}
		require.Equal(t, state, p.State, title)
	}
	w.media()

	// What was open is brought to its end, as any operator would.
	a, err := w.operatore.Do(t.Context(), http.MethodDelete, "/api/v1/holds/"+w.onlyHold(), nil)
	require.NoError(t, err)
	require.Less(t, a.Status, 300, "%s", a.Body)
	w.eventually("what was held is late by now", func() bool { return w.postsByTitle()["Fermo"].State == "missed" })
	w.settle(t, posts["Fermo"], "requeue")
	w.settle(t, posts["Fallito"], "requeue")
	w.settle(t, posts["Incerto"], "not_out")
	w.approveWaiting("Da approvare")
	again := []string{"Fermo", "Fallito", "Incerto", "Da approvare"}
	w.eventually("it goes out", func() bool {
		now := w.postsByTitle()
		for _, title := range again {
			if now[title].State != "posted" {
				return false
			}
		}
		return true
	})
	for title, n := range w.onWall() {
		require.Equal(t, 1, n, title)
	}
	require.Len(t, w.onWall(), len(again), "what was out before stays as it was")
	require.NoError(t, w.house.Stop(30*time.Second))
	w.check()
}

// postsByTitle reads each post by itself, with its title.
func (w *world) postsByTitle() map[string]harness.Post {
	w.t.Helper()
	all := map[string]harness.Post{}
	for _, p := range w.posts("") {
		var one struct {
			Title string `json:"title"`
		}
		a, err := w.operatore.Do(w.t.Context(), http.MethodGet, "/api/v1/posts/"+p.ID, nil)
		require.NoError(w.t, err)
		require.NoError(w.t, a.Decode(&one))
		all[one.Title] = p
	}
	return all
}

// media fetches the old house's picture.
func (w *world) media() {
	w.t.Helper()
	a, err := w.operatore.Do(w.t.Context(), http.MethodGet, "/api/v1/media/d554f7c0ce3379c8635fb9e74c3693f43874e6787655ef27fa7dd4bed29a62b9", nil)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, a.Status, "%.300s", a.Body)
	require.Len(w.t, a.Body, 45886)
}

func (w *world) onlyHold() string {
	w.t.Helper()
	a, err := w.operatore.Do(w.t.Context(), http.MethodGet, "/api/v1/holds", nil)
	require.NoError(w.t, err)
	var holds struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	require.NoError(w.t, json.Unmarshal(a.Body, &holds))
	require.Len(w.t, holds.Items, 1, "%s", a.Body)
	return holds.Items[0].ID
}

// approveWaiting approves the segnalazione with this title that waits for it.
func (w *world) approveWaiting(title string) {
	w.t.Helper()
	a, err := w.redattore.Do(w.t.Context(), http.MethodGet, "/api/v1/segnalazioni?state=submitted", nil)
	require.NoError(w.t, err)
	var page harness.Page[struct {
		harness.Seg
		Title string `json:"title"`
	}]
	require.NoError(w.t, a.Decode(&page))
	for _, s := range page.Items {
		if s.Title == title {
			require.NoError(w.t, w.redattore.Approve(w.t.Context(), s.Seg, time.Time{}))
			return
		}
	}
	w.t.Fatalf("%s does not wait: %s", title, a.Body)
}
