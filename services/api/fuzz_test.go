// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Whatever is asked, by whom and with what body, the answer is what was asked for or a problem: never a
// fault of ours, never without end.
func FuzzRequest(f *testing.F) {
	h := newHouse(f, func(d *Deps) { d.Log = quiet() })
	seg := h.submitted("Bersaglio")
	bodies := []string{`{}`, `null`, `{"version":1,"reason":"x"}`, `{"version":1,"at":"2026-12-01T10:00:00+01:00","variants":[{"channel":"telegram-marche","parts":[{"text":"x"}]}]}`,
		`{"scope":"tag","value":"zz","reason":"x"}`, `{"centre":"ancona","kind":"avviso","title":"T","body":"B","tags":["a"],"media":[{"filename":"a.png","alt":"x"}],"wanted_channels":["telegram"]}`}
	roles := append([]string{""}, "referente-jesi")
	for _, r := range palinsesto.Roles {
		roles = append(roles, string(r))
	}
	for i, r := range table() {
		path := strings.NewReplacer("{id}", seg.ID, "{hash}", strings.Repeat("0", 64)).Replace(r.path)
		f.Add(uint8(i), r.method, path, "application/json", []byte(bodies[i%len(bodies)]))
	}
	f.Add(uint8(2), "GET", "/api/v1/posts?state=queued&limit=2&cursor=AAAA&order=asc&from=2026-01-01", "", []byte(nil))
	f.Add(uint8(2), "GET", "/api/v1/events?after=1", "", []byte(nil))
	f.Add(uint8(2), "POST", "/api/v1/media", "multipart/form-data; boundary=b",
		[]byte("--b\r\nContent-Disposition: form-data; name=\"alt\"\r\n\r\nUna foto\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n"))
	f.Fuzz(func(t *testing.T, who uint8, method, path, kind string, body []byte) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return // net/http answers by itself
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if strings.Contains(u.Path, "events") {
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond) // of itself it has no end
		}
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "/", strings.NewReader(string(body)))
		if err != nil {
			return // no method
		}
		req.URL, req.RequestURI, req.RemoteAddr, req.Host = u, path, "127.0.0.1:1", "x"
		req.Header.Set("Content-Type", kind)
		if role := roles[int(who)%len(roles)]; role != "" {
			req.Header.Set("Authorization", "Bearer "+h.tokens[role])
		}
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, req)
		sound(t, w, u.Path)
	})
}

func sound(t *testing.T, w *httptest.ResponseRecorder, path string) {
	t.Helper()
	// This house has no check, the events are not waited for, and a rebuild may be held up too long.
	away := strings.Contains(path, "check") || strings.Contains(path, "events") || strings.Contains(path, "rebuild")
	if w.Code >= 500 && (w.Code != http.StatusServiceUnavailable || !away) {
		t.Fatalf("%d: %.500s", w.Code, w.Body)
	}
	if w.Code >= 400 && w.Body.Len() > 0 { // none after HEAD
		require.Equal(t, problemType, w.Header().Get("Content-Type"), "%.300s", w.Body)
		require.Less(t, w.Body.Len(), 64<<10)
	}
}
