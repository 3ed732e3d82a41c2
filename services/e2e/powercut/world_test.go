// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/e2e/powercut"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// program is the binary under test, as it is shipped.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "palinsesto-powercut-")
	if err == nil {
		program, err = harness.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const (
	channels = 4
	patience = 15 * time.Second
)

// world is a house whose disk loses power, its network, its people, and what it acknowledged.
type world struct {
	t     *testing.T
	rig   *rig
	box   *sandbox.Sandbox
	house *harness.House
	log   *exec.Cmd // a server of its own, if the log is not in the house

	referente, redattore, operatore harness.Client

	mu       sync.Mutex
	acked    map[string]ack
	actors   sync.WaitGroup
	rounds   int
	settled  int // by an operator
	restarts []time.Duration
}

// ack is what the house said yes to.
type ack struct{ title, state string }

func newWorld(t *testing.T, names powercut.Names) *world {
	t.Helper()
	w := &world{t: t, rig: mount(t, names), box: newSandbox(t), acked: map[string]ack{}}
	api := httptest.NewServer(w.box)
	t.Cleanup(api.Close)
	conf := filepath.Join(t.TempDir(), "house.yaml")
	require.NoError(t, os.WriteFile(conf, []byte(configuration(api.URL+"/telegram")), 0o600))
	// The folder beside the data folder, where the house marks how far its log was, loses power too.
	w.house = &harness.House{Bin: program, Data: w.rig.path("data"), Config: conf,
		Env: []string{harness.TokenEnv + "=" + harness.BotToken, "PALINSESTO_LOG_LEVEL=warn"}}
	t.Cleanup(func() {
		if w.house.Gone() != nil {
			w.house.Kill()
		}
		w.actors.Wait()
		if t.Failed() {
			t.Logf("the house said:\n%.6000s", w.house.Output())
		}
	})
	return w
}

func newSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	box, err := harness.NewSandbox(sandbox.Options{}, channels)
	require.NoError(t, err)
	t.Cleanup(func() { _ = box.Close() })
	return box
}

func configuration(api string) string {
	var y strings.Builder
	y.WriteString("organisation:\n  name: Prova\ncentres:\n  - id: jesi\n    name: Jesi\n    province: AN\nchannels:\n")
	for i := range channels {
		fmt.Fprintf(&y, "  - id: %s\n    network: telegram\n    target: \"@%s\"\n    api_base: %s\n    token_env: %s\n",
			harness.ChannelID(i), harness.Username(i), api, harness.TokenEnv)
	}
	y.WriteString("publishing:\n  lease: 3s\n  call_deadline: 1s\n  call_timeout: 2s\n  retry:\n    first: 1s\n    max: 2s\n")
	return y.String()
}

func (w *world) start() {
	w.t.Helper()
	began := time.Now()
	require.NoError(w.t, w.house.Start())
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	require.NoError(w.t, w.house.WaitReady(ctx))
	w.restarts = append(w.restarts, time.Since(began))
}

// people makes the tokens; that they were made is acknowledged like everything else.
func (w *world) people() {
	w.t.Helper()
	secret, err := w.house.AdminToken()
	require.NoError(w.t, err)
	admin := harness.Client{URL: w.house.URL(), Token: secret}
	for role, of := range map[string]*harness.Client{"referente": &w.referente, "redattore": &w.redattore, "operatore": &w.operatore} {
		centre := ""
		if role == "referente" {
			centre = "jesi"
		}
		*of, err = admin.NewToken(w.t.Context(), role, centre)
		require.NoError(w.t, err)
	}
}

// load submits and approves until the house is gone, and notes each yes at once.
func (w *world) load(actors int) {
	w.rounds++
	for actor := range actors {
		w.actors.Go(func() {
			for n := 0; ; n++ {
				if !w.place(fmt.Sprintf("Avviso %d-%d-%d", w.rounds, actor, n), harness.ChannelID(actor%channels)) {
					return
				}
			}
		})
	}
}

// place tells whether to go on.
func (w *world) place(title, channel string) bool {
	doc := map[string]any{"centre": "jesi", "kind": "avviso", "title": title,
		"body": "Gli sportelli restano aperti con il consueto orario.", "wanted_channels": []string{channel}}
	a, err := w.referente.Do(context.Background(), "POST", "/api/v1/segnalazioni", doc, "Idempotency-Key", title)
	var seg harness.Seg
	if err != nil || a.Status != 201 || a.Decode(&seg) != nil {
		return false
	}
	w.note(seg.ID, ack{title, "submitted"})
	a, err = w.redattore.Do(context.Background(), "POST", "/api/v1/segnalazioni/"+seg.ID+"/approve", map[string]any{"version": seg.Version})
	if err != nil || a.Status != 200 {
		return false
	}
	w.note(seg.ID, ack{title, "approved"})
	return true
}

func (w *world) note(id string, a ack) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked[id] = a
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// seg is a segnalazione as the house has it.
type seg struct {
	harness.Seg
	Title string `json:"title"`
}

// segs lists what the house has, by id.
func (w *world) segs() map[string]seg {
	w.t.Helper()
	found := map[string]seg{}
	for q := (url.Values{"limit": {"200"}}); ; {
		a, err := w.operatore.Do(w.t.Context(), "GET", "/api/v1/segnalazioni?"+q.Encode(), nil)
		require.NoError(w.t, err)
		if a.Status == 401 {
			return found // even the tokens are gone
		}
		require.Equal(w.t, 200, a.Status, "%s", a.Body)
		var page harness.Page[seg]
		require.NoError(w.t, a.Decode(&page))
		for _, s := range page.Items {
			found[s.ID] = s
		}
		if page.Next == "" {
			return found
		}
		q.Set("cursor", page.Next)
	}
}

// lost lists what was acknowledged and is not there, or not as it was acknowledged.
func (w *world) lost() []string {
	w.t.Helper()
	var lost []string
	found := w.segs()
	for id, a := range w.acked {
		s, ok := found[id]
		switch {
		case !ok:
			lost = append(lost, a.title+": gone")
		case a.state == "approved" && s.State != "approved":
			lost = append(lost, a.title+": approved, now "+s.State)
		}
	}
	return lost
}

// onWall is what the public sees, by title.
func (w *world) onWall() map[string][]sandbox.Item {
	seen := map[string][]sandbox.Item{}
	for _, i := range w.box.Wall() {
		if !i.Deleted {
			title, _, _ := strings.Cut(i.Text, "\n")
			seen[title] = append(seen[title], i)
		}
	}
	return seen
}
