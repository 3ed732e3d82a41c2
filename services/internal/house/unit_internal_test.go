// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// brittle ends with an error as often as it is told to, then runs.
type brittle struct {
	failures int
	made     int
	running  chan struct{}
}

func (b *brittle) room() room {
	return room{name: "prova", make: func(context.Context, *House, kit) (made, error) {
		b.made++
		if b.made > 10 {
			return made{}, errors.New("worn out")
		}
		return made{run: func(ctx context.Context) error {
			if b.made <= b.failures {
				return errors.New("broken")
			}
			close(b.running)
			<-ctx.Done()
			return nil
		}}, nil
	}}
}

func newUnit(t *testing.T, b *brittle) (*House, *unit) {
	t.Helper()
	h := &House{log: slog.New(slog.DiscardHandler), metrics: telemetry.NewMetrics("x")}
	u := &unit{room: b.room(), log: h.log}
	require.NoError(t, h.makeRoom(t.Context(), u))
	return h, u
}

func TestRoomThatFailsIsStartedAgain(t *testing.T) {
	b := &brittle{failures: 2, running: make(chan struct{})}
	h, u := newUnit(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.keep(ctx, u) }()
	<-b.running
	require.Equal(t, 3, b.made)
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, 2, u.restarts)
	require.Equal(t, stopped, u.state)
}

func TestRoomThatCannotBeMadeStopsTheHouse(t *testing.T) {
	b := &brittle{failures: 100, running: make(chan struct{}), made: 9}
	h, u := newUnit(t, b)
	require.ErrorContains(t, h.keep(t.Context(), u), "worn out")
}

// What config takes must be what the rules of networks and the domain know: config itself may import
// neither.
func TestConfigurationKnowsTheSameWords(t *testing.T) {
	names := network.Names()
	require.ElementsMatch(t, names, config.Networks)
	var kinds []string
	for _, k := range palinsesto.Kinds {
		kinds = append(kinds, string(k))
	}
	slices.Sort(kinds)
	require.Equal(t, kinds, config.Kinds)
	for name := range networks() {
		require.Contains(t, names, name, "an adapter of a network that has no limits")
	}
}

func TestSyncOfAForeignServer(t *testing.T) {
	answer := func(body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/jsz" {
				_, _ = w.Write([]byte(body))
			}
		}))
		t.Cleanup(s.Close)
		return syncWarning(t.Context(), s.URL+"/")
	}
	require.Empty(t, answer(`{"config":{"sync_always":true}}`))
	require.Equal(t, unsafe, answer(`{"config":{"sync_interval":120000000000}}`))
	require.Contains(t, answer(`<html>`), unseen)
	require.Equal(t, unseen, syncWarning(t.Context(), ""))
}
