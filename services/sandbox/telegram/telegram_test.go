// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

func TestRefusals(t *testing.T) {
	w := newWorld(t, nil)
	w.ok("sendMessage", "chat_id", channel, "text", "primo")
	w.ok("sendMessage", "chat_id", "-1002", "text", "nel gruppo")
	photo := picture(t, 4, 3)
	status, body := w.files("sendPhoto", map[string]string{"chat_id": channel, "caption": "foto"}, map[string][]byte{"photo": photo})
	require.Equal(t, 200, status, body)
	w.s.Edit(Network, channel, "2", func(i *sandbox.Item) { i.Protected = true })

	for name, c := range map[string]struct {
		bot, method string
		pairs       []string
		status      int
		text        string
	}{
		"unknown token":      {"9:x", "getMe", nil, 401, "Unauthorized"},
		"malformed token":    {"abc", "getMe", nil, 404, "Not Found"},
		"no such method":     {token, "sendLove", nil, 404, "Not Found: method not found"},
		"no chat":            {token, "sendMessage", []string{"text", "x"}, 400, "Bad Request: chat_id is empty"},
		"chat not found":     {token, "sendMessage", []string{"chat_id", "@x", "text", "x"}, 400, "Bad Request: chat not found"},
		"not a member":       {guest, "sendMessage", []string{"chat_id", channel, "text", "x"}, 403, "Forbidden: bot is not a member of the channel chat"},
		"no right to post":   {guest, "sendMessage", []string{"chat_id", "-1002", "text", "x"}, 400, "Bad Request: need administrator rights in the supergroup chat"},
		"empty":              {token, "sendMessage", []string{"chat_id", channel}, 400, "Bad Request: message text is empty"},
		"blank":              {token, "sendMessage", []string{"chat_id", channel, "text", " \n "}, 400, "Bad Request: message text is empty"},
		"blank after tags":   {token, "sendMessage", []string{"chat_id", channel, "text", "<b> </b>", "parse_mode", "HTML"}, 400, "Bad Request: message text is empty"},
		"too long":           {token, "sendMessage", []string{"chat_id", channel, "text", strings.Repeat("à", 4097)}, 400, "Bad Request: message is too long"},
		"bad UTF-8":          {token, "sendMessage", []string{"chat_id", channel, "text", "a\xff"}, 400, "Bad Request: text must be encoded in UTF-8"},
		"parse mode":         {token, "sendMessage", []string{"chat_id", channel, "text", "a", "parse_mode", "Markdown"}, 400, "Bad Request: unsupported parse_mode"},
		"tag":                {token, "sendMessage", []string{"chat_id", channel, "text", "a<p>", "parse_mode", "HTML"}, 400, "Bad Request: can't parse entities: Unsupported start tag \"p\" at byte offset 1"},
		"entities":           {token, "sendMessage", []string{"chat_id", channel, "text", "a", "entities", "{"}, 400, "Bad Request: can't parse entities JSON object"},
		"entity outside":     {token, "sendMessage", []string{"chat_id", channel, "text", "ab", "entities", `[{"type":"bold","offset":1,"length":2}]`}, 400, "Bad Request: entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 2"},
		"entity overflow":    {token, "sendMessage", []string{"chat_id", channel, "text", "ab", "entities", `[{"type":"bold","offset":1,"length":9223372036854775807}]`}, 400, "Bad Request: entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 2"},
		"entity in a pair":   {token, "sendMessage", []string{"chat_id", channel, "text", "😀", "entities", `[{"type":"bold","offset":1,"length":1}]`}, 400, "Bad Request: entity begins in a middle of a UTF-16 symbol at UTF-16 offset 1"},
		"entity unknown":     {token, "sendMessage", []string{"chat_id", channel, "text", "ab", "entities", `[{"type":"blink","offset":0,"length":1}]`}, 400, "Bad Request: can't parse entities: unsupported entity type specified"},
		"reply to nothing":   {token, "sendMessage", []string{"chat_id", channel, "text", "a", "reply_parameters", `{"message_id":77}`}, 400, "Bad Request: message to be replied not found"},
		"preview":            {token, "sendMessage", []string{"chat_id", channel, "text", "a", "link_preview_options", "["}, 400, "Bad Request: can't parse link preview options JSON object"},
		"no photo":           {token, "sendPhoto", []string{"chat_id", channel}, 400, "Bad Request: there is no photo in the request"},
		"unknown file":       {token, "sendPhoto", []string{"chat_id", channel, "photo", "AgAC"}, 400, "Bad Request: wrong file identifier/HTTP URL specified"},
		"photo from outside": {token, "sendPhoto", []string{"chat_id", channel, "photo", "http://93.184.216.34/a.png"}, 400, "Bad Request: wrong file identifier/HTTP URL specified"},
		"caption too long":   {token, "sendPhoto", []string{"chat_id", channel, "photo", "x", "caption", strings.Repeat("x", 1025)}, 400, "Bad Request: message caption is too long"},
		"album of one":       {token, "sendMediaGroup", []string{"chat_id", channel, "media", `[{"type":"photo","media":"attach://a"}]`}, 400, "Bad Request: album must have from 2 to 10 items"},
		"edit nothing":       {token, "editMessageText", []string{"chat_id", channel, "message_id", "99", "text", "x"}, 400, "Bad Request: message to edit not found"},
		"edit without id":    {token, "editMessageText", []string{"chat_id", channel, "text", "x"}, 400, "Bad Request: message identifier is not specified"},
		"edit the same":      {token, "editMessageText", []string{"chat_id", channel, "message_id", "1", "text", "primo"}, 400, "Bad Request: " + notModified},
		"edit of another":    {witness, "editMessageText", []string{"chat_id", channel, "message_id", "1", "text", "x"}, 400, "Bad Request: message can't be edited"},
		"text of a photo":    {token, "editMessageText", []string{"chat_id", channel, "message_id", "2", "text", "x"}, 400, "Bad Request: there is no text in the message to edit"},
		"caption of a text":  {token, "editMessageCaption", []string{"chat_id", channel, "message_id", "1", "caption", "x"}, 400, "Bad Request: there is no caption in the message to edit"},
		"delete nothing":     {token, "deleteMessage", []string{"chat_id", channel, "message_id", "99"}, 400, "Bad Request: message to delete not found"},
		"delete another's":   {witness, "deleteMessage", []string{"chat_id", channel, "message_id", "1"}, 400, "Bad Request: message can't be deleted"},
		"delete no ids":      {token, "deleteMessages", []string{"chat_id", channel, "message_ids", "[]"}, 400, "Bad Request: message_ids must have from 1 to 100 items"},
		"forward nothing":    {token, "forwardMessage", []string{"chat_id", "-1002", "from_chat_id", channel, "message_id", "99"}, 400, "Bad Request: message to forward not found"},
		"forward protected":  {token, "forwardMessage", []string{"chat_id", "-1002", "from_chat_id", channel, "message_id", "2"}, 400, "Bad Request: message can't be forwarded"},
		"copy nothing":       {token, "copyMessage", []string{"chat_id", "-1002", "from_chat_id", channel, "message_id", "99"}, 400, "Bad Request: message to copy not found"},
		"pin without right":  {witness, "pinChatMessage", []string{"chat_id", channel, "message_id", "1"}, 400, "Bad Request: not enough rights to manage pinned messages in the chat"},
		"member unknown":     {token, "getChatMember", []string{"chat_id", channel, "user_id", "5"}, 400, "Bad Request: user not found"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.s.Wall()
			status, body := w.as(c.bot, c.method, c.pairs...)
			require.Equal(t, c.status, status)
			require.Equal(t, refusal(c.status, c.text), body)
			require.Equal(t, before, w.s.Wall(), "a refusal leaves no trace")
		})
	}
}

func TestRouting(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
	}{
		{"GET", "/telegram/bot" + token + "/getMe", "", "", 200},
		{"GET", "/telegram/bot" + token + "/GETME", "", "", 200},
		{"GET", "/telegram/bot" + token + "/sendMessage?chat_id=@CPI_Marche&text=ciao", "", "", 200},
		{"POST", "/telegram/bot" + token + "/sendMessage", "application/json", `{"chat_id":-1001,"text":"ciao","entities":null,"disable_notification":true}`, 200},
		{"POST", "/telegram/bot" + token + "/sendMessage", "application/x-www-form-urlencoded", "chat_id=-1001&text=ciao&entities=null", 200},
		{"POST", "/telegram/bot" + token + "/sendMessage", "application/json", `[]`, 400},
		{"POST", "/telegram/bot" + token + "/sendMessage", "application/json", `{"text":"` + strings.Repeat("x", maxPlain) + `"}`, 413},
		{"POST", "/telegram/bot" + token + "/sendMessage", "multipart/form-data; boundary=x", "rotto", 400},
		{"PUT", "/telegram/bot" + token + "/getMe", "", "", 405},
		{"GET", "/telegram/bot/getMe", "", "", 404},
		{"GET", "/telegram/bot" + token, "", "", 404},
		{"GET", "/telegram/", "", "", 404},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.path, strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		status, body := w.do(r)
		require.Equal(t, c.status, status, "%s %s: %s", c.method, c.path, body)
		require.NotContains(t, body, token)
	}
	require.Len(t, w.s.Wall(), 3)
	require.True(t, w.s.Wall()[1].Silent)
}

func TestSendMessageIsOnTheWallAsSent(t *testing.T) {
	w := newWorld(t, nil)
	result := w.ok("sendMessage", "chat_id", channel, "parse_mode", "HTML", "protect_content", "true",
		"text", `<b>Ciao</b> 😀 <a href="https://a.it/x">qui</a>`)
	require.InDelta(t, 1, result["message_id"], 0)
	require.Equal(t, "channel", result["chat"].(map[string]any)["type"])
	require.Equal(t, "Ciao 😀 qui", result["text"])
	require.InDelta(t, noon.Unix(), result["date"], 0)
	require.Equal(t, []sandbox.Item{{
		Seq: 1, Network: Network, Account: channel, ID: "1", Kind: "text", Text: "Ciao 😀 qui", Author: "@palinsesto_bot",
		Entities: []sandbox.Entity{{Type: "bold", Length: 4}, {Type: "text_link", Offset: 8, Length: 3, URL: "https://a.it/x"}},
		At:       noon, Protected: true, LinkPreview: "https://a.it/x",
	}}, w.s.Wall())
	arrival := w.s.Requests()[0]
	require.Equal(t, channel, arrival.Account)
	require.Equal(t, "@palinsesto_bot", arrival.Caller)
	require.Equal(t, "sendMessage", arrival.Method)
	require.True(t, arrival.Applied)
}

func TestLengths(t *testing.T) {
	for _, c := range []struct {
		utf16  bool
		method string
		text   string
		status int
	}{
		{false, "sendMessage", strings.Repeat("😀", 4096), 200},
		{false, "sendMessage", strings.Repeat("😀", 4097), 400},
		{true, "sendMessage", strings.Repeat("😀", 2048), 200},
		{true, "sendMessage", strings.Repeat("😀", 2049), 400},
		{false, "sendPhoto", strings.Repeat("😀", 1024), 200},
		{false, "sendPhoto", strings.Repeat("😀", 1025), 400},
		{true, "sendPhoto", strings.Repeat("😀", 513), 400},
	} {
		w := newWorld(t, func(o *Options) { o.CountUTF16 = c.utf16 })
		status, body := w.files(c.method, map[string]string{"chat_id": channel, "text": c.text, "caption": c.text},
			map[string][]byte{"photo": picture(t, 2, 2)})
		require.Equal(t, c.status, status, "%v %s: %.200s", c.utf16, c.method, body)
	}
}

func TestManyEntities(t *testing.T) {
	text := strings.Repeat("<b>a</b> ", 101)
	w := newWorld(t, nil)
	w.ok("sendMessage", "chat_id", channel, "text", text, "parse_mode", "HTML")
	require.Len(t, w.s.Wall()[0].Entities, 100)
	w = newWorld(t, func(o *Options) { o.RefuseManyEntities = true })
	status, _ := w.call("sendMessage", "chat_id", channel, "text", text, "parse_mode", "HTML")
	require.Equal(t, 400, status)
}

func TestLinkPreview(t *testing.T) {
	for _, c := range []struct {
		pairs []string
		want  string
	}{
		{[]string{"text", "vedi https://a.it/x, e https://b.it"}, "https://a.it/x"},
		{[]string{"text", "https://a.it", "link_preview_options", `{"is_disabled":true}`}, ""},
		{[]string{"text", "https://a.it", "disable_web_page_preview", "true"}, ""},
		{[]string{"text", "niente", "link_preview_options", `{"url":"https://c.it"}`}, "https://c.it"},
		{[]string{"text", "a\nhttps://b.it", "entities", `[{"type":"text_link","offset":0,"length":1,"url":"https://a.it"}]`}, "https://a.it"},
	} {
		w := newWorld(t, nil)
		w.ok("sendMessage", append([]string{"chat_id", channel}, c.pairs...)...)
		require.Equal(t, c.want, w.s.Wall()[0].LinkPreview)
	}
}

func TestFaultsSpeakTelegram(t *testing.T) {
	for _, c := range []struct {
		fault  sandbox.Fault
		status int
		body   string
		onWall int
	}{
		{sandbox.Fault{Kind: sandbox.FaultRateLimit, RetryAfter: 3}, 429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}`, 0},
		{sandbox.Fault{Kind: sandbox.FaultUnauthorized}, 401, refusal(401, "Unauthorized"), 0},
		{sandbox.Fault{Kind: sandbox.FaultKicked}, 403, refusal(403, "Forbidden: bot was kicked from the channel chat"), 0},
		{sandbox.Fault{Kind: sandbox.FaultNoTarget}, 400, refusal(400, "Bad Request: chat not found"), 0},
		{sandbox.Fault{Kind: sandbox.FaultMigrate, MigrateTo: -100500}, 400, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100500}}`, 0},
		{sandbox.Fault{Kind: sandbox.FaultServerError}, 500, refusal(500, "Internal Server Error"), 0},
		{sandbox.Fault{Kind: sandbox.FaultServerError, Applied: true}, 500, refusal(500, "Internal Server Error: Request aborted"), 1},
	} {
		w := newWorld(t, nil)
		c.fault.Network, c.fault.Account, c.fault.Method = Network, "-1001", "sendmessage"
		_, err := w.s.Faults().Add(c.fault)
		require.NoError(t, err)
		status, body := w.call("sendMessage", "chat_id", channel, "text", "x")
		require.Equal(t, c.status, status)
		require.Equal(t, c.body, body)
		require.Len(t, w.s.Wall(), c.onWall)
		w.ok("getMe")
	}
}

func TestFixtureIsChecked(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	_, err = New(s, Options{Bots: []Bot{{Token: "senza-cifre", Username: "b"}}, Chats: []Chat{{Username: "c"}}})
	require.ErrorContains(t, err, "token del bot n. 1")
	require.ErrorContains(t, err, "vuole id e titolo")
	require.NotContains(t, err.Error(), "senza-cifre")
}

func TestConcurrentCallersGetDistinctIDs(t *testing.T) {
	w := newWorld(t, nil)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { w.call("sendMessage", "chat_id", channel, "text", "x") })
	}
	group.Wait()
	seen := map[string]bool{}
	for _, item := range w.s.Wall() {
		seen[item.ID] = true
	}
	require.Len(t, seen, 20)
}
