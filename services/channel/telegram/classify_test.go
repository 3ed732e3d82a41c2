// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// no is a refusal in the API's own form.
func no(code int, description, parameters string) string {
	out := `{"ok":false,"error_code":` + strconv.Itoa(code) + `,"description":` + strconv.Quote(description)
	if parameters != "" {
		out += `,"parameters":` + parameters
	}
	return out + "}"
}

const front = "<html>\r\n<head><title>502 Bad Gateway</title></head></html>\r\n"

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		answer  string
		verdict channel.Verdict
		cause   string
	}{
		"chat not found":        {400, no(400, "Bad Request: chat not found", ""), channel.Permanent, "chat_not_found"},
		"capitals do not count": {400, no(400, "BAD REQUEST: Chat Not Found", ""), channel.Permanent, "chat_not_found"},
		"migrated":              {400, no(400, "Bad Request: group chat was upgraded to a supergroup chat", `{"migrate_to_chat_id":-1001}`), channel.Permanent, "migrated"},
		"too long":              {400, no(400, "Bad Request: message is too long", ""), channel.Permanent, "too_long"},
		"caption too long":      {400, no(400, "Bad Request: MEDIA_CAPTION_TOO_LONG", ""), channel.Permanent, "too_long"},
		"entities":              {400, no(400, "Bad Request: can't parse entities: at byte 3", ""), channel.Permanent, "bad_text"},
		"photo":                 {400, no(400, "Bad Request: PHOTO_INVALID_DIMENSIONS", ""), channel.Permanent, "bad_media"},
		"reply gone":            {400, no(400, "Bad Request: message to be replied not found", ""), channel.Permanent, "reply_gone"},
		"unheard of":            {400, no(400, "Bad Request: the moon is full", ""), channel.Permanent, "refused"},
		"text in another field": {400, no(400, "Bad Request: the text says chat not found", ""), channel.Permanent, "refused"},
		"conflict":              {409, no(409, "Conflict: terminated by other getUpdates request", ""), channel.Permanent, "refused"},
		"too large, HTML":       {413, front, channel.Permanent, "too_big"},
		"too large":             {413, no(413, "Request Entity Too Large", ""), channel.Permanent, "too_big"},

		"no admin":     {400, no(400, "Bad Request: need administrator rights in the channel chat", ""), channel.Reconnect, "no_rights"},
		"few rights":   {400, no(400, "Bad Request: not enough rights to send text messages to the chat", ""), channel.Reconnect, "no_rights"},
		"no rights":    {400, no(400, "Bad Request: have no rights to send a message", ""), channel.Reconnect, "no_rights"},
		"write":        {400, no(400, "Bad Request: CHAT_WRITE_FORBIDDEN", ""), channel.Reconnect, "no_rights"},
		"unauthorized": {401, no(401, "Unauthorized", ""), channel.Reconnect, "unauthorized"},
		"kicked":       {403, no(403, "Forbidden: bot was kicked from the channel chat", ""), channel.Reconnect, "forbidden"},
		"no method":    {404, no(404, "Not Found", ""), channel.Reconnect, "not_found"},

		"rate":                 {429, no(429, "Too Many Requests: retry after 7", `{"retry_after":7}`), channel.RetryAfter, "rate"},
		"rate, text only":      {429, no(429, "Too Many Requests: retry after 7", ""), channel.RetryAfter, "rate"},
		"rate, HTML":           {429, front, channel.RetryAfter, "rate"},
		"rate, 5 at once":      {429, no(429, "Too Many Requests: retry after 5", `{"retry_after":5}`), channel.RetryAfter, "rate"},
		"rate, for ever":       {429, no(429, "x", `{"retry_after":9223372036854775807}`), channel.RetryAfter, "rate"},
		"rate, negative":       {429, no(429, "x", `{"retry_after":-3}`), channel.RetryAfter, "rate"},
		"rate said with a 200": {200, no(429, "Too Many Requests: retry after 7", `{"retry_after":7}`), channel.Unknown, "unreadable"},

		"500":              {500, no(500, "Internal Server Error: Request aborted", ""), channel.Unknown, "server_error"},
		"502 HTML":         {502, front, channel.Unknown, "server_error"},
		"504 empty":        {504, "", channel.Unknown, "server_error"},
		"refusal in a 500": {500, no(400, "Bad Request: chat not found", ""), channel.Unknown, "server_error"},
		"400 HTML":         {400, front, channel.Unknown, "unreadable"},
		"403 of a proxy":   {403, "Forbidden", channel.Unknown, "unreadable"},
		"401 empty":        {401, "", channel.Unknown, "unreadable"},
		"not ok":           {200, `{"ok":false}`, channel.Unknown, "unreadable"},
		"not ok, with 400": {200, no(400, "Bad Request: chat not found", ""), channel.Unknown, "unreadable"},
		"ok, with a 400":   {400, posted, channel.Unknown, "unreadable"},
		"ok, with a 429":   {429, posted, channel.Unknown, "unreadable"},
		"ok, with a 413":   {413, posted, channel.Unknown, "unreadable"},
		"ok, with a 202":   {202, posted, channel.Unknown, "unreadable"},
		"half":             {200, posted[:40], channel.Unknown, "unreadable"},
		"nothing":          {200, "", channel.Unknown, "unreadable"},
		"null":             {200, "null", channel.Unknown, "unreadable"},
		"a list":           {200, "[]", channel.Unknown, "unreadable"},
		"another shape":    {200, `{"ok":"si","result":[]}`, channel.Unknown, "unreadable"},
		"no result":        {200, `{"ok":true}`, channel.Unknown, "unreadable"},
		"true":             {200, `{"ok":true,"result":true}`, channel.Unknown, "unreadable"},
		"no id":            {200, `{"ok":true,"result":{"date":1}}`, channel.Unknown, "unreadable"},
		"negative id":      {200, `{"ok":true,"result":{"message_id":-1}}`, channel.Unknown, "unreadable"},
		"empty album":      {200, `{"ok":true,"result":[]}`, channel.Unknown, "unreadable"},
		"album with a gap": {200, `{"ok":true,"result":[{"message_id":1},null]}`, channel.Unknown, "unreadable"},
		"redirect":         {302, "", channel.Unknown, "redirect"},
		"not modified":     {304, "", channel.Unknown, "redirect"},
		"token in it":      {400, no(400, "Bad Request: "+token, ""), channel.Permanent, "refused"},
		"token in HTML":    {502, strings.Repeat("x", 2040) + token, channel.Unknown, "server_error"},
		"not UTF-8":        {502, "\xff\xfe" + strings.Repeat("\xff", 3000), channel.Unknown, "server_error"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.say(c.status, c.answer)
			_, err := publish(t, newChannel(t, a.URL), channel.Delivery{Part: palinsesto.Part{Text: "a"}})
			e := requireError(t, err, c.verdict, c.cause)
			require.Equal(t, c.status, e.Status)
			require.True(t, utf8.ValidString(e.Raw))
			require.Equal(t, c.verdict == channel.RetryAfter, e.After > 0)
			a.only(t)
		})
	}
}

// What the library does with an upload differs: its error has no code. The verdicts are the same.
func TestVerdictsOfUploads(t *testing.T) {
	s := store{}
	part := palinsesto.Part{Media: []palinsesto.Media{s.put("image", "image/jpeg", "a")}}
	for _, c := range []struct {
		status  int
		answer  string
		verdict channel.Verdict
		cause   string
	}{
		{400, no(400, "Bad Request: IMAGE_PROCESS_FAILED", ""), channel.Permanent, "bad_media"},
		{429, no(429, "x", `{"retry_after":7}`), channel.RetryAfter, "rate"},
		{403, no(403, "Forbidden: x", ""), channel.Reconnect, "forbidden"},
		{502, front, channel.Unknown, "server_error"},
		{200, no(400, "x", ""), channel.Unknown, "unreadable"},
	} {
		a := newAPI(t)
		a.say(c.status, c.answer)
		_, err := publish(t, newChannel(t, a.URL), channel.Delivery{Open: s.open, Part: part})
		requireError(t, err, c.verdict, c.cause)
		a.only(t)
	}
}

func TestRetryAfter(t *testing.T) {
	r := &request{bot: &tgbotapi.BotAPI{Token: token}}
	limited := func(seconds int, waited time.Duration) *channel.Error {
		resp := &tgbotapi.APIResponse{Parameters: &tgbotapi.ResponseParameters{RetryAfter: seconds}}
		return r.limited(wire.Answer{Status: 429, Waited: waited}, resp)
	}
	require.Equal(t, 7*time.Second, limited(7, 0).After)
	require.Contains(t, limited(7, 0).Text, "7 secondi")
	require.Contains(t, limited(600, 0).Text, "10 minuti")
	require.Equal(t, 7*time.Second, limited(7, time.Minute).After, "slow, but not what a restart says")
	require.Equal(t, 5*time.Second, limited(5, time.Second).After)
	require.Equal(t, longestAfter*time.Second, limited(1<<62, 0).After)
	// A restart of the server with the request in flight looks like this.
	requireError(t, limited(5, 11*time.Second), channel.Unknown, "restarted")
}

func TestMigratedSaysTheNewID(t *testing.T) {
	a := newAPI(t)
	a.say(400, no(400, "Bad Request: group chat was upgraded to a supergroup chat", `{"migrate_to_chat_id":-1009876543210}`))
	_, err := publish(t, newChannel(t, a.URL), channel.Delivery{Part: palinsesto.Part{Text: "a"}})
	require.Contains(t, requireError(t, err, channel.Permanent, "migrated").Text, "-1009876543210")
}

// Every cause has a verdict and a sentence, in the words of each act.
func TestCauses(t *testing.T) {
	for name, c := range causes {
		require.NotEmpty(t, c.verdict, name)
		for _, act := range []wire.Act{wire.Publishing, wire.Changing, wire.Looking} {
			text := act.Say(c.text)
			for _, word := range []string{"{not_done}", "{maybe_done}", "{again}"} {
				require.NotContains(t, text, word, name)
			}
			require.Regexp(t, `^[A-Z].*\.$`, text, name)
			require.NotContains(t, text, "..", name)
		}
	}
	for _, r := range refusals {
		require.Contains(t, causes, r.cause)
		require.Equal(t, strings.ToLower(r.prefix), r.prefix)
	}
}

// fixed is a transport's answer without a network, through the library all the same.
func fixed(status int, body []byte) (*channel.Error, []message) {
	r := &request{bot: &tgbotapi.BotAPI{Token: token}, method: "sendMessage"}
	r.bot.SetAPIEndpoint("http://h/bot%s/%s")
	x := &exchange{ctx: context.Background(), answer: wire.Answer{Status: status, Body: body, Sent: true}}
	bot := *r.bot
	bot.Client = canned{x}
	resp, err := bot.MakeRequest(r.method, nil)
	if e := r.classify(x, resp, err); e != nil {
		return e, nil
	}
	msgs, err := messages(resp.Result)
	if err != nil {
		return r.said(x.answer, "unreadable", err), nil
	}
	return nil, msgs
}

type canned struct{ x *exchange }

func (c canned) Do(*http.Request) (*http.Response, error) { return c.x.response(), nil }

// FuzzReply: whatever the network says, there is a verdict; a verdict that lets the house send again or
// give up needs the status for it; the token is nowhere.
func FuzzReply(f *testing.F) {
	f.Add(200, []byte(posted))
	f.Add(200, []byte(`{"ok":true,"result":[{"message_id":1,"date":1,"chat":{"id":-1001}}]}`))
	f.Add(200, []byte(`{"ok":true,"result":true}`))
	f.Add(400, []byte(no(400, "Bad Request: chat not found", "")))
	f.Add(400, []byte(no(400, "Bad Request: "+token, `{"migrate_to_chat_id":-1}`)))
	f.Add(429, []byte(no(429, "Too Many Requests: retry after 5", `{"retry_after":5}`)))
	f.Add(502, []byte(front))
	f.Add(200, []byte(`{"ok":false,"error_code":1e99}`))
	f.Add(200, []byte("\xff{"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 100 || status > 999 {
			return
		}
		e, msgs := fixed(status, body)
		if e == nil {
			require.Equal(t, 200, status)
			require.NotEmpty(t, msgs)
			c := &Channel{target: "@cpi_prova", clock: time.Now}
			r := c.receipt(msgs, status, "")
			require.Len(t, r.RemoteIDs, len(msgs))
			require.True(t, strings.HasPrefix(r.Link, "https://t.me/"))
			return
		}
		require.NotEmpty(t, e.Text)
		require.NotEmpty(t, e.Verdict)
		require.LessOrEqual(t, len(e.Raw), 2<<10)
		require.True(t, utf8.ValidString(e.Raw))
		require.NotContains(t, e.Raw, half)
		switch e.Verdict {
		case channel.RetryAfter:
			require.Equal(t, 429, status)
			require.Positive(t, e.After)
		case channel.Permanent, channel.Reconnect:
			require.True(t, status >= 400 && status < 500, status)
		case channel.NotSent:
			t.Fatal("an answer came, so the request left")
		default: // unknown claims nothing
		}
	})
}

func FuzzEntities(f *testing.F) {
	f.Add("😀 àè <b>", 0, 4)
	f.Add("a", 0, 1)
	f.Add("\xff", 0, 1)
	f.Add("é̀👨‍👩‍👧", 3, 5)
	f.Fuzz(func(t *testing.T, text string, offset, length int) {
		spans := []palinsesto.Span{{Kind: "bold", Offset: offset, Length: length}, {Kind: "link", Offset: 0, Length: len(text), URL: "https://x"}}
		ents, err := entities(text, spans)
		if err != nil {
			return
		}
		require.True(t, utf8.ValidString(text))
		require.Equal(t, utf16Len(text[:offset]), ents[0].Offset)
		require.Equal(t, utf16Len(text[offset:offset+length]), ents[0].Length)
		require.Equal(t, entity{Type: "text_link", Length: utf16Len(text), URL: "https://x"}, ents[1], "going back to the start")
	})
}

// utf16Len is the slow, plain way.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

func TestEntitiesRefuse(t *testing.T) {
	for name, s := range map[string]palinsesto.Span{
		"unknown kind": {Kind: "blink", Length: 1}, "before": {Kind: "bold", Offset: -1, Length: 1},
		"nothing": {Kind: "bold"}, "after": {Kind: "bold", Offset: 2, Length: 2}, "far": {Kind: "bold", Offset: 1 << 62, Length: 1 << 62},
		"in a rune": {Kind: "bold", Offset: 2, Length: 1}, "half a rune": {Kind: "bold", Offset: 0, Length: 2},
	} {
		_, err := entities("aè", []palinsesto.Span{s})
		require.Error(t, err, name)
	}
	_, err := entities("\xff", nil)
	require.Error(t, err)
}

func TestMessages(t *testing.T) {
	_, err := messages(json.RawMessage(`{"message_id":"7"}`))
	require.Error(t, err)
	require.False(t, is(errors.New("x"), "gone"))
}
