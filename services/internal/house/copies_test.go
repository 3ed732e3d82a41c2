// SPDX-License-Identifier: AGPL-3.0-or-later

package house_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// aCopy is a file of a house that has a token on its log, taken while nothing runs.
func aCopy(t *testing.T) (file string, o house.Options) {
	t.Helper()
	o = house.Options{Data: filepath.Join(t.TempDir(), "data"), Log: quiet()}
	_, err := house.TokenStopped(t.Context(), o.Data, o.Log, "Anna", palinsesto.RoleAdmin, "")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "casa.tar")
	m, err := house.Backup(t.Context(), o, file, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(1), m.LastSeq)
	return file, o
}

func TestStoppedHouseIsCopiedAndTried(t *testing.T) {
	file, o := aCopy(t)
	before, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	done, err := house.Drill(t.Context(), o, house.RestoreOptions{File: file})
	require.NoError(t, err)
	require.Empty(t, done.Findings)
	require.Equal(t, uint64(1), done.LastSeq)
	after, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.LessOrEqual(t, len(after), len(before)+1, "the temporary folder is gone")

	_, err = house.Restore(t.Context(), o, house.RestoreOptions{File: file})
	require.ErrorIs(t, err, backup.ErrNotEmpty)
	_, err = house.Backup(t.Context(), house.Options{Data: t.TempDir(), Log: quiet()}, filepath.Join(t.TempDir(), "x.tar"), nil)
	require.ErrorContains(t, err, "non c'è un registro")
}

// A restore that was cut off leaves nothing that could pass for a house, and is done again over its remains.
func TestRestoreAfterOneThatWasCutOff(t *testing.T) {
	file, _ := aCopy(t)
	to := house.Options{Data: filepath.Join(t.TempDir(), "data"), Log: quiet()}
	remains := filepath.Join(to.Data, "nats.restoring", "jetstream")
	require.NoError(t, os.MkdirAll(remains, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(remains, "x"), []byte("x"), 0o600))
	done, err := house.Restore(t.Context(), to, house.RestoreOptions{File: file})
	require.NoError(t, err)
	require.Equal(t, palinsesto.ScopeAll, done.Settled.Hold.Scope)
	require.NoDirExists(t, filepath.Join(to.Data, "nats.restoring"))
	found, err := house.CheckStopped(t.Context(), to.Data, quiet())
	require.NoError(t, err)
	require.Empty(t, found)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := house.Options{Data: filepath.Join(t.TempDir(), "data"), Log: quiet()}
	_, err = house.Restore(ctx, other, house.RestoreOptions{File: file})
	require.Error(t, err)
	require.NoDirExists(t, filepath.Join(other.Data, "nats"))
}

// A house moves to a NATS of its own; one that has something, or on which rooms run, is refused.
func TestRestoreToAnotherNATS(t *testing.T) {
	file, _ := aCopy(t)
	server, err := embednats.Start(embednats.Options{Dir: t.TempDir(), User: "u", Password: "p", Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	to := house.Options{NATSURL: server.URL(), NATSUser: "u", NATSPassword: "p", Log: quiet()}
	done, err := house.Restore(t.Context(), to, house.RestoreOptions{File: file, Replicas: 1})
	require.NoError(t, err)
	require.Empty(t, done.Findings)
	_, err = house.Restore(t.Context(), to, house.RestoreOptions{File: file, Replicas: 1})
	require.ErrorIs(t, err, backup.ErrNotEmpty)

	b, err := bus.Connect(t.Context(), bus.Options{Name: "scheduling", URL: server.URL(), User: "u", Password: "p", Log: quiet()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	holds, err := bus.Load(t.Context(), b, contract.Holds, contract.HoldSubject)
	require.NoError(t, err)
	require.Len(t, holds.State.Standing, 1)
	last, err := b.LastSeq(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), last, "the token, and the hold after it")

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- b.Serve(ctx, "scheduling", "a room", bus.Endpoint{Verb: "x", Handle: func(context.Context, []byte) ([]byte, error) { return nil, nil }})
	}()
	require.Eventually(t, func() bool {
		_, err := house.Restore(t.Context(), to, house.RestoreOptions{File: file})
		return err != nil && strings.Contains(err.Error(), "scheduling")
	}, 10*time.Second, 10*time.Millisecond, "rooms that run are told before all else")
	cancel()
	require.NoError(t, <-ended)
}
