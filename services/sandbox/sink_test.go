// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSinkRecordsArrivals(t *testing.T) {
	sink := NewSink(3)
	server := httptest.NewServer(sink)
	t.Cleanup(server.Close)
	send := func(kind, body string) (answer struct {
		OK     bool `json:"ok"`
		Result struct {
			MessageID int64 `json:"message_id"`
			Chat      struct {
				ID       int64
				Username string
			}
		}
	}) {
		response, err := http.Post(server.URL+"/telegram/bot1:a/sendMessage", kind, bytes.NewBufferString(body))
		require.NoError(t, err)
		require.NoError(t, errors.Join(json.NewDecoder(response.Body).Decode(&answer), response.Body.Close()))
		return answer
	}
	form := "application/x-www-form-urlencoded"
	first := send(form, "chat_id=-1007&text=post+1%0Aaltro")
	require.True(t, first.OK)
	require.Equal(t, int64(1), first.Result.MessageID)
	require.Equal(t, int64(-1007), first.Result.Chat.ID)
	named := send("application/json", `{"chat_id":"@a\"b","text":"post 2\nresto"}`)
	require.NotEmpty(t, named.Result.Chat.Username)
	send(form, "text=post+1&chat_id=5")
	send(form, "text=oltre")
	require.NoError(t, sink.Wait(t.Context(), 4))
	require.Equal(t, 4, sink.Count())
	require.Len(t, sink.Arrivals()["post 1"], 2)
	require.Len(t, sink.Arrivals()["post 2"], 1)
	require.NotContains(t, sink.Arrivals(), "oltre")
}

func BenchmarkSink(b *testing.B) {
	sink := NewSink(1024)
	body := "text=post+1%0Auno&chat_id=-100123"
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/bot1:a/sendMessage", strings.NewReader(body))
		sink.ServeHTTP(httptest.NewRecorder(), r)
	}
}
