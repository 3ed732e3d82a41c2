// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, o Options) *Sandbox {
	t.Helper()
	if o.Clock == nil {
		o.Clock = func() time.Time { return noon }
	}
	s, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func note(id, text string) Item {
	return Item{Network: "net", Account: "@a", ID: id, Kind: "text", Text: text, At: noon}
}

func fetch(t *testing.T, s http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body)))
	return w
}

func TestWallSnapshotsDoNotChange(t *testing.T) {
	s := open(t, Options{})
	posted := s.Post(note("1", "uno"), note("2", "due"))
	require.Equal(t, int64(2), posted[1].Seq)
	before := s.Wall()
	_, known := s.Edit("net", "@a", "1", func(i *Item) { i.Text = "UNO" })
	require.True(t, known)
	_, known = s.Edit("net", "@a", "9", func(*Item) { t.Error("changed what is not there") })
	require.False(t, known)
	require.Equal(t, "uno", before[0].Text)
	require.Equal(t, "UNO", s.Wall()[0].Text)
	found, known := s.Find("net", "@a", "2")
	require.True(t, known)
	require.Equal(t, posted[1], found)
}

func TestWaitWakesOnChange(t *testing.T) {
	s := open(t, Options{})
	done := make(chan error, 1)
	go func() {
		done <- s.Wait(t.Context(), func(items []Item) bool { return len(items) == 2 })
	}()
	s.Post(note("1", "uno"))
	s.Post(note("2", "due"))
	require.NoError(t, <-done)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Wait(gone, func([]Item) bool { return false }), context.Canceled)
}

func TestJournalKeepsTheWall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "wall.jsonl")
	first, err := New(Options{File: file})
	require.NoError(t, err)
	hash, err := first.PutMedia([]byte("immagine"))
	require.NoError(t, err)
	first.Post(note("1", "uno"), note("2", "due"))
	first.Edit("net", "@a", "1", func(i *Item) { i.Deleted = true })
	require.NoError(t, first.Close())

	// A kill in mid-write leaves half a line.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"network":"net","acc`)
	require.NoError(t, errors.Join(err, f.Close()))

	second, err := New(Options{File: file})
	require.NoError(t, err)
	wall := second.Wall()
	require.Len(t, wall, 2)
	require.True(t, wall[0].Deleted)
	require.Equal(t, int64(3), second.Post(note("3", "tre"))[0].Seq)
	media, err := second.Media(hash)
	require.NoError(t, err)
	data, err := io.ReadAll(media)
	require.NoError(t, errors.Join(err, media.Close()))
	require.Equal(t, "immagine", string(data))
	require.NoError(t, second.Close())

	third := open(t, Options{File: file})
	require.Len(t, third.Wall(), 3)
	require.NoError(t, third.Reset())
	_, err = third.Media(hash)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Empty(t, open(t, Options{File: file}).Wall())
}

func TestJournalRefusesWhatIsNoJournal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wall.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("non è JSON\n"), 0o600))
	_, err := New(Options{File: file})
	require.ErrorContains(t, err, "riga non valida al byte 0")
}

func TestMediaInMemoryIsBounded(t *testing.T) {
	s := open(t, Options{MaxMediaBytes: 10})
	old, err := s.PutMedia([]byte("12345678"))
	require.NoError(t, err)
	fresh, err := s.PutMedia([]byte("abcdefgh"))
	require.NoError(t, err)
	_, err = s.Media(old)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Media(fresh)
	require.NoError(t, err)
	_, err = s.Media("../../etc/passwd")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestWallJSONFilters(t *testing.T) {
	s := open(t, Options{})
	s.Declare(Account{Network: "net", Name: "@a", ID: "-1"})
	other := note("1", "altrove")
	other.Account = "@b"
	s.Post(note("1", "uno"), other)
	for query, want := range map[string]int{
		"": 2, "?account=@a": 1, "?account=-1": 1, "?account=@A": 1, "?account=@c": 0, "?network=net": 2, "?network=x": 0,
	} {
		var items []Item
		require.NoError(t, json.Unmarshal(fetch(t, s, "GET", "/wall.json"+query, "").Body.Bytes(), &items))
		require.Len(t, items, want, query)
	}
}

func TestMediaIsShownOnlyWhenHarmless(t *testing.T) {
	s := open(t, Options{})
	png, err := s.PutMedia([]byte("\x89PNG\x0D\x0A\x1A\x0A rest"))
	require.NoError(t, err)
	page, err := s.PutMedia([]byte("<html><script>alert(1)</script>"))
	require.NoError(t, err)

	w := fetch(t, s, "GET", "/media/"+png, "")
	require.Equal(t, "image/png", w.Header().Get("Content-Type"))
	w = fetch(t, s, "GET", "/media/"+page, "")
	require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"))
	require.Equal(t, "attachment", w.Header().Get("Content-Disposition"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	for _, path := range []string{"/media/x", "/niente", "/wall", "/telegramma/x"} {
		w = fetch(t, s, "GET", path, "")
		require.Equal(t, http.StatusNotFound, w.Code, path)
		require.Contains(t, w.Body.String(), "Qui non c'è nulla", path)
	}
}

func TestPageShowsTheWallSafely(t *testing.T) {
	s := open(t, Options{})
	s.Declare(Account{Network: "net", Name: "@a", Title: "Canale <A>"}, Account{Network: "net", Name: "@vuoto"})
	edited := noon.Add(time.Hour)
	s.Post(
		Item{
			Network: "net", Account: "@a", ID: "1", Kind: "photo", Text: `<script>x</script> & "b"`, At: noon, Silent: true,
			EditedAt: &edited, Album: "9", Media: []Media{{Kind: "photo", SHA256: strings.Repeat("a", 64), Width: 3, Height: 2}},
		},
		Item{
			Network: "net", Account: "@a", ID: "2", Kind: "photo", At: noon, Album: "9",
			Media: []Media{{Kind: "photo", SHA256: strings.Repeat("b", 64), Alt: `un "testo"`}},
		},
		Item{Network: "net", Account: "@altro", ID: "7", Kind: "text", Text: "fuori", At: noon, Deleted: true},
	)
	w := fetch(t, s, "GET", "/?refresh=10", "")
	body := w.Body.String()
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	for _, want := range []string{
		`lang="it"`, `<main`, `http-equiv="refresh" content="10"`, "Canale &lt;A&gt;", "&lt;script&gt;x&lt;/script&gt; &amp; &#34;b&#34;",
		"senza suono", "modificato 22/11/2026, 14:00:00", "album di 2", "n. 1, 2", `alt="un &#34;testo&#34;"`, "3 per 2 pixel",
		"rimosso", "Ancora nessun messaggio", "2 messaggi ·", `alt="un`,
	} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "<script>x")
	require.NotContains(t, fetch(t, s, "GET", "/?account=@a", "").Body.String(), "fuori")
	require.NotContains(t, fetch(t, s, "GET", "/", "").Body.String(), "http-equiv")
	require.Equal(t, http.StatusOK, fetch(t, s, "GET", "/wall.css", "").Code)
}

func TestPageShowsTheNewestFirstAndOffersTheRest(t *testing.T) {
	s := open(t, Options{})
	for _, id := range []string{"1", "2", "3"} {
		s.Post(note(id, "testo "+id))
	}
	body := fetch(t, s, "GET", "/?limit=2", "").Body.String()
	require.Less(t, strings.Index(body, "testo 3"), strings.Index(body, "testo 2"))
	require.NotContains(t, body, "testo 1")
	require.Contains(t, body, "(3 in tutto)")
}

func TestPagesOfOthersCannotWriteHere(t *testing.T) {
	s := open(t, Options{})
	for _, r := range []*http.Request{
		httptest.NewRequest("POST", "http://localhost/reset", nil),
		httptest.NewRequest("POST", "http://localhost/faults", strings.NewReader(`{"kind":"drop"}`)),
	} {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.Equal(t, http.StatusForbidden, w.Code)
	}
	require.Empty(t, s.Faults().List())
}

func TestRenderText(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		entities []Entity
		want     string
	}{
		"plain":       {"a < b", nil, "a &lt; b"},
		"nested":      {"abc", []Entity{{Type: "bold", Length: 3}, {Type: "italic", Offset: 1, Length: 1}}, "<strong>a<em>b</em>c</strong>"},
		"crossing":    {"abc", []Entity{{Type: "bold", Length: 2}, {Type: "italic", Offset: 1, Length: 2}}, "<strong>a<em>b</em></strong><em>c</em>"},
		"astral":      {"😀b", []Entity{{Type: "bold", Offset: 2, Length: 1}}, "😀<strong>b</strong>"},
		"bare":        {"vedi https://a.it/x?y=1&z, ok", nil, `vedi <a rel="noopener noreferrer nofollow" href="https://a.it/x?y=1&amp;z">https://a.it/x?y=1&amp;z</a>, ok`},
		"link":        {"qui", []Entity{{Type: "text_link", Length: 3, URL: "https://a.it"}}, `<a rel="noopener noreferrer nofollow" href="https://a.it">qui</a>`},
		"script link": {"qui", []Entity{{Type: "text_link", Length: 3, URL: "javascript:alert(1)"}}, "qui"},
		"outside":     {"ab", []Entity{{Type: "bold", Offset: 1, Length: 1 << 62}, {Type: "bold", Offset: -1, Length: 1}}, "ab"},
		"quote":       {"a\nb", []Entity{{Type: "blockquote", Length: 1}}, `<span class="quote">a</span>b`},
	} {
		require.Equal(t, c.want, string(renderText(c.text, c.entities)), name)
	}
}

func FuzzRenderText(f *testing.F) {
	f.Add("<b>😀 https://a.it", "bold", 0, 3, "text_link", 1, 2, `javascript:"><script>`)
	f.Add("abc", "blockquote", 1, 2, "pre", 0, 2, "https://a.it/\"><script>")
	f.Fuzz(func(t *testing.T, text, k1 string, o1, l1 int, k2 string, o2, l2 int, link string) {
		out := string(renderText(text, []Entity{{Type: k1, Offset: o1, Length: l1, URL: link}, {Type: k2, Offset: o2, Length: l2, URL: link}}))
		require.NotContains(t, strings.ToLower(out), "<script")
		require.NotContains(t, strings.ToLower(out), `href="javascript:`)
		require.Equal(t, strings.Count(out, "<span")+strings.Count(out, "<a ")+strings.Count(out, "<code"),
			strings.Count(out, "</span>")+strings.Count(out, "</a>")+strings.Count(out, "</code>"))
	})
}
