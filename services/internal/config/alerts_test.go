// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

func requireAlerts(t *testing.T, a config.Alerts) {
	t.Helper()
	require.Equal(t, 5*time.Minute, a.Quiet)
	require.Zero(t, a.Remind)
	require.False(t, a.NothingDue)
	require.Equal(t, "08:30", a.NothingDueAt.String())
	require.Equal(t, []string{"2026-12-24", "2026-12-31"}, a.Closed)
	require.Equal(t, "-1002", a.Telegram.Chat)
	require.Equal(t, "http://127.0.0.1:8081/telegram", a.Telegram.APIBase)
	require.Equal(t, "tokens/a", a.Telegram.Token.File)
	require.Equal(t, 587, a.Mail.Port)
	require.Equal(t, "starttls", a.Mail.TLS)
	require.Equal(t, []string{"b@example.org", "c@example.org"}, a.Mail.To)
	require.Equal(t, "PROVA_MAIL", a.Mail.Password.Env)
}

func TestSecretPlace(t *testing.T) {
	const secret = "parola con spazi"
	t.Setenv("PROVA_MAIL", secret+"\n")
	got, _, err := config.SecretPlace{Env: "PROVA_MAIL"}.Read()
	require.NoError(t, err)
	require.Equal(t, secret, string(got))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %d", got, got, got, got), "parola")

	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(secret), 0o644))
	got, note, err := config.SecretPlace{File: file}.Read()
	require.NoError(t, err)
	require.Equal(t, secret, string(got))
	require.Contains(t, note, "chmod 600")

	for name, content := range map[string]string{"empty": " \n", "two lines": "a\nb"} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, _, err = config.SecretPlace{File: file}.Read()
		require.ErrorContains(t, err, file, name)
	}
	_, _, err = config.SecretPlace{Env: "PALINSESTO_NOT_SET"}.Read()
	require.ErrorContains(t, err, "PALINSESTO_NOT_SET")
}
