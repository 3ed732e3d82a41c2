// SPDX-License-Identifier: AGPL-3.0-or-later

package house_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/sandbox"
	"github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

// span is what a collector is told, as OTLP names it.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Attributes                          []struct{ Key string }
	Links                               []struct{ TraceID, SpanID string }
}

// collector is a small OTLP receiver.
type collector struct {
	mu    sync.Mutex
	spans []span
	raw   strings.Builder
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
	}
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(b)
	for _, r := range m.ResourceSpans {
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// One segnalazione is one trace, from the request that submits it to the call that publishes it, through
// the log and every room; nothing of what it says is in it, nor a token.
func TestOneSegnalazioneIsOneTrace(t *testing.T) {
	const bot = "8000000001:AAabcdefghijklmnopqrstuvwxyz0123456"
	const title, caller = "Sportelli aperti anche sabato", "4bf92f3577b34da6a3ce929d0e0e4736"
	box, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	_, err = telegram.New(box, telegram.Options{Bots: []telegram.Bot{{Token: bot, Username: "prova_bot"}},
		Chats: []telegram.Chat{{ID: -1001, Title: "prova", Username: "prova", Admins: map[int64]telegram.Rights{8000000001: {Post: true}}}}})
	require.NoError(t, err)
	network, told := httptest.NewServer(box), &collector{}
	defer network.Close()
	otlp := httptest.NewServer(told)
	defer otlp.Close()
	t.Setenv("PALINSESTO_TEST_TOKEN", bot)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL)
	o := options(t)
	o.Config.Override(func(c *config.Channel) { c.APIBase = network.URL + "/telegram" })
	secrets := map[palinsesto.Role]string{}
	for _, role := range []palinsesto.Role{palinsesto.RoleReferente, palinsesto.RoleRedattore} {
		centre := ""
		if role == palinsesto.RoleReferente {
			centre = "jesi"
		}
		secrets[role], err = house.TokenStopped(t.Context(), o.Data, telemetry.NewLog(io.Discard, 0), string(role), role, centre)
		require.NoError(t, err)
	}
	h, stop := start(t, o)
	http.DefaultClient.Transport = named{"00-" + caller + "-00f067aa0ba902b7-01"}
	defer func() { http.DefaultClient.Transport = nil }()
	status, body := do(t, h, secrets[palinsesto.RoleReferente], http.MethodPost, "/api/v1/segnalazioni", map[string]any{"centre": "jesi",
		"kind": "avviso", "title": title, "body": "Con il consueto orario.", "wanted_channels": []string{"telegram"}})
	require.Equal(t, http.StatusCreated, status, "%s", body)
	var seg struct {
		ID      string
		Version int
	}
	require.NoError(t, json.Unmarshal(body, &seg))
	http.DefaultClient.Transport = nil
	status, body = do(t, h, secrets[palinsesto.RoleRedattore], http.MethodPost, "/api/v1/segnalazioni/"+seg.ID+"/approve", map[string]any{"version": seg.Version})
	require.Equal(t, http.StatusOK, status, "%s", body)
	require.Eventually(t, func() bool { return len(box.Wall()) == 1 }, 20*time.Second, 10*time.Millisecond)
	stop() // the last spans are exported at the end

	told.mu.Lock()
	defer told.mu.Unlock()
	requireConnected(t, told.spans, caller, "HTTP POST /api/v1/segnalazioni", "ask intake.submit", "command intake.submit", "append seg.submitted",
		"append seg.approved", "handle scheduling-segnalazioni approved", "append post.queued", "append post.due",
		"handle publishing-telegram-prova due", "append post.publishing", "call telegram", "append post.posted")
	require.NotContains(t, told.raw.String(), bot[11:])
	require.NotContains(t, told.raw.String(), "Sportelli")
	require.NotContains(t, told.raw.String(), secrets[palinsesto.RoleReferente])
}

// named adds a traceparent to each request, as a caller with a trace of its own does.
type named struct{ parent string }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("traceparent", n.parent)
	return http.DefaultTransport.RoundTrip(r)
}

func requireConnected(t *testing.T, spans []span, trace string, want ...string) {
	t.Helper()
	byID, names := map[string]span{}, []string{}
	for _, s := range spans {
		if s.TraceID == trace {
			byID[s.SpanID] = s
			names = append(names, s.Name)
		}
	}
	require.Subset(t, names, want)
	const caller = "00f067aa0ba902b7"
	for _, s := range byID {
		_, known := byID[s.ParentSpanID]
		require.True(t, known || s.ParentSpanID == caller, "%s hangs in the air", s.Name)
	}
	for _, s := range spans {
		if s.Name == "append seg.approved" {
			require.Len(t, s.Links, 1, "the request that approved is a trace of its own")
		}
	}
}

func TestAnEndpointThatIsNoneIsRefused(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	_, err := house.New(t.Context(), options(t))
	require.ErrorContains(t, err, "OTEL_EXPORTER_OTLP_ENDPOINT")
}
