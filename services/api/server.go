// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

// asked is what is known of a request before anything else is done.
type asked struct {
	id      string
	english bool
	who     string // of the access log: the token's id
}

type askedKey struct{}

func askedOf(ctx context.Context) *asked {
	a, _ := ctx.Value(askedKey{}).(*asked)
	if a == nil {
		return &asked{}
	}
	return a
}

func requestID(ctx context.Context) string { return askedOf(ctx).id }
func inEnglish(ctx context.Context) bool   { return askedOf(ctx).english }

// prefersEnglish reads the first language of Accept-Language: the office's is Italian unless another
// is asked for first.
func prefersEnglish(header string) bool {
	first, _, _ := strings.Cut(header, ",")
	tag, _, _ := strings.Cut(strings.TrimSpace(first), ";")
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return base == "en"
}

const (
	bodyWait   = 30 * time.Second
	answerWait = 90 * time.Second // more than a command may take, and a slow line
)

// around is what every request passes through, those of the house's extra handlers included.
func (s *Service) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := &asked{id: uuid.NewString(), english: prefersEnglish(r.Header.Get("Accept-Language"))}
		r = r.WithContext(context.WithValue(r.Context(), askedKey{}, a))
		out := &answer{ResponseWriter: w}
		head := out.Header()
		head.Set("X-Request-Id", a.id)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		c := http.NewResponseController(out)
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(began.Add(bodyWait)) // of a test's recorder there is none
			r.Body = &punctual{r.Body, c}
		}
		_ = c.SetWriteDeadline(began.Add(answerWait))
		defer func() {
			if x := recover(); x != nil {
				s.panicked(out, r, x)
			}
			s.Log.Info("request", "request", a.id, "method", r.Method, "path", cut(r.URL.Path, 200), "status", out.status,
				"bytes", out.bytes, "took", time.Since(began).Round(10*time.Microsecond), "who", a.who)
		}()
		next.ServeHTTP(out, r)
	})
}

// punctual lifts the deadline when the body is there: net/http goes on reading, to notice a client that
// leaves, and would take the deadline for that.
type punctual struct {
	io.ReadCloser
	c *http.ResponseController
}

func (p *punctual) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if errors.Is(err, io.EOF) {
		_ = p.c.SetReadDeadline(time.Time{})
	}
	return n, err
}

// panicked answers as far as the answer has not begun.
func (s *Service) panicked(w *answer, r *http.Request, x any) {
	if x == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		panic(x)
	}
	if w.failed {
		return // the client is gone; huma panics when it cannot write
	}
	s.Log.Error("request panicked", "request", requestID(r.Context()), "method", r.Method, "path", cut(r.URL.Path, 200), "panic", x, "stack", string(debug.Stack()))
	if w.status == 0 {
		s.fail(w, r, faultOfOurs())
	}
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
	failed bool
}

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	w.failed = w.failed || err != nil
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

const methodNotAllowed = "method_not_allowed"

// missing answers where no route is: 404, or 405 where only the method is wrong.
func (s *Service) missing(mux *http.ServeMux, own string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
			if _, pattern := mux.Handler(probe); pattern != own && pattern != "" {
				allow = append(allow, m)
			}
		}
		p := makeProblem(r.Context(), notFound())
		if len(allow) > 0 {
			can := strings.Join(allow, ", ")
			w.Header().Set("Allow", can)
			english := inEnglish(r.Context())
			p.Status, p.Title = http.StatusMethodNotAllowed, pick(english, "Metodo non permesso", "Method not allowed")
			p.Code, p.Type = methodNotAllowed, "urn:palinsesto:problem:"+methodNotAllowed
			p.Detail = pick(english, "A questo indirizzo non si può fare: qui vale "+can+".", "This cannot be done at this address: it takes "+can+".")
		}
		s.fail(w, r, p)
	}
}

var traceForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceOf is the W3C traceparent of a request, or nothing.
func traceOf(header string) string {
	if traceForm.MatchString(header) {
		return header
	}
	return ""
}
