// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

func TestChats(t *testing.T) {
	w := newWorld(t, nil)
	chat := w.ok("getChat", "chat_id", "-1001")
	require.Equal(t, "cpi_marche", chat["username"])
	require.InDelta(t, -1009, chat["linked_chat_id"], 0)
	member := w.ok("getChatMember", "chat_id", channel, "user_id", "7001")
	require.Equal(t, "administrator", member["status"])
	require.Equal(t, true, member["can_post_messages"])
	require.Equal(t, "left", w.ok("getChatMember", "chat_id", channel, "user_id", "7003")["status"])
	w.h.SetMembers(channel, 13)
	for _, method := range []string{"getChatMemberCount", "getChatMembersCount"} {
		_, body := w.call(method, "chat_id", channel)
		require.JSONEq(t, `{"ok":true,"result":13}`, body)
	}
	w.h.Kick(channel, 7001)
	_, body := w.call("sendMessage", "chat_id", channel, "text", "x")
	require.Equal(t, refusal(403, "Forbidden: bot was kicked from the channel chat"), body)
	w.h.Admit(channel, 7001, all)
	w.ok("sendMessage", "chat_id", channel, "text", "x")
	w.h.Revoke(token)
	_, body = w.call("sendMessage", "chat_id", channel, "text", "x")
	require.Equal(t, refusal(401, "Unauthorized"), body)
}

func TestUpdates(t *testing.T) {
	w := newWorld(t, nil)
	updates := func(bot string, pairs ...string) []map[string]any {
		status, body := w.as(bot, "getUpdates", pairs...)
		require.Equal(t, 200, status, body)
		var answer struct{ Result []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		return answer.Result
	}
	w.ok("sendMessage", "chat_id", channel, "text", "uno")
	w.ok("editMessageText", "chat_id", channel, "message_id", "1", "text", "UNO")
	require.Empty(t, updates(token), "a bot does not hear itself")
	seen := updates(witness)
	require.Len(t, seen, 2)
	require.Equal(t, "uno", seen[0]["channel_post"].(map[string]any)["text"])
	require.Equal(t, "UNO", seen[1]["edited_channel_post"].(map[string]any)["text"])
	require.Len(t, updates(witness, "offset", "2"), 1, "an offset confirms what is before it")
	require.Len(t, updates(witness, "offset", "-1"), 1)
	w.pass(24*time.Hour + time.Second)
	require.Empty(t, updates(witness), "the server keeps a day")

	_, body := w.call("pinChatMessage", "chat_id", channel, "message_id", "1")
	require.JSONEq(t, `{"ok":true,"result":true}`, body)
	own := updates(token)
	require.Len(t, own, 1, "a pin is told to who pinned, too")
	pinned := own[0]["channel_post"].(map[string]any)
	require.InDelta(t, 2, pinned["message_id"], 0)
	require.Equal(t, "UNO", pinned["pinned_message"].(map[string]any)["text"])
}

func TestSecondPollerIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	first := &call{h: w.h, bot: w.h.botOf(witness)}
	require.True(t, first.startPolling())
	status, body := w.as(witness, "getUpdates")
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, body, "Conflict: terminated by other getUpdates request")
	first.stopPolling()
	status, _ = w.as(witness, "getUpdates")
	require.Equal(t, http.StatusOK, status)
}

func TestLongPollEndsWithNews(t *testing.T) {
	w := newWorld(t, nil)
	got := make(chan string, 1)
	go func() {
		_, body := w.as(witness, "getUpdates", "timeout", "50")
		got <- body
	}()
	require.NoError(t, w.s.WaitRequests(t.Context(), func(a []sandbox.Arrival) bool { return len(a) == 1 }))
	w.ok("sendMessage", "chat_id", channel, "text", "notizia")
	require.Contains(t, <-got, "notizia")
}

func TestRates(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoRates = false; o.Rates.ChatBurst = 2 })
	send := func() (int, string) { return w.call("sendMessage", "chat_id", channel, "text", "x") }
	for range 2 {
		status, _ := send()
		require.Equal(t, 200, status)
	}
	status, body := send()
	require.Equal(t, 429, status)
	require.JSONEq(t, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}`, body)
	require.Len(t, w.s.Wall(), 2)
	w.pass(time.Second)
	status, _ = send()
	require.Equal(t, 200, status)
	for range 40 { // one a second is fine until the minute's twenty are spent
		w.pass(time.Second)
		if status, body = send(); status == 429 {
			break
		}
	}
	require.Contains(t, body, `"retry_after":`)
	require.Less(t, len(w.s.Wall()), 35)
	require.GreaterOrEqual(t, len(w.s.Wall()), 20)

	album := newWorld(t, func(o *Options) { o.NoRates = false })
	two := `[{"type":"photo","media":"attach://a"},{"type":"photo","media":"attach://a"}]`
	for range 3 {
		status, body = album.files("sendMediaGroup", map[string]string{"chat_id": channel, "media": two}, map[string][]byte{"a": picture(t, 4, 3)})
	}
	require.Equal(t, 200, status, body)
	status, _ = album.call("sendMessage", "chat_id", channel, "text", "x")
	require.Equal(t, 429, status, "an album of two counts two")
}

func TestBotBudgetSpansChats(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoRates = false; o.Rates.BotBurst = 1; o.Rates.BotPerSecond = 0.25 })
	w.ok("sendMessage", "chat_id", channel, "text", "x")
	status, body := w.call("sendMessage", "chat_id", "-1002", "text", "x")
	require.Equal(t, 429, status)
	require.Contains(t, body, `"retry_after":4`)
}

func TestRestartGoesOnCounting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wall.jsonl")
	start := func() (*world, *sandbox.Sandbox) {
		s, err := sandbox.New(sandbox.Options{File: file})
		require.NoError(t, err)
		h, err := New(s, Options{NoRates: true, Bots: []Bot{{Token: token, Username: "b"}}, Chats: []Chat{{ID: -1, Title: "x", Admins: map[int64]Rights{7001: all}}}})
		require.NoError(t, err)
		return &world{T: t, s: s, h: h}, s
	}
	w, s := start()
	_, body := w.files("sendPhoto", map[string]string{"chat_id": "-1"}, map[string][]byte{"photo": picture(t, 4, 3)})
	var answer struct{ Result message }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.NoError(t, s.Close())

	w, s = start()
	again := w.ok("sendPhoto", "chat_id", "-1", "photo", answer.Result.Photo[0].FileID)
	require.InDelta(t, 2, again["message_id"], 0)
	require.NoError(t, s.Reset())
	require.InDelta(t, 1, w.ok("sendMessage", "chat_id", "-1", "text", "x")["message_id"], 0)
	require.NoError(t, s.Close())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(data), token)
}
