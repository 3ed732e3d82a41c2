// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestReadySaysNoWith503AndWhy(t *testing.T) {
	rep := Report{Rooms: map[string]RoomReport{"intake": {State: "restarting", Error: "perché"}}}
	page := Ready(func(context.Context) Report { return rep })
	w := get(page)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "perché")
	rep.Ready = true
	require.Equal(t, http.StatusOK, get(page).Code)
	require.Equal(t, http.StatusOK, get(Alive()).Code)
}

func TestMetricsLeaveOutWhatCannotBeHad(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.Restarted("intake")
	m.Add(
		Sample{Name: "there", Help: "x", Labels: []string{"state"}, Read: func(_ context.Context, tell func(float64, ...string)) error {
			tell(3, "posted")
			return nil
		}},
		Sample{Name: "missing", Help: "x", Counter: true, Read: func(context.Context, func(float64, ...string)) error {
			return errors.New("no log")
		}},
	)
	body := get(m.Handler()).Body.String()
	require.Contains(t, body, `palinsesto_room_restarts_total{room="intake"} 1`)
	require.Contains(t, body, `palinsesto_build_info{version="1.2.3"} 1`)
	require.Contains(t, body, `there{state="posted"} 3`)
	require.NotContains(t, body, "missing")
}

func TestLevels(t *testing.T) {
	l, err := ParseLevel("warn")
	require.NoError(t, err)
	require.Equal(t, slog.LevelWarn, l)
	_, err = ParseLevel("forte")
	require.ErrorContains(t, err, "forte")
}
