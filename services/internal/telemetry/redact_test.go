// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	botToken = "8000000001:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"
	bearer   = "pal_" + "0190c2f1_JSUWY3DPEHPK3PXPJSUWY3DPEHPK3PXP"
)

func TestSecretsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"bot" + botToken + "/sendMessage":                  "bot[segreto]/sendMessage",
		"bot8000000001%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDs": "bot[segreto]",
		"Authorization: Bearer " + bearer:                  "Authorization: Bearer [segreto]",
		"nats://palinsesto:s3cret@127.0.0.1:4222":          "nats://[segreto]@127.0.0.1:4222",
		"redis://:s3cret@redis:6379/0":                     "redis://[segreto]@redis:6379/0",
		"alle 10:30 in via Roma 12, tel. 0731123456:":      "alle 10:30 in via Roma 12, tel. 0731123456:",
		"https://www.example.org/a:b?c=d@e":                "https://www.example.org/a:b?c=d@e",
		"palinsesto.post.telegram-marche.x":                "palinsesto.post.telegram-marche.x",
	} {
		require.Equal(t, want, string(Redact([]byte(text))))
	}
}

func TestLogLinesHoldNoSecret(t *testing.T) {
	for _, people := range []bool{true, false} {
		var out bytes.Buffer
		log := slog.New(newHandler(&out, slog.LevelDebug, people))
		wrapped := &url.Error{Op: "Post", URL: "https://api.telegram.org/bot" + botToken + "/getMe", Err: errors.New("refused")}
		log.With("token", botToken).WithGroup("g").Info("said "+bearer, "error", wrapped, "nested", slog.GroupValue(slog.String("t", bearer)))
		require.NotContains(t, out.String(), "AAHdqTcv")
		require.NotContains(t, out.String(), "JSUWY3DP")
		require.Contains(t, out.String(), Masked)
		require.Contains(t, out.String(), "refused")
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("bot"+botToken, "x")
	f.Add("\n", bearer)
	f.Fuzz(func(t *testing.T, before, after string) {
		require.NotContains(t, string(Redact([]byte(before+" "+bearer+" "+after))), bearer)
	})
}
