// SPDX-License-Identifier: AGPL-3.0-or-later

// Package e2e holds the whole-house tests: the real program as processes that are really killed, a
// real NATS, a real Redis, and the sandbox in place of the network.
package e2e

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// program is the binary under test, built once, with failpoints.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "palinsesto-e2e-")
	if err == nil {
		program, err = harness.Build(context.Background(), dir, "failpoints")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is a house, its network and its people.
type world struct {
	t         *testing.T
	box       *sandbox.Sandbox
	house     *harness.House
	referente harness.Client
	redattore harness.Client
	operatore harness.Client
	admin     harness.Client
	placed    atomic.Int64 // approved so far, with one channel each
	elsewhere int          // approved segnalazioni that have no channel here
}

// settings change the house of a test.
type settings struct {
	channels int
	extra    string // YAML at the top level
	channel  string // YAML lines of each channel, indented by four
	env      []string
	args     []string
}

func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := &world{t: t}
	w.box = newSandbox(t, max(1, s.channels))
	api := httptest.NewServer(w.box)
	t.Cleanup(api.Close)
	dir := t.TempDir()
	conf := filepath.Join(dir, "house.yaml")
	require.NoError(t, os.WriteFile(conf, []byte(configuration(s, api.URL+"/telegram")), 0o600))
	w.house = &harness.House{Bin: program, Data: filepath.Join(dir, "data"), Config: conf,
		Env: append([]string{harness.TokenEnv + "=" + harness.BotToken, "PALINSESTO_LOG_LEVEL=warn"}, s.env...), Args: s.args}
	t.Cleanup(func() {
		if w.house.Gone() != nil {
			w.house.Kill()
		}
		if t.Failed() {
			t.Logf("the house said:\n%s", lastLines(w.house.Output(), 60))
		}
	})
	return w
}

func newSandbox(t *testing.T, channels int) *sandbox.Sandbox {
	t.Helper()
	box, err := harness.NewSandbox(sandbox.Options{}, channels)
	require.NoError(t, err)
	t.Cleanup(func() { _ = box.Close() })
	return box
}

// configuration keeps waits short: what a public office waits a minute for, a test waits a second for.
func configuration(s settings, api string) string {
	var y strings.Builder
	y.WriteString("organisation:\n  name: Prova\ncentres:\n")
	for _, c := range centres {
		fmt.Fprintf(&y, "  - id: %s\n    name: %s\n    province: AN\n", c, c)
	}
	y.WriteString("channels:\n")
	for i := range max(1, s.channels) {
		fmt.Fprintf(&y, "  - id: %s\n    network: telegram\n    target: \"@%s\"\n    api_base: %s\n    token_env: %s\n%s",
			harness.ChannelID(i), harness.Username(i), api, harness.TokenEnv, s.channel)
	}
	y.WriteString("publishing:\n  lease: 3s\n  call_deadline: 1s\n  call_timeout: 2s\n  retry:\n    first: 1s\n    max: 2s\n")
	y.WriteString(s.extra)
	return y.String()
}

// centres are those of the samples.
var centres = []string{"pesaro", "fano", "urbino", "ancona", "jesi", "senigallia", "fabriano", "macerata",
	"civitanova-marche", "tolentino", "fermo", "ascoli-piceno", "san-benedetto-del-tronto"}

// start runs the house until it is ready.
func (w *world) start(env ...string) {
	w.t.Helper()
	require.NoError(w.t, w.house.Start(env...))
	w.ready()
}

func (w *world) ready() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(w.t, w.house.WaitReady(ctx))
}

// people makes a token for each role; once is enough, they outlive restarts.
func (w *world) people() {
	w.t.Helper()
	secret, err := w.house.AdminToken()
	require.NoError(w.t, err)
	w.admin = harness.Client{URL: w.house.URL(), Token: secret}
	w.referente = w.person("referente", "jesi")
	w.redattore = w.person("redattore", "")
	w.operatore = w.person("operatore", "")
}

func (w *world) person(role, centre string) harness.Client {
	w.t.Helper()
	c, err := w.admin.NewToken(w.t.Context(), role, centre)
	require.NoError(w.t, err)
	return c
}

// patience is how long a test waits for what must come about.
const patience = 90 * time.Second

// eventually waits for a condition of the house.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	require.Eventually(w.t, ok, patience, 20*time.Millisecond, what)
}

// onWall counts the messages that show each title: what the public sees.
func (w *world) onWall() map[string]int {
	seen := map[string]int{}
	for _, i := range w.box.Wall() {
		if !i.Deleted {
			title, _, _ := strings.Cut(i.Text, "\n")
			seen[title]++
		}
	}
	return seen
}

// notice is a segnalazione without media.
func notice(title string, channels ...string) map[string]any {
	return map[string]any{"centre": "jesi", "kind": "avviso", "title": title,
		"body": "Gli sportelli restano aperti con il consueto orario.", "wanted_channels": channels}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
