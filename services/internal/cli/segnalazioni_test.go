// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/cli"
)

// other is another person of the newsroom at the same machine: four eyes.
func (s *shell) other() *shell {
	s.t.Helper()
	secret := strings.TrimSpace(s.ok("token", "create", "--role", "redattore", "--name", "Marta", "--json"))
	var made struct{ Token string }
	require.NoError(s.t, json.Unmarshal([]byte(secret), &made), secret)
	return &shell{t: s.t, data: s.data, env: map[string]string{"PALINSESTO_TOKEN": made.Token}}
}

type listed struct {
	Items []struct {
		ID, Title, State string
		Version          uint64
	}
}

func (s *shell) list(args ...string) (out listed) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(s.ok(append(args, "--json")...)), &out))
	return out
}

func TestReviewFromTheShell(t *testing.T) {
	s := beside(t)
	s.ok("submit", write(t, record("Città aperta", ""), record("Fiera", ""), record("Corso", ""), record("Avviso da respingere", "")))
	require.Eventually(t, func() bool { return len(s.list("segnalazioni", "--state", "da rivedere").Items) == 4 }, 20*time.Second, 10*time.Millisecond)
	ids := map[string]string{}
	for _, x := range s.list("segnalazioni").Items {
		ids[x.Title] = x.ID
	}
	table := s.ok("segnalazioni", "--text", "CITTA", "--centre", "jesi", "--kind", "avviso", "--from", time.Now().AddDate(0, 0, -1).Format(time.DateOnly))
	require.Contains(t, table, "Città aperta")
	require.NotContains(t, table, "Fiera")
	require.Contains(t, table, "da rivedere")
	require.Contains(t, s.ok("segnalazioni", "--text", "balena"), "Nessuna segnalazione")
	_, err := s.run("segnalazioni", "--state", "boh")
	require.True(t, cli.IsUsage(err))
	require.ErrorContains(t, err, "da rivedere (submitted)")

	first := ids["Città aperta"]
	_, err = s.run("approve", first)
	require.ErrorContains(t, err, "non può approvarla", "whoever sent it")
	marta := s.other()
	shown := marta.ok("show", first)
	require.Contains(t, shown, "Con il consueto orario.")
	require.Contains(t, shown, "approve "+first+" --version 1")
	require.Contains(t, marta.ok("request-changes", first, "--version", "1", "--comment", "Manca l'orario"), "modifiche richieste (versione 2)")
	_, err = marta.run("approve", first, "--version", "1")
	require.ErrorContains(t, err, "Si era letta la versione 1: non è stato deciso nulla")
	require.ErrorContains(t, err, "palinsesto show "+first)

	yes := marta.ok("approve", ids["Fiera"], "--at", time.Now().In(rome(t)).Add(time.Hour).Format(time.RFC3339), "--bend")
	require.Contains(t, yes, "Con il consueto orario.", "without a version, what is approved is shown")
	require.Contains(t, yes, "approvata (versione 2)")
	require.Contains(t, yes, "telegram-prova")
	require.Contains(t, marta.ok("reject", ids["Avviso da respingere"], "--reason", "Fuori tema"), "respinta")
	require.Contains(t, marta.ok("withdraw", ids["Corso"], "--version", "1", "--reason", "Annullato"), "ritirata")
	require.Eventually(t, func() bool { return len(s.list("segnalazioni", "--state", "approved").Items) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return len(s.list("posts", "--text", "fiera", "--from", "2026-01-01").Items) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.Empty(t, s.list("posts", "--text", "corso").Items)
	_, err = s.run("posts", "--from", "ieri")
	require.ErrorContains(t, err, "Serve un giorno")
	_, err = marta.run("approve", ids["Corso"])
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Rileggerla", "it is not stale: it was withdrawn")
}

func rome(t *testing.T) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	return l
}

func TestAlertsFromTheShell(t *testing.T) {
	s := beside(t)
	require.Contains(t, s.ok("alerts"), "Nessun avviso")
	require.JSONEq(t, `{"items":[],"total":0,"more":false}`, s.ok("alerts", "--state", "all", "--kind", "post.failed", "--json"))
}
