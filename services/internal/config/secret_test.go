// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

const bare = "123456:AAH-planted"

func TestSecretIsNeverPrinted(t *testing.T) {
	s := config.Secret(bare)
	type holder struct {
		Token config.Secret
		List  []config.Secret
		Map   map[string]config.Secret
		Ptr   *config.Secret
	}
	h := holder{s, []config.Secret{s}, map[string]config.Secret{"k": s}, &s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%e", "%10.3s", "%!"} {
		for _, v := range []any{s, &s, h, &h, []any{s}, fmt.Errorf("wrapped: %v", s)} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	fmt.Fprintln(&out, s, h)
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "token", s, "holder", h, "any", slog.AnyValue(&s))
	}
	for _, v := range []any{s, h} {
		j, err := json.Marshal(v)
		require.NoError(t, err)
		y, err := yaml.Marshal(v)
		require.NoError(t, err)
		out.Write(j)
		out.Write(y)
	}
	text := out.String()
	require.Contains(t, text, "[segreto]")
	require.NotContains(t, text, "planted")
	require.NotContains(t, text, fmt.Sprintf("%x", "planted"))
	require.NotContains(t, text, fmt.Sprintf("%X", "planted"))
	require.Equal(t, bare, string(s), "only a conversion reveals it")
}

func TestTokenFromEnvironment(t *testing.T) {
	ch := config.Channel{ID: "tg", TokenEnv: "PALINSESTO_TEST_TOKEN"}
	t.Setenv("PALINSESTO_TEST_TOKEN", "  "+bare+"\n")
	token, err := ch.Token()
	require.NoError(t, err)
	require.Equal(t, bare, token)

	t.Setenv("PALINSESTO_TEST_TOKEN", " ")
	_, err = ch.Token()
	require.ErrorContains(t, err, "canale tg")
	require.ErrorContains(t, err, "PALINSESTO_TEST_TOKEN")
}

func TestTokenFromFile(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		note    string
		err     string
	}{
		"trimmed":        {content: "\n " + bare + "\r\n", mode: 0o600},
		"read only":      {content: bare, mode: 0o400},
		"open to others": {content: bare, mode: 0o644, note: "0644"},
		"empty":          {content: " \n", mode: 0o600, err: "vuoto o assente"},
		"two lines":      {content: bare + "\n" + bare, mode: 0o600, err: "più righe"},
		"too long":       {content: strings.Repeat("planted", 10_000), mode: 0o600, err: "troppo lungo"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "token")
			require.NoError(t, os.WriteFile(file, []byte(tc.content), tc.mode))
			require.NoError(t, os.Chmod(file, tc.mode)) // whatever the umask
			token, note, err := config.Channel{ID: "tg", TokenFile: file}.Secret()
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				require.NotContains(t, err.Error(), "planted")
				require.Empty(t, token)
				return
			}
			require.NoError(t, err)
			require.Equal(t, bare, string(token))
			require.Equal(t, tc.note != "", note != "", note)
			require.Contains(t, note, tc.note)
			require.NotContains(t, note, "planted")
		})
	}
}

func TestTokenFileStartsAtTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ente.yaml")
	text := strings.Replace(small, "token_env: PROVA_TOKEN", "token_file: bot.token", 1)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	c, err := config.Load(name)
	require.NoError(t, err, "the token may come later than the configuration")
	_, err = c.Channels[0].Token()
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "bot.token"), []byte(bare), 0o600))
	token, err := c.Channels[0].Token()
	require.NoError(t, err)
	require.Equal(t, bare, token)
}

func TestTokenFileMustBeAFile(t *testing.T) {
	_, err := config.Channel{ID: "tg", TokenFile: t.TempDir()}.Token()
	require.ErrorContains(t, err, "file normale")
}

// TestErrorsRepeatNoToken: people paste the token where its place is asked for.
func TestErrorsRepeatNoToken(t *testing.T) {
	for _, line := range []string{
		"token_env: " + bare, "token_file: [" + bare + "]", "token_file: \"" + bare + "\\n\"",
		"target: \"" + bare + "\"", "api_base: https://x:" + bare + "@api.example.org", "api_base: " + bare,
		"token: " + bare, "token_env: !!binary " + bare, "options: " + bare, "limits: [" + bare + "]",
	} {
		key, _, _ := strings.Cut(line, ":")
		text := small + "    " + line + "\n"
		if strings.Contains(small, "    "+key+":") {
			text = replaceLine(small, "    "+key+":", "    "+line)
		}
		_, err := config.Parse([]byte(text), "prova.yaml")
		require.Error(t, err, line)
		require.NotContains(t, err.Error(), "planted", line)
	}
}

func replaceLine(text, start, with string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, start) {
			lines[i] = with
		}
	}
	return strings.Join(lines, "\n")
}
