// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// What answers at PALINSESTO_URL may be anything. No command breaks on it, and none lets it move the
// cursor of the terminal.
func FuzzAnswer(f *testing.F) {
	lines := [][]string{{"posts"}, {"causes"}, {"show", "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"}, {"channels"}, {"check"}, {"token", "list"},
		{"stop", "--scope", "all", "--reason", "x"}, {"resume", "--all"}, {"requeue", "--cause", "x", "--preview"}, {"resolve", "x", "--not-out"},
		{"cancel", "x"}, {"channel", "reconnected", "x", "--reason", "y"}, {"token", "create", "--role", "admin"}}
	for i := range lines {
		f.Add(uint8(i), 200, []byte(`{"items":[{"id":"a","state":"queued","channel":"c","title":"t","history":[],"posts":[],"attempts":[]}],"next":"","total":1,"findings":[{"text":"x"}],"in_flight":[{"id":"x"}],"id":"h"}`))
		f.Add(uint8(i), 422, []byte(`{"detail":"no","problems":[{"field":"f","code":"c","text":"t"}]}`))
	}
	type reply struct {
		status int
		body   []byte
	}
	var now atomic.Pointer[reply]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r := now.Swap(&reply{status: http.StatusGone}) // whoever asks for more pages comes to an end
		w.WriteHeader(r.status)
		_, _ = w.Write(r.body)
	}))
	f.Cleanup(srv.Close)
	f.Fuzz(func(t *testing.T, which uint8, status int, body []byte) {
		if status < 200 || status > 599 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			return // waited out, with the same kind of answer at the end
		}
		now.Store(&reply{status, body})
		var g struct {
			Flags
			Commands
		}
		parser, err := kong.New(&g)
		require.NoError(t, err)
		k, err := parser.Parse(lines[int(which)%len(lines)])
		require.NoError(t, err)
		g.URL, g.token = srv.URL, "t"
		var out bytes.Buffer
		_ = k.Run(&Run{Ctx: t.Context(), Flags: &g.Flags, Term: Terminal{Out: &out, Err: &out, Width: 80}})
		for _, r := range out.String() {
			require.False(t, unicode.IsControl(r) && r != '\n', "%q", out.String())
		}
	})
}
