// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bustest gives tests a log of their own: a real NATS server in the process, its files in the
// test's folder.
package bustest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
)

// Server starts a log that ends with the test.
func Server(t testing.TB) *embednats.Server {
	t.Helper()
	s, err := embednats.Start(embednats.Options{Dir: t.TempDir(), User: "test", Password: "test", Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

// Connect opens one more connection to a log, as another room would.
func Connect(t testing.TB, s *embednats.Server, change ...func(*bus.Options)) *bus.Bus {
	t.Helper()
	o := bus.Options{Name: "test", Server: s, User: "test", Password: "test", Log: quiet()}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, o)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// New starts a log and connects to it.
func New(t testing.TB) *bus.Bus {
	t.Helper()
	return Connect(t, Server(t))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
