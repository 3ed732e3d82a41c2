// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "data")
	for name, c := range map[string]struct {
		args []string
		code int
		out  string // on either stream
	}{
		"no command":          {nil, misused, "palinsesto --help"},
		"help":                {[]string{"--help"}, done, "Codici di uscita"},
		"help of one":         {[]string{"submit", "--help"}, done, "shift-weeks"},
		"version":             {[]string{"version"}, done, "."},
		"version as JSON":     {[]string{"version", "--json"}, done, `{"version":`},
		"no such command":     {[]string{"cucina"}, misused, "argomento imprevisto cucina"},
		"no such flag":        {[]string{"posts", "--fame"}, misused, "opzione sconosciuta --fame"},
		"flag without value":  {[]string{"posts", "--state"}, misused, "vuole un valore"},
		"number that is none": {[]string{"posts", "--limit", "x"}, misused, "non è un numero"},
		"no id":               {[]string{"show"}, misused, "manca"},
		"no flag":             {[]string{"token", "create"}, misused, "mancano le opzioni --role"},
		"half a command":      {[]string{"channel"}, misused, "serve un comando"},
		"no configuration":    {[]string{"serve"}, misused, "--config"},
		"configuration wrong": {[]string{"serve", "--config", "assente.yaml"}, failed, "configurazione"},
		"level wrong":         {[]string{"serve", "--config", "x", "--log-level", "forte"}, failed, "forte"},
		"file missing":        {[]string{"submit", "assente.jsonl"}, misused, "assente.jsonl non c'è"},
		"weeks wrong":         {[]string{"submit", "main_test.go", "--shift-weeks", "presto"}, failed, "presto"},
		"no house":            {[]string{"posts"}, failed, "nessuna casa"},
		"role wrong":          {[]string{"token", "create", "--role", "capo"}, misused, "non \"capo\", ma uno fra"},
		"role without centre": {[]string{"token", "create", "--role", "referente"}, misused, "--centre"},
		"neither":             {[]string{"resolve", "x"}, misused, "--out"},
		"scope wrong":         {[]string{"stop", "--scope", "tutto"}, misused, "tutto"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			args := c.args
			if len(args) > 0 {
				args = append(args, "--data", empty)
			}
			code := run(t.Context(), args, &out, &out, func(string) string { return "" })
			require.Equal(t, c.code, code, out.String())
			require.Contains(t, out.String(), c.out)
		})
	}
	require.NoDirExists(t, empty, "a command that only asks makes nothing")
}

// What a command does and takes comes before the flags that all have.
func TestHelpBeginsWithTheCommands(t *testing.T) {
	var out bytes.Buffer
	require.Equal(t, done, run(t.Context(), []string{"--help"}, &out, &out, func(string) string { return "" }))
	require.Less(t, bytes.Index(out.Bytes(), []byte("submit")), bytes.Index(out.Bytes(), []byte("--nats-user")))
}
