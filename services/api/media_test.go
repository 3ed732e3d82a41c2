// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// form makes a multipart body; a field whose name begins with @ is a file.
func form(t testing.TB, fields ...string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		if name, ok := strings.CutPrefix(fields[i], "@"); ok {
			part, err := w.CreateFormFile(name, "../../Foto dello sportello.png")
			require.NoError(t, err)
			_, err = part.Write([]byte(fields[i+1]))
			require.NoError(t, err)
			continue
		}
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	require.NoError(t, w.Close())
	return b.Bytes(), w.FormDataContentType()
}

func TestUploadAndSee(t *testing.T) {
	h := newHouse(t)
	const alt = "Ingresso dello sportello con la rampa"
	body, kind := form(t, "@file", string(picture()), "alt", alt)
	r := h.ask("referente", "POST", "/api/v1/media", body, "Content-Type", kind)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	var m MediaView
	r.json(t, &m)
	require.Equal(t, "image", m.Kind)
	require.Equal(t, alt, m.Alt)
	require.NotContains(t, m.Filename, "/", "a name and no path")
	require.Equal(t, "/api/v1/media/"+m.ID, r.header.Get("Location"))

	require.Equal(t, http.StatusOK, h.ask("referente", "GET", "/api/v1/media/"+m.ID, nil).status, "the own centre brought it")
	theirs := notice("Con una foto di altri")
	theirs["centre"], theirs["media"] = "jesi", []any{map[string]any{"id": m.ID, "filename": "foto.png", "alt": alt}}
	refused := h.ask("referente-jesi", "POST", "/api/v1/segnalazioni", theirs)
	require.Equal(t, http.StatusUnprocessableEntity, refused.status, "a hash that one has heard of opens nothing: %s", refused.body)
	require.Equal(t, "media[0].id", refused.problem(t).Problems[0].Field)
	doc := notice("Con una foto")
	doc["media"] = []any{map[string]any{"id": m.ID, "filename": "foto.png", "alt": alt}}
	seg := h.ask("referente", "POST", "/api/v1/segnalazioni", doc)
	require.Equal(t, http.StatusCreated, seg.status, seg.body)
	h.indexed()
	for who, status := range map[string]int{"referente": 200, "redattore": 200, "lettore": 200, "referente-jesi": 404} {
		got := h.ask(who, "GET", "/api/v1/media/"+m.ID, nil)
		require.Equal(t, status, got.status, "%s: %s", who, got.body)
		if status != http.StatusOK {
			continue
		}
		require.Len(t, got.body, int(m.Bytes))
		require.Equal(t, m.MIME, got.header.Get("Content-Type"))
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "sandbox; default-src 'none'", got.header.Get("Content-Security-Policy"))
		require.Equal(t, fmt.Sprintf(`inline; filename="%s.%s"`, m.ID[:16], shown[m.MIME]), got.header.Get("Content-Disposition"))
	}
	for _, odd := range []string{strings.Repeat("a", 64), "x", "..%2f..%2fetc", strings.ToUpper(m.ID)} {
		require.Equal(t, http.StatusNotFound, h.ask("admin", "GET", "/api/v1/media/"+odd, nil).status, odd)
	}
}

func TestUploadRefuses(t *testing.T) {
	h := newHouse(t)
	huge := bytes.Repeat([]byte("x"), 1<<20+1)
	send := func(body []byte, contentType, query string) reply {
		return h.ask("referente", "POST", "/api/v1/media"+query, body, "Content-Type", contentType)
	}
	sendForm := func(fields ...string) reply {
		body, kind := form(t, fields...)
		return send(body, kind, "")
	}
	for name, c := range map[string]struct {
		got    reply
		status int
		field  string
	}{
		"raw without a name":        {send(picture(), "image/png", ""), 422, "filename"},
		"raw and too large":         {send(huge, "image/png", "?filename=a.png"), 413, ""},
		"a form without a file":     {sendForm("alt", "x"), 422, "file"},
		"two files":                 {sendForm("@file", "a", "@file", "b"), 422, "file"},
		"an unknown field":          {sendForm("centre", "jesi", "@file", "a"), 422, "centre"},
		"a file too large":          {sendForm("@file", string(huge)), 413, ""},
		"words too many":            {sendForm("alt", strings.Repeat("x", wordsMost+1)), 413, ""},
		"a form that is none":       {send([]byte("hello"), "multipart/form-data; boundary=x", ""), 422, ""},
		"a form without a boundary": {send([]byte("hello"), "multipart/form-data", ""), 422, ""},
		"no picture":                {send([]byte("<svg onload=alert(1)>"), "image/png", "?filename=a.png&alt=Uno+sportello"), 422, ""},
		"nothing":                   {send(nil, "image/png", "?filename=a.png"), 422, ""},
	} {
		require.Equal(t, c.status, c.got.status, "%s: %s", name, c.got.body)
		p := c.got.problem(t)
		if c.field != "" {
			require.Equal(t, c.field, p.Problems[0].Field, name)
		}
	}
}

// One access has no more than its places; the others go on.
func TestPlacesAreForEverybody(t *testing.T) {
	p := newPlaces(3, 2)
	one, ok := p.take("one")
	require.True(t, ok)
	_, ok = p.take("one")
	require.True(t, ok)
	_, ok = p.take("one")
	require.False(t, ok, "a third of the same")
	_, ok = p.take("other")
	require.True(t, ok)
	_, ok = p.take("third")
	require.False(t, ok, "a fourth of all")
	one()
	one()
	_, ok = p.take("third")
	require.True(t, ok)
	_, ok = p.take("fourth")
	require.False(t, ok, "a place is left once")
}

// Who gives a byte now and then does not keep a place for ever.
func TestSlowUploadsEnd(t *testing.T) {
	began := time.Now()
	l := &slowly{began: began}
	require.Equal(t, began.Add(stall), l.until(began))
	require.Equal(t, began.Add(slack), l.until(began.Add(slack-time.Second)), "hardly a byte in a minute")
	l.got = 60 * leastRate
	require.Equal(t, began.Add(slack+stall), l.until(began.Add(slack)), "a line that is slow and steady")
	require.Equal(t, began.Add(2*slack), l.until(began.Add(2*slack-1)))
}

// What was received in vain does not lie about: it may name a place.
func TestUploadInVainIsDropped(t *testing.T) {
	h := newHouse(t)
	cmd := palinsesto.AcceptMedia{}
	require.NoError(t, h.store(t.Context(), strings.NewReader("un file"), &cmd))
	h.drop(t.Context(), cmd.Upload)
	_, err := h.Bus.TakeUpload(t.Context(), cmd.Upload, 100)
	require.ErrorIs(t, err, bus.ErrNone)
	h.drop(t.Context(), cmd.Upload)
	require.NotContains(t, h.said.String(), "stays for an hour")
}

func TestDownloadsAreBounded(t *testing.T) {
	h := newHouse(t)
	body, kind := form(t, "@file", string(picture()), "alt", "Ingresso dello sportello con la rampa")
	var m MediaView
	h.ask("referente", "POST", "/api/v1/media", body, "Content-Type", kind).json(t, &m)
	var leave func()
	for range downloadsOfOne {
		leave, _ = h.downloads.take("token:" + h.ids["referente"])
	}
	r := h.ask("referente", "GET", "/api/v1/media/"+m.ID, nil)
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Equal(t, "busy", r.problem(t).Code)
	require.Equal(t, http.StatusOK, h.ask("redattore", "GET", "/api/v1/media/"+m.ID, nil).status, "another access")
	leave()
	require.Equal(t, http.StatusOK, h.ask("referente", "GET", "/api/v1/media/"+m.ID, nil).status, "a place is left again")
}

func TestUploadsAreBounded(t *testing.T) {
	h := newHouse(t)
	r, w := io.Pipe()
	defer w.Close()
	for range uploadsOfOne {
		_, ok := h.uploads.take("token:" + h.ids["referente"])
		require.True(t, ok)
	}
	req, err := http.NewRequest(http.MethodPost, h.url+"/api/v1/media?filename=a.png", r)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+h.tokens["referente"])
	go func() { _, _ = w.Write([]byte("x")) }()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "told before the file is read")
}
