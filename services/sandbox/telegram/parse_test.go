// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

type parseCase struct {
	src, text string
	entities  []sandbox.Entity
	err       string
}

func TestHTML(t *testing.T) {
	for _, c := range []parseCase{
		{src: "solo testo & basta", text: "solo testo & basta"},
		{src: "&lt;&gt;&amp;&quot;&#8364;&#x20AC;&nbsp;&#0;", text: `<>&"€€&nbsp;&#0;`},
		{src: "<B>a</b>", text: "a", entities: []sandbox.Entity{{Type: "bold", Length: 1}}},
		{src: "<b>a<i>b</i></b>", text: "ab", entities: []sandbox.Entity{{Type: "bold", Length: 2}, {Type: "italic", Offset: 1, Length: 1}}},
		{src: "😀<u>à</u>", text: "😀à", entities: []sandbox.Entity{{Type: "underline", Offset: 2, Length: 1}}},
		{src: "<b></b>x", text: "x"},
		{src: `<a href='https://a.it/?x=1&amp;y="2"'>q</a>`, text: "q", entities: []sandbox.Entity{{Type: "text_link", Length: 1, URL: `https://a.it/?x=1&y="2"`}}},
		{src: `<a href="javascript:alert(1)">q</a>`, text: "q"},
		{src: `<a>a.it</a>`, text: "a.it", entities: []sandbox.Entity{{Type: "text_link", Length: 4, URL: "http://a.it"}}},
		{src: `<pre><code class="language-go">x</code></pre>`, text: "x", entities: []sandbox.Entity{{Type: "pre", Length: 1, Language: "go"}}},
		{src: `<blockquote expandable>x</blockquote>`, text: "x", entities: []sandbox.Entity{{Type: "expandable_blockquote", Length: 1}}},
		{src: `<tg-emoji emoji-id="5">😀</tg-emoji>`, text: "😀", entities: []sandbox.Entity{{Type: "custom_emoji", Length: 2, CustomEmojiID: "5"}}},
		{src: `<tg-spoiler>x</tg-spoiler><s>y</s>`, text: "xy", entities: []sandbox.Entity{{Type: "spoiler", Length: 1}, {Type: "strikethrough", Offset: 1, Length: 1}}},
		{src: "5 < 6", err: "Unsupported start tag \"\" at byte offset 2"},
		{src: "<script>", err: "Unsupported start tag \"script\""},
		{src: "<b>a", err: "Can't find end tag corresponding to start tag \"b\""},
		{src: "a</b>", err: "Unexpected end tag at byte offset 1"},
		{src: "<b><i>a</b></i>", err: "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""},
		{src: "<b", err: "Unclosed start tag at byte offset 0"},
		{src: `<a href="x`, err: "Unclosed start tag at byte offset 0"},
		{src: `<a "x">`, err: "Empty attribute name in the tag \"a\""},
		{src: "<b>a</b", err: "Unclosed end tag at byte offset 4"},
		{src: `<tg-emoji emoji-id="x">😀</tg-emoji>`, err: "Invalid custom emoji identifier"},
	} {
		check(t, c, parseHTML)
	}
}

func check(t *testing.T, c parseCase, parse func(string) (formatted, error)) {
	t.Helper()
	got, err := parse(c.src)
	if c.err != "" {
		require.ErrorContains(t, err, "Bad Request: can't parse entities: "+c.err, c.src)
		return
	}
	require.NoError(t, err, c.src)
	got, err = (&Handler{}).tidy(got)
	require.NoError(t, err)
	require.Equal(t, c.text, got.text, c.src)
	require.Equal(t, c.entities, got.entities, c.src)
}

func TestMarkdownV2(t *testing.T) {
	for _, c := range []parseCase{
		{src: `a\.b\!`, text: "a.b!"},
		{src: "*a* _b_ __c__ ~d~ ||e||", text: "a b c d e", entities: []sandbox.Entity{
			{Type: "bold", Length: 1}, {Type: "italic", Offset: 2, Length: 1}, {Type: "underline", Offset: 4, Length: 1},
			{Type: "strikethrough", Offset: 6, Length: 1}, {Type: "spoiler", Offset: 8, Length: 1},
		}},
		{src: "*a _b_*", text: "a b", entities: []sandbox.Entity{{Type: "bold", Length: 3}, {Type: "italic", Offset: 2, Length: 1}}},
		{src: "`a.b*` x", text: "a.b* x", entities: []sandbox.Entity{{Type: "code", Length: 4}}},
		{src: "```go\na.b\n```", text: "a.b\n", entities: []sandbox.Entity{{Type: "pre", Length: 4, Language: "go"}}},
		{src: `[q](https://a.it/\)x)`, text: "q", entities: []sandbox.Entity{{Type: "text_link", Length: 1, URL: "https://a.it/)x"}}},
		{src: `![😀](tg://emoji?id=5)`, text: "😀", entities: []sandbox.Entity{{Type: "custom_emoji", Length: 2, CustomEmojiID: "5"}}},
		{src: ">a\n>b\nc", text: "a\nb\nc", entities: []sandbox.Entity{{Type: "blockquote", Length: 3}}},
		{src: ">a||", text: "a", entities: []sandbox.Entity{{Type: "expandable_blockquote", Length: 1}}},
		{src: "a.b", err: `Character '.' is reserved and must be escaped with the preceding '\'`},
		{src: "a>b", err: `Character '>' is reserved`},
		{src: "a!", err: `Character '!' is reserved`},
		{src: "*a", err: "Can't find end of the entity starting at byte offset 0"},
		{src: "*a _b* c_", err: "Can't find end of the entity"},
		{src: ">*a\nb*", err: "Can't find end of the entity"},
		{src: "[q](https://a.it", err: "Can't find end of a URL at byte offset 2"},
		{src: "![x](https://a.it)", err: "Custom emoji entity must contain a tg://emoji URL"},
	} {
		check(t, c, parseMarkdown)
	}
}

// sound holds of whatever was accepted: valid text, entities within it and on characters.
func sound(t *testing.T, f formatted) {
	require.True(t, utf8.ValidString(f.text))
	edges, total := boundaries(f.text)
	for _, e := range f.entities {
		require.NoError(t, within(e, edges, total))
		require.Positive(t, e.Length)
		require.Contains(t, kinds, e.Type)
		require.False(t, strings.HasPrefix(strings.ToLower(e.URL), "javascript"))
	}
}

func fuzzParser(f *testing.F, mode string, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	h := &Handler{}
	f.Fuzz(func(t *testing.T, src string) {
		if parsed, err := h.parse(src, mode, ""); err == nil {
			sound(t, parsed)
			require.LessOrEqual(t, len(parsed.text), len(src))
		}
	})
}

func FuzzHTML(f *testing.F) {
	fuzzParser(f, "HTML", `<b>a<i>😀</i></b>`, `<a href="https://a.it">x</a>`, `<pre><code class="language-x">y</code></pre>`, "&#x1F600;&lt", "<")
}

func FuzzMarkdownV2(f *testing.F) {
	fuzzParser(f, "MarkdownV2", "*a _b_*", "```go\nx\n```", `[q](https://a.it)`, ">a\n>b||\nc", "**>x", "![😀](tg://emoji?id=5)", `\`)
}

func FuzzExplicitEntities(f *testing.F) {
	f.Add("a😀b", `[{"type":"bold","offset":1,"length":2}]`)
	f.Add("ab", `[{"type":"text_link","offset":-1,"length":99,"url":"javascript:x"}]`)
	h := &Handler{}
	f.Fuzz(func(t *testing.T, text, list string) {
		if parsed, err := h.parse(text, "", list); err == nil {
			sound(t, parsed)
			require.Equal(t, text, parsed.text)
		}
	})
}

// FuzzEntry throws bodies of every type at every method: an answer comes, in JSON, and no panic.
func FuzzEntry(f *testing.F) {
	f.Add("application/json", "sendMessage", []byte(`{"chat_id":"@cpi_marche","text":"x","entities":null}`))
	f.Add("application/x-www-form-urlencoded", "editMessageText", []byte("chat_id=%40cpi_marche&message_id=1&text=y"))
	f.Add("multipart/form-data; boundary=b", "sendPhoto", []byte("--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("application/json", "sendMediaGroup", []byte(`{"chat_id":-1001,"media":[{"type":"photo","media":"attach://a"},{}]}`))
	f.Add("application/json", "deleteMessages", []byte(`{"chat_id":-1001,"message_ids":[1,2]}`))
	f.Fuzz(func(t *testing.T, kind, method string, body []byte) {
		if strings.EqualFold(method, "getUpdates") {
			return // it may wait, by contract
		}
		s, err := sandbox.New(sandbox.Options{})
		require.NoError(t, err)
		h, err := New(s, Options{NoRates: true, Bots: []Bot{{Token: token, Username: "b"}}, Chats: []Chat{{ID: -1001, Username: "cpi_marche", Title: "x", Admins: map[int64]Rights{7001: all}}}})
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(string(body)))
		r.URL.Path = "/bot" + token + "/" + method
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Contains(t, w.Body.String(), `"ok":`)
		for _, item := range s.Wall() {
			sound(t, formatted{item.Text, item.Entities})
		}
	})
}
