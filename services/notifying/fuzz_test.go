// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

// Only a clear yes of Telegram counts as told, and what an error repeats of its answer is short.
func FuzzTelegramAnswer(f *testing.F) {
	f.Add(200, []byte(`{"ok":true,"result":{"message_id":1}}`))
	f.Add(429, []byte(`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`))
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		err := judge(&http.Response{StatusCode: status, Status: "x", Body: io.NopCloser(bytes.NewReader(body))})
		if err == nil {
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, string(bytes.ToLower(body)), `"ok"`)
			return
		}
		require.Less(t, len(err.Error()), 1000)
	})
}

// A mail server may say anything: the message counts as sent or not, in time.
func FuzzMailServer(f *testing.F) {
	f.Add([]byte("220 x ESMTP\r\n250-x\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n250 ok\r\n221 bye\r\n"))
	f.Add([]byte("220 x\r\n500 what\r\n250 x\r\n550 no such user\r\n221 bye\r\n"))
	f.Add([]byte("220-x\r\n220 y\r\n421 busy\r\n"))
	f.Fuzz(func(t *testing.T, says []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			_, _ = c.Write(says)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		m := newMailer(config.AlertMail{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "p@example.org",
			To: []string{"a@example.org", "b@example.org"}, TLS: "none"}, "Prova")
		began := time.Now()
		_ = m.send(ctx, message{id: "1", subject: "s", body: "b"})
		require.Less(t, time.Since(began), 10*time.Second)
	})
}
