// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// Pages without a token tell nobody what the machine is called, where its files lie, or a password.
func TestPagesAreDiscreet(t *testing.T) {
	secrets := []string{"segreta", "10.0.0.5", "nats.interno", "/etc", "token.d", "6379", "8222", "::1"}
	r := telemetry.Report{
		Rooms: map[string]telemetry.RoomReport{"intake": {State: "restarting", Error: "dial tcp 10.0.0.5:4222: segreta"}, "api": {Ready: true}},
		Warnings: []string{
			"Non si è potuto verificare. http://utente:segreta@nats.interno:8222/jsz: 401 Unauthorized",
			"dial tcp 10.0.0.5:8222: connection refused", "dial tcp [::1]:6379: refused",
			"/etc/palinsesto/token.d/x è leggibile anche da altri (permessi 0644): chmod 600", "canale x: open /etc/token.d: no such file",
			"redis://:segreta@10.0.0.5:6379/0 non risponde", "Alle 12:5 tutto bene, e/o quasi",
		},
	}
	page := telemetry.Ready(public(func(context.Context) telemetry.Report { return r }))
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	for _, s := range secrets {
		require.NotContains(t, w.Body.String(), s)
	}
	for _, s := range []string{"leggibile anche da altri", "connection refused", "401 Unauthorized", "restarting", "e/o quasi", "canale x"} {
		require.Contains(t, w.Body.String(), s)
	}
	require.Contains(t, r.Rooms["intake"].Error, "segreta", "alerts know the reason")
}

// However often a page is asked for, the log is asked once.
func TestPagesAreRemembered(t *testing.T) {
	asked, status := 0, http.StatusOK
	p := &remembered{page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		assert.NoError(t, r.Context().Err(), "the next one gets this answer too")
		assert.Empty(t, r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Type", "text/x")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("bene"))
	})}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for range 50 {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		p.ServeHTTP(w, r)
		require.Equal(t, "bene", w.Body.String())
		require.Equal(t, "text/x", w.Header().Get("Content-Type"))
	}
	require.LessOrEqual(t, asked, 2)
	before := p.till
	p.till, status = before.Add(-2*yesServes), http.StatusServiceUnavailable
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

func TestSyncWarningHasNoPassword(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	address := "http://utente:segreta@" + s.Listener.Addr().String()
	require.NotContains(t, syncWarning(t.Context(), address), "segreta")
	require.NotContains(t, syncWarning(t.Context(), "http://utente:segreta@127.0.0.1:1"), "segreta")
}
