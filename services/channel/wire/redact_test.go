// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
)

const token = "123456:AAF-secret_half"

func TestRedact(t *testing.T) {
	for _, text := range []string{
		"Post \"https://x/bot" + token + "/sendMessage\": EOF",
		"path /bot" + url.QueryEscape(token),
		"path /bot123456%3aAAF-secret_half/",
		token + token,
	} {
		got := Redact(text, token)
		require.NotContains(t, got, "secret_half", text)
		require.Contains(t, got, mask)
	}
	require.Equal(t, "nothing here", Redact("nothing here", token, ""))
}

func TestRawIsBoundedAndValid(t *testing.T) {
	// A secret that lies across the cut would leave its first half behind if the cut came first.
	text := strings.Repeat("x", maxRaw-5) + token
	got := Raw(text, token)
	require.LessOrEqual(t, len(got), maxRaw)
	require.NotContains(t, got, "12345")
	got = Raw(strings.Repeat("è", maxRaw) + "\xff\xfe")
	require.True(t, utf8.ValidString(got))
	require.LessOrEqual(t, len(got), maxRaw)
	require.Equal(t, "�", Raw("\xff\xfe"))
}

func TestQuiet(t *testing.T) {
	err := Quiet(&url.Error{Op: "Post", URL: "https://x/bot" + token, Err: context.DeadlineExceeded}, token)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var u *url.Error
	require.ErrorAs(t, err, &u)
	for _, format := range []string{"%v", "%+v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(format, err), "secret_half")
	}
	require.NoError(t, Quiet(nil))
}

func TestFailed(t *testing.T) {
	call := Call{Network: "Telegram", Prefix: "telegram", Secrets: []string{token}}
	for _, c := range []struct {
		name    string
		a       Answer
		err     error
		verdict channel.Verdict
		cause   string
	}{
		{"nothing left", Answer{}, errors.New("connection refused"), channel.NotSent, "telegram.unreachable"},
		{"nothing left, stopped", Answer{}, context.Canceled, channel.NotSent, "telegram.cancelled"},
		{"something left", Answer{Sent: true}, errors.New("EOF"), channel.Unknown, "telegram.cut"},
		{"something left, stopped", Answer{Sent: true}, context.Canceled, channel.Unknown, "telegram.timeout"},
		{"too long", Answer{Sent: true, Status: 200}, ErrTooLong, channel.Unknown, "telegram.endless"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, act := range []Act{Publishing, Changing, Looking} {
				call.Act = act
				e := call.Failed(c.a, fmt.Errorf("at /bot%s: %w", token, c.err))
				require.Equal(t, c.verdict, e.Verdict)
				require.Equal(t, c.cause, e.Cause)
				require.Equal(t, c.a.Status, e.Status)
				require.ErrorIs(t, e, c.err)
				require.NotContains(t, e.Text+e.Raw+e.Err.Error()+fmt.Sprintf("%+v", e), "secret_half")
				require.NotContains(t, e.Text, "{", "a word of the act was left out")
			}
		})
	}
}

func TestEveryKindHasItsSentence(t *testing.T) {
	for _, kind := range []string{"cancelled", "late", "dns", "tls", "unreachable", "timeout", "cut", "endless"} {
		require.NotEmpty(t, sentences[kind], kind)
	}
}
