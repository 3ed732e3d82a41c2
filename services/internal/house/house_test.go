// SPDX-License-Identifier: AGPL-3.0-or-later

package house_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

const sample = `
organisation: {name: Prova}
centres: [{id: jesi, name: Jesi, province: AN}]
channels: [{id: telegram-prova, network: telegram, target: "@prova", token_env: PALINSESTO_TEST_TOKEN, api_base: "http://127.0.0.1:9"}]
log: {free_space_floor: 1MiB}
`

func options(t *testing.T) house.Options {
	t.Helper()
	cfg, err := config.Parse([]byte(sample), "prova.yaml")
	require.NoError(t, err)
	return house.Options{Config: cfg, Data: t.TempDir(), Listen: "127.0.0.1:0"}
}

// start runs a house until the test ends, or the result is called.
func start(t *testing.T, o house.Options) (*house.House, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h, err := house.New(ctx, o)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	stopped := false
	stop := func() {
		cancel()
		if !stopped {
			stopped = true
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	ready, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	require.NoError(t, h.Ready(ready))
	return h, stop
}

func TestHouseIsReadyAndStops(t *testing.T) {
	began := time.Now()
	_, stop := start(t, options(t))
	t.Log("ready after", time.Since(began))
	began = time.Now()
	stop()
	t.Log("stopped after", time.Since(began))
}

func TestAddressThatCannotBeHad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for listen, says := range map[string]string{taken.Addr().String(): "è occupato da un altro programma", "boh": "vuole HOST:PORTA"} {
		o := options(t)
		o.Listen = listen
		_, err = house.New(t.Context(), o)
		require.ErrorContains(t, err, says)
	}
}
