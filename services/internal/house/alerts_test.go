// SPDX-License-Identifier: AGPL-3.0-or-later

package house_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

// A post whose answer is lost is told in the operators' chat, with what to do and where to look.
func TestOperatorsAreTold(t *testing.T) {
	const bot = "8000000001:AAabcdefghijklmnopqrstuvwxyz0123456"
	admins := map[int64]telegram.Rights{8000000001: {Post: true}}
	box, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	_, err = telegram.New(box, telegram.Options{Bots: []telegram.Bot{{Token: bot, Username: "prova_bot"}},
		Chats: []telegram.Chat{{ID: -1001, Title: "prova", Username: "prova", Admins: admins}, {ID: -1002, Title: "operatori", Admins: admins}}})
	require.NoError(t, err)
	network := httptest.NewServer(box)
	defer network.Close()
	t.Setenv("PALINSESTO_TEST_TOKEN", bot)
	o := options(t)
	o.PublicURL = "https://palinsesto.example.org"
	o.Config.Override(func(c *config.Channel) { c.APIBase = network.URL + "/telegram" })
	o.Config.Alerts.Telegram = &config.AlertTelegram{Chat: "-1002", APIBase: network.URL + "/telegram",
		Token: config.SecretPlace{Env: "PALINSESTO_TEST_TOKEN"}}
	var secrets []string
	for role, centre := range map[palinsesto.Role]string{palinsesto.RoleReferente: "jesi", palinsesto.RoleRedattore: ""} {
		secret, err := house.TokenStopped(t.Context(), o.Data, telemetry.NewLog(io.Discard, 0), string(role), role, centre)
		require.NoError(t, err)
		secrets = append(secrets, secret)
		if role == palinsesto.RoleReferente {
			secrets[0], secrets[len(secrets)-1] = secret, secrets[0]
		}
	}
	h, _ := start(t, o)
	resp, err := http.Post(network.URL+"/faults", "application/json", strings.NewReader(`{"kind":"drop","applied":true,"count":1}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	status, body := do(t, h, secrets[0], http.MethodPost, "/api/v1/segnalazioni", map[string]any{"centre": "jesi", "kind": "avviso",
		"title": "Sportelli aperti", "body": "Con il consueto orario.", "wanted_channels": []string{"telegram"}})
	require.Equal(t, http.StatusCreated, status, "%s", body)
	var seg struct {
		ID      string
		Version int
	}
	require.NoError(t, json.Unmarshal(body, &seg))
	status, body = do(t, h, secrets[1], http.MethodPost, "/api/v1/segnalazioni/"+seg.ID+"/approve", map[string]any{"version": seg.Version})
	require.Equal(t, http.StatusOK, status, "%s", body)
	told := func() string {
		for _, p := range box.Wall() {
			if strings.Contains(p.Text, "[AVVISO]") {
				return p.Text
			}
		}
		return ""
	}
	require.Eventually(t, func() bool { return told() != "" }, 60*time.Second, 20*time.Millisecond)
	require.Contains(t, told(), "1 post incerti su telegram-prova")
	require.Contains(t, told(), "palinsesto resolve ID --not-out")
	require.Contains(t, told(), "https://palinsesto.example.org/api/v1/posts?")
}
