// SPDX-License-Identifier: AGPL-3.0-or-later

package house_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Two houses on one log would both believe that they alone publish from it.
func TestSecondHouseOnTheFolderIsRefused(t *testing.T) {
	o := options(t)
	start(t, o)
	_, err := house.New(t.Context(), o)
	require.ErrorIs(t, err, house.ErrInUse)
	require.ErrorContains(t, err, strconv.Itoa(os.Getpid()), "the sentence names who has it")
	_, err = house.CheckStopped(t.Context(), o.Data, telemetry.NewLog(io.Discard, 0))
	require.ErrorIs(t, err, house.ErrInUse)
}

func TestSecretsAreForTheirOwnerOnly(t *testing.T) {
	o := options(t)
	require.NoError(t, os.Chmod(o.Data, 0o755))
	start(t, o)
	info, err := os.Stat(o.Data)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	for _, name := range []string{"admin.token", "nats.credentials", "nats.url", "url", "lock"} {
		info, err := os.Stat(filepath.Join(o.Data, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func do(t *testing.T, h *house.House, token, method, path string, body any) (int, []byte) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL()+path, bytes.NewReader(raw))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "una")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, out
}

func adminToken(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	require.NoError(t, err)
	return strings.TrimSpace(string(b))
}

func TestRestartKeepsWhatWasAcknowledged(t *testing.T) {
	o := options(t)
	secret, err := house.TokenStopped(t.Context(), o.Data, telemetry.NewLog(io.Discard, 0), "Anna", palinsesto.RoleReferente, "jesi")
	require.NoError(t, err, "a token before the first start")
	h, stop := start(t, o)
	doc := map[string]any{"centre": "jesi", "kind": "avviso", "title": "Sportelli aperti", "body": "Con il consueto orario.",
		"wanted_channels": []string{"telegram"}}
	status, body := do(t, h, secret, http.MethodPost, "/api/v1/segnalazioni", doc)
	require.Equal(t, http.StatusCreated, status, "%s", body)
	var seg struct{ ID string }
	require.NoError(t, json.Unmarshal(body, &seg))
	admin := adminToken(t, o.Data)
	stop()
	for _, gone := range []string{"url", "nats.url"} {
		require.NoFileExists(t, filepath.Join(o.Data, gone), "it says where a running house is")
	}

	found, err := house.CheckStopped(t.Context(), o.Data, telemetry.NewLog(io.Discard, 0))
	require.NoError(t, err)
	require.Empty(t, found)

	h, _ = start(t, o)
	require.Equal(t, admin, adminToken(t, o.Data), "the administrator's credential stays")
	status, body = do(t, h, secret, http.MethodGet, "/api/v1/segnalazioni/"+seg.ID, nil)
	require.Equal(t, http.StatusOK, status, "%s", body)
	require.Contains(t, string(body), "Sportelli aperti")
	status, _ = do(t, h, secret, http.MethodPost, "/api/v1/segnalazioni", doc)
	require.Equal(t, http.StatusOK, status, "the same under the same key is the same")
}

func TestPagesOfTheHouse(t *testing.T) {
	h, _ := start(t, options(t))
	status, body := do(t, h, "", http.MethodGet, "/readyz", nil)
	require.Equal(t, http.StatusOK, status)
	var rep telemetry.Report
	require.NoError(t, json.Unmarshal(body, &rep))
	require.Len(t, rep.Rooms, len(house.Names()))
	require.True(t, rep.Disk.OK)
	require.Len(t, rep.Warnings, 1, "the channel's token is missing: %v", rep.Warnings)
	status, _ = do(t, h, "", http.MethodGet, "/healthz", nil)
	require.Equal(t, http.StatusOK, status)
	status, body = do(t, h, "", http.MethodGet, "/metrics", nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "palinsesto_ready 1")
	require.Contains(t, string(body), "palinsesto_log_events_total 1")
}

func TestWhatCannotWorkIsRefusedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*house.Options)
		want   string
	}{
		"no such room":       {func(o *house.Options) { o.Rooms = []string{"cucina"} }, "cucina"},
		"room without index": {func(o *house.Options) { o.Rooms = []string{"scheduling"} }, "--redis"},
		"no folder":          {func(o *house.Options) { o.Data = "" }, "--data"},
		"no configuration":   {func(o *house.Options) { o.Config = nil }, "configuration"},
		"no adapter": {func(o *house.Options) {
			o.Config.Override(func(c *config.Channel) { c.Network = "facebook" })
		}, "facebook"},
		"wrong target":  {func(o *house.Options) { o.Config.Override(func(c *config.Channel) { c.Target = "?" }) }, "telegram-prova"},
		"wrong address": {func(o *house.Options) { o.Listen = "256.0.0.1:x" }, "--listen"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			c.change(&o)
			_, err := house.New(t.Context(), o)
			require.ErrorContains(t, err, c.want)
			if o.Data == "" {
				return
			}
			again := options(t)
			again.Data = o.Data
			h, err := house.New(t.Context(), again)
			require.NoError(t, err, "everything that was opened is closed again")
			h.Close()
		})
	}
}

func TestOneRoomWithItsHealthPages(t *testing.T) {
	o := options(t)
	o.Rooms = []string{"media"}
	h, _ := start(t, o)
	status, _ := do(t, h, "", http.MethodGet, "/readyz", nil)
	require.Equal(t, http.StatusOK, status)
	require.NoFileExists(t, filepath.Join(o.Data, "admin.token"), "only the API has one")
	require.NoFileExists(t, filepath.Join(o.Data, "url"))
}

func TestStopWhileStarting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h, err := house.New(ctx, options(t))
	require.NoError(t, err)
	cancel()
	require.NoError(t, h.Run(ctx))
}
