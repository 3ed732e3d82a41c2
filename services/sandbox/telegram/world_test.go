// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

const (
	token   = "7001:AAE_first-bot"
	witness = "7002:AAE_second-bot"
	guest   = "7003:AAE_no-rights"
	channel = "@cpi_marche"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all  = Rights{Post: true, Edit: true, Delete: true}
)

// world is a sandbox with Telegram on it and a clock that the test moves.
type world struct {
	*testing.T
	s   *sandbox.Sandbox
	h   *Handler
	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{T: t, now: noon}
	var err error
	w.s, err = sandbox.New(sandbox.Options{Clock: w.clock})
	require.NoError(t, err)
	o := Options{
		NoRates: true,
		Bots:    []Bot{{Token: token, Username: "palinsesto_bot"}, {Token: witness, Username: "testimone_bot"}, {Token: guest, Username: "ospite_bot"}},
		Chats: []Chat{
			{ID: -1001, Username: "cpi_marche", Title: "CpI Marche", Members: 12, LinkedID: -1009, Admins: map[int64]Rights{7001: all, 7002: {Post: true}}},
			{ID: -1002, Title: "Prove", Type: "supergroup", Admins: map[int64]Rights{7001: {Post: true}, 7003: {}}},
		},
	}
	if change != nil {
		change(&o)
	}
	w.h, err = New(w.s, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.s.Close()) })
	return w
}

func (w *world) do(r *http.Request) (int, string) {
	answer := httptest.NewRecorder()
	w.s.ServeHTTP(answer, r)
	return answer.Code, strings.TrimSpace(answer.Body.String())
}

// form builds pairs into values.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

func (w *world) as(bot, method string, pairs ...string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/telegram/bot"+bot+"/"+method, strings.NewReader(form(pairs...).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r)
}

func (w *world) call(method string, pairs ...string) (int, string) {
	return w.as(token, method, pairs...)
}

// ok calls and returns the result.
func (w *world) ok(method string, pairs ...string) map[string]any {
	w.Helper()
	status, body := w.call(method, pairs...)
	require.Equal(w, http.StatusOK, status, body)
	var answer struct{ Result map[string]any }
	require.NoError(w, json.Unmarshal([]byte(body), &answer), body)
	return answer.Result
}

func (w *world) files(method string, fields map[string]string, files map[string][]byte) (int, string) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		require.NoError(w, form.WriteField(name, value))
	}
	for name, data := range files {
		part, err := form.CreateFormFile(name, name+".bin")
		require.NoError(w, err)
		_, err = part.Write(data)
		require.NoError(w, err)
	}
	require.NoError(w, form.Close())
	r := httptest.NewRequest(http.MethodPost, "http://localhost/telegram/bot"+token+"/"+method, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.do(r)
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))))
	return out.Bytes()
}

// header is the beginning of a PNG, which is all that is read of it (RFC 2083, 4.1.1).
func header(width, height uint32) []byte {
	chunk := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(chunk[4:], width)
	binary.BigEndian.PutUint32(chunk[8:], height)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

var movie = append([]byte{0, 0, 0, 16}, "ftypisom\x00\x00\x02\x00restofthefile"...)

func refusal(code int, description string) string {
	return `{"ok":false,"error_code":` + strconv.Itoa(code) + `,"description":` + quote(description) + `}`
}

func quote(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}
