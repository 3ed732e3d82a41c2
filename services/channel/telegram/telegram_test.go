// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	half  = "AAF-abcdefghijklmnopqrstuvwxyz_0123"
	token = "123456789:" + half
)

// api is a Bot API that writes down what it is asked and answers what it is told.
type api struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []asked
	status int
	answer string
}

type asked struct {
	path   string
	form   map[string]string
	files  map[string]string // field: file name and content
	header http.Header
}

const posted = `{"ok":true,"result":{"message_id":7,"date":1795338000,"chat":{"id":-1001234567890,"type":"channel","title":"Prova","username":"cpi_prova"},"text":"x"}}`

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{status: http.StatusOK, answer: posted}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	q := asked{path: r.URL.Path, form: map[string]string{}, files: map[string]string{}, header: r.Header}
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	for k, v := range r.Form {
		q.form[k] = v[0]
	}
	if r.MultipartForm != nil {
		for k, v := range r.MultipartForm.File {
			f, _ := v[0].Open()
			raw, _ := io.ReadAll(f)
			q.files[k] = v[0].Filename + ":" + string(raw)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, q)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.answer)
}

func (a *api) say(status int, answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.answer, a.asked = status, answer, nil
}

// only is the one request that came.
func (a *api) only(t *testing.T) asked {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Len(t, a.asked, 1)
	return a.asked[0]
}

func newChannel(t *testing.T, base string) *Channel {
	t.Helper()
	c, err := New(Options{Token: func() (string, error) { return token + "\n", nil }, Target: "@cpi_prova", APIBase: base})
	require.NoError(t, err)
	t.Cleanup(c.wire.Close)
	return c
}

// store is media by hash.
type store map[string][]byte

func (s store) put(kind, mime, content string) palinsesto.Media {
	sum := sha256.Sum256([]byte(content))
	hash := hex.EncodeToString(sum[:])
	s[hash] = []byte(content)
	return palinsesto.Media{Hash: hash, Filename: "IMG \"1\"\r\n.jpg", Kind: kind, MIME: mime, Bytes: int64(len(content)), Width: 640, Height: 480}
}

func (s store) open(_ context.Context, hash string) (io.ReadCloser, error) {
	raw, ok := s[hash]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

func publish(t *testing.T, c *Channel, d channel.Delivery) (channel.Receipt, error) {
	t.Helper()
	p, err := c.Prepare(t.Context(), d)
	require.NoError(t, err)
	return c.Publish(t.Context(), p)
}

func TestNew(t *testing.T) {
	good := Options{Token: func() (string, error) { return token, nil }, Target: "-1001234567890"}
	for name, c := range map[string]struct {
		change func(*Options)
		wrong  string
	}{
		"fine":            {func(*Options) {}, ""},
		"base with path":  {func(o *Options) { o.APIBase = "http://127.0.0.1:1/telegram/" }, ""},
		"no token":        {func(o *Options) { o.Token = nil }, "token"},
		"no target":       {func(o *Options) { o.Target = "" }, "target"},
		"odd target":      {func(o *Options) { o.Target = "@a b" }, "target"},
		"no scheme":       {func(o *Options) { o.APIBase = "api.telegram.org" }, "api_base"},
		"file":            {func(o *Options) { o.APIBase = "file:///etc" }, "api_base"},
		"query":           {func(o *Options) { o.APIBase = "http://h/?a=%s" }, "api_base"},
		"user in address": {func(o *Options) { o.APIBase = "http://u:p@h" }, "api_base"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.change(&o)
			_, err := New(o)
			if c.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.wrong)
		})
	}
}

func TestText(t *testing.T) {
	a := newAPI(t)
	c := newChannel(t, a.URL+"/a%2Fb")
	text := "😀 <b>Offerta</b> & *più* _info_\n[qui](x) \\ `a`"
	r, err := publish(t, c, channel.Delivery{Silent: true, ReplyTo: "41", Part: palinsesto.Part{Text: text, Spans: []palinsesto.Span{
		{Kind: "bold", Offset: len("😀 "), Length: len("<b>Offerta</b>")},
		{Kind: "link", Offset: strings.Index(text, "qui"), Length: 3, URL: "https://example.org/?a=1&b=2"},
	}}})
	require.NoError(t, err)
	require.Equal(t, []string{"7"}, r.RemoteIDs)
	require.Equal(t, "https://t.me/cpi_prova/7", r.Link)
	require.Equal(t, time.Unix(1795338000, 0).UTC(), r.At)
	require.Equal(t, http.StatusOK, r.Status)
	q := a.only(t)
	require.Equal(t, "/a/b/bot"+token+"/sendMessage", q.path)
	require.Equal(t, map[string]string{
		"chat_id": "@cpi_prova", "text": text, "disable_notification": "true",
		"link_preview_options": `{"is_disabled":true}`,
		"reply_parameters":     `{"message_id":41}`,
		"entities": `[{"type":"bold","offset":3,"length":14},` +
			`{"type":"text_link","offset":34,"length":3,"url":"https://example.org/?a=1\u0026b=2"}]`,
	}, q.form)
}

func TestPlainTextWithPreview(t *testing.T) {
	a := newAPI(t)
	_, err := publish(t, newChannel(t, a.URL), channel.Delivery{Part: palinsesto.Part{Text: "https://example.org", Preview: true}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"chat_id": "@cpi_prova", "text": "https://example.org"}, a.only(t).form)
}

func TestMedia(t *testing.T) {
	s := store{}
	photo, film := s.put("image", "image/jpeg", "jpg"), s.put("video", "video/mp4", "mp4")
	second, srt := s.put("image", "image/png", "png"), s.put("captions", "application/x-subrip", "1")
	bold := []palinsesto.Span{{Kind: "bold", Offset: 0, Length: 4}}
	boldly := `[{"type":"bold","offset":0,"length":4}]`
	for name, c := range map[string]struct {
		media  []palinsesto.Media
		method string
		form   map[string]string
		files  map[string]string
	}{
		"photo": {[]palinsesto.Media{photo}, "sendPhoto",
			map[string]string{"caption": "Ciao", "caption_entities": boldly}, map[string]string{"photo": "image-1.jpg:jpg"}},
		"video with captions": {[]palinsesto.Media{film, srt}, "sendVideo",
			map[string]string{"caption": "Ciao", "caption_entities": boldly, "supports_streaming": "true", "width": "640", "height": "480"},
			map[string]string{"video": "video-1.mp4:mp4"}},
		"album": {[]palinsesto.Media{photo, film, second}, "sendMediaGroup",
			map[string]string{"media": `[{"type":"photo","media":"attach://file-0","caption":"Ciao","caption_entities":` + boldly + `},` +
				`{"type":"video","media":"attach://file-1","width":640,"height":480,"supports_streaming":true},` +
				`{"type":"photo","media":"attach://file-2"}]`},
			map[string]string{"file-0": "image-1.jpg:jpg", "file-1": "video-2.mp4:mp4", "file-2": "image-3.png:png"}},
		"captions alone": {[]palinsesto.Media{srt}, "sendMessage",
			map[string]string{"text": "Ciao", "entities": boldly, "link_preview_options": `{"is_disabled":true}`}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			_, err := publish(t, newChannel(t, a.URL), channel.Delivery{Open: s.open, Part: palinsesto.Part{Text: "Ciao", Spans: bold, Media: c.media}})
			require.NoError(t, err)
			q := a.only(t)
			c.form["chat_id"] = "@cpi_prova"
			require.True(t, strings.HasSuffix(q.path, "/"+c.method), q.path)
			require.Equal(t, c.form, q.form)
			require.Equal(t, c.files, q.files)
		})
	}
}

func TestAlbumReceipt(t *testing.T) {
	a := newAPI(t)
	a.say(http.StatusOK, ` {"ok":true,"result":[{"message_id":8,"date":0,"chat":{"id":-1001234567890}},{"message_id":9,"date":0,"chat":{"id":-1001234567890}}]}`)
	s := store{}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	c, err := New(Options{Token: func() (string, error) { return token, nil }, Target: "-1001234567890", APIBase: a.URL, Clock: func() time.Time { return now }})
	require.NoError(t, err)
	r, err := publish(t, c, channel.Delivery{Open: s.open, Part: palinsesto.Part{
		Media: []palinsesto.Media{s.put("image", "image/jpeg", "a"), s.put("image", "image/jpeg", "b")}}})
	require.NoError(t, err)
	require.Equal(t, []string{"8", "9"}, r.RemoteIDs)
	require.Equal(t, "https://t.me/c/1234567890/8", r.Link, "a private channel")
	require.Equal(t, now, r.At)
	require.NotContains(t, a.only(t).form["media"], "caption")
}

func TestPrepareRefuses(t *testing.T) {
	s := store{}
	photo := s.put("image", "image/jpeg", "jpg")
	longer, other, lost := photo, photo, photo
	longer.Bytes--
	other.Hash = s.put("image", "image/jpeg", "gpj").Hash
	s[photo.Hash] = []byte("jpg")
	s[other.Hash] = []byte("???")
	lost.Hash = strings.Repeat("0", 64)
	many := make([]palinsesto.Media, 11)
	for i := range many {
		many[i] = photo
	}
	for name, c := range map[string]struct {
		d       channel.Delivery
		verdict channel.Verdict
		cause   string
	}{
		"empty":            {channel.Delivery{}, channel.Permanent, "limits"},
		"too long":         {channel.Delivery{Part: palinsesto.Part{Text: strings.Repeat("à", 4097)}}, channel.Permanent, "limits"},
		"caption too long": {channel.Delivery{Open: s.open, Part: palinsesto.Part{Text: strings.Repeat("à", 1025), Media: []palinsesto.Media{photo}}}, channel.Permanent, "limits"},
		"album too long":   {channel.Delivery{Open: s.open, Part: palinsesto.Part{Media: many}}, channel.Permanent, "limits"},
		"span in a rune":   {channel.Delivery{Part: palinsesto.Part{Text: "àà", Spans: []palinsesto.Span{{Kind: "bold", Offset: 1, Length: 2}}}}, channel.Permanent, "limits"},
		"bad reply":        {channel.Delivery{ReplyTo: "x", Part: palinsesto.Part{Text: "a"}}, channel.Permanent, "bad_reply"},
		"no store":         {channel.Delivery{Part: palinsesto.Part{Media: []palinsesto.Media{photo}}}, channel.NotSent, "media_unreadable"},
		"lost":             {channel.Delivery{Open: s.open, Part: palinsesto.Part{Media: []palinsesto.Media{lost}}}, channel.NotSent, "media_unreadable"},
		"longer":           {channel.Delivery{Open: s.open, Part: palinsesto.Part{Media: []palinsesto.Media{longer}}}, channel.Permanent, "media_changed"},
		"other bytes":      {channel.Delivery{Open: s.open, Part: palinsesto.Part{Media: []palinsesto.Media{other}}}, channel.Permanent, "media_changed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newChannel(t, "http://127.0.0.1:1").Prepare(t.Context(), c.d)
			requireError(t, err, c.verdict, c.cause)
		})
	}
}

// requireError looks at what every error must have.
func requireError(t *testing.T, err error, v channel.Verdict, cause string) *channel.Error {
	t.Helper()
	var e *channel.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, v, e.Verdict, "%s: %s", e.Cause, e.Text)
	require.Equal(t, "telegram."+cause, e.Cause)
	require.NotEmpty(t, e.Text)
	require.NotContains(t, e.Text, "{", "a word was left out of the sentence")
	require.LessOrEqual(t, len(e.Raw), 2<<10)
	all := fmt.Sprintf("%v %+v %#v %s %s %v", e, e, e, e.Text, e.Raw, errors.Unwrap(e))
	require.NotContains(t, all, half)
	return e
}

// A token that was changed is read at the next Prepare; a wrong one is the channel's trouble.
func TestToken(t *testing.T) {
	a := newAPI(t)
	now, failing := token, error(nil)
	c, err := New(Options{Token: func() (string, error) { return now, failing }, Target: "@cpi_prova", APIBase: a.URL})
	require.NoError(t, err)
	d := channel.Delivery{Part: palinsesto.Part{Text: "a"}}
	_, err = publish(t, c, d)
	require.NoError(t, err)
	now = "42:other"
	_, err = publish(t, c, d)
	require.NoError(t, err)
	require.Equal(t, "/bot42:other/sendMessage", a.asked[1].path)

	for _, bad := range []string{"", "x", "1:", "1:a/../b", "1:a?b", "1:a%2e", "1:a b", "1:" + strings.Repeat("a", 200)} {
		now = bad
		_, err = c.Prepare(t.Context(), d)
		requireError(t, err, channel.Reconnect, "token_malformed")
	}
	now, failing = token, fmt.Errorf("open /run/token: %w", os.ErrPermission)
	_, err = c.Prepare(t.Context(), d)
	require.ErrorIs(t, requireError(t, err, channel.Reconnect, "token_unreadable"), os.ErrPermission)
}

func TestPreparedShowsNoToken(t *testing.T) {
	p, err := newChannel(t, "http://127.0.0.1:1").Prepare(t.Context(), channel.Delivery{Part: palinsesto.Part{Text: "a"}})
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, p)+fmt.Sprintf(format, p.Data), half)
	}
}

func TestPublishOfAnother(t *testing.T) {
	_, err := newChannel(t, "http://127.0.0.1:1").Publish(t.Context(), channel.Prepared{Data: "x"})
	requireError(t, err, channel.Permanent, "not_prepared")
}

// All chats of a bot share its limits: it is told apart by its number, never by what is secret of the token.
func TestAccount(t *testing.T) {
	for base, rate := range map[string]int{"": ratePerBot, "http://127.0.0.1:1": 0} {
		name, perSecond := newChannel(t, base).Account()
		require.Equal(t, strings.Split(token, ":")[0], name)
		require.Equal(t, rate, perSecond)
	}
	c, err := New(Options{Token: func() (string, error) { return "", errors.New("no file") }, Target: "@cpi_prova"})
	require.NoError(t, err)
	name, perSecond := c.Account()
	require.Empty(t, name)
	require.Zero(t, perSecond)
}
