// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func post(t *testing.T, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	return req
}

// peer is a server that counts what reaches it and answers the nth request by script.
type peer struct {
	url      string
	requests atomic.Int64
	conns    atomic.Int64
}

// newPeer serves raw connections: act is told how many requests this connection had and whether to go on.
func newPeer(t *testing.T, act func(conn net.Conn, nth int) bool) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &peer{url: "http://" + l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			wg.Go(func() { p.serve(conn, act) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return p
}

func (p *peer) serve(conn net.Conn, act func(net.Conn, int) bool) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for nth := 1; ; nth++ {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		p.requests.Add(1)
		if !act(conn, nth) {
			return
		}
	}
}

func say(conn net.Conn, text string) { _, _ = io.WriteString(conn, text) }

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestAnswerIsWhole(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Proto)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(bytes.ToUpper(body))
	}))
	defer srv.Close()
	a, err := NewTransport().Do(t.Context(), post(t, srv.URL, "ciao"))
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, a.Status)
	require.Equal(t, "CIAO", string(a.Body))
	require.Equal(t, "HTTP/1.1", a.Header.Get("X-Seen"))
	require.True(t, a.Sent)
	require.Positive(t, a.Took)
}

// A second request on a kept connection that dies under it is the case in which net/http sends again. The
// servers of the table answer the first request and fail the second in every way that net/http knows.
func TestNothingIsSentTwice(t *testing.T) {
	deaths := map[string]func(net.Conn){
		"close":     func(net.Conn) {},
		"reset":     func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"half head": func(c net.Conn) { say(c, "HTTP/1.1 200 OK\r\nContent-") },
		"half body": func(c net.Conn) { say(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok") },
		"not HTTP":  func(c net.Conn) { say(c, "SSH-2.0-OpenSSH_9.2\r\n") },
	}
	requests := map[string]func(t *testing.T, url string) *http.Request{
		"form": func(t *testing.T, url string) *http.Request { return post(t, url, "chat_id=1&text=a") },
		"with a key": func(t *testing.T, url string) *http.Request {
			req := post(t, url, "a")
			req.Header.Set("Idempotency-Key", "k")
			return req
		},
		"no body, with a key": func(t *testing.T, url string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, url, nil)
			require.NoError(t, err)
			req.Header.Set("X-Idempotency-Key", "k")
			return req
		},
		"get": func(t *testing.T, url string) *http.Request {
			req, err := http.NewRequest(http.MethodGet, url, nil)
			require.NoError(t, err)
			return req
		},
		"stream": func(t *testing.T, url string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, url, io.MultiReader(strings.NewReader("a"), strings.NewReader("b")))
			require.NoError(t, err)
			return req
		},
	}
	for death, die := range deaths {
		for kind, make := range requests {
			t.Run(kind+"/"+death, func(t *testing.T) {
				p := newPeer(t, func(conn net.Conn, nth int) bool {
					if nth == 1 {
						say(conn, fine)
						return true
					}
					die(conn)
					return false
				})
				tr := NewTransport()
				defer tr.Close()
				_, err := tr.Do(t.Context(), make(t, p.url))
				require.NoError(t, err)
				a, err := tr.Do(t.Context(), make(t, p.url))
				require.Error(t, err)
				require.True(t, a.Sent)
				require.EqualValues(t, 2, p.requests.Load(), "the second request was sent again")
				require.EqualValues(t, 1, p.conns.Load(), "the case needs the same connection")
			})
		}
	}
}

// The same against a connection that the other side closed while it was idle: whichever of the two sides
// notices first, at most one request arrives, and what did not arrive is not called sent unless it may be.
func TestDeadIdleConnection(t *testing.T) {
	for range 200 {
		p := newPeer(t, func(conn net.Conn, _ int) bool { say(conn, fine); return false })
		tr := NewTransport()
		_, err := tr.Do(t.Context(), post(t, p.url, "one"))
		require.NoError(t, err)
		before := p.requests.Load()
		a, err := tr.Do(t.Context(), post(t, p.url, "two"))
		got := p.requests.Load() - before
		if err == nil {
			require.EqualValues(t, 1, got)
		} else {
			require.Zero(t, got)
		}
		if !a.Sent {
			require.Zero(t, got)
		}
		tr.Close()
	}
}

func TestOldConnectionIsNotUsed(t *testing.T) {
	tr := NewTransport()
	defer tr.Close()
	require.Equal(t, time.Second, tr.http.IdleConnTimeout)
	tr.http.IdleConnTimeout = time.Nanosecond // so that none is young enough, without waiting a second
	p := newPeer(t, func(conn net.Conn, _ int) bool { say(conn, fine); return true })
	for range 3 {
		_, err := tr.Do(t.Context(), post(t, p.url, "a"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, p.conns.Load())
}

func TestConnectionsAreKept(t *testing.T) {
	p := newPeer(t, func(conn net.Conn, _ int) bool { say(conn, fine); return true })
	tr := NewTransport()
	defer tr.Close()
	for range 20 {
		_, err := tr.Do(t.Context(), post(t, p.url, "a"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, p.conns.Load())
}

func TestNotSent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nobody answers
	require.NoError(t, err)
	defer mute.Close()

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	soon, stopSoon := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stopSoon()
	for _, c := range []struct {
		name, url, kind string
		ctx             context.Context
	}{
		{"refused", "http://" + closed.Addr().String(), "unreachable", t.Context()},
		{"no such name", "http://" + strings.Repeat("x", 64) + ".invalid", "dns", t.Context()},
		{"unknown certificate", secure.URL, "tls", t.Context()},
		{"no TLS at all", strings.Replace(plain.URL, "http:", "https:", 1), "tls", t.Context()},
		{"handshake without an answer", "https://" + mute.Addr().String(), "late", soon},
		{"cancelled before", plain.URL, "cancelled", gone},
		{"too late before", plain.URL, "late", late},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := NewTransport().Do(c.ctx, post(t, c.url, "a"))
			require.Error(t, err)
			require.False(t, a.Sent)
			require.Zero(t, a.Status)
			require.Equal(t, c.kind, unsentKind(err), "%v", err)
		})
	}
}

func TestSent(t *testing.T) {
	heard := make(chan struct{}, 1)
	// Until the client leaves: then the read ends.
	hang := func(c net.Conn) { heard <- struct{}{}; _, _ = c.Read(make([]byte, 1)) }
	cases := map[string]struct {
		act  func(net.Conn, int) bool
		kind string
	}{
		"closed":      {func(net.Conn, int) bool { return false }, "cut"},
		"half a body": {func(c net.Conn, _ int) bool { say(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"); return false }, "cut"},
		"half a chunk": {func(c net.Conn, _ int) bool {
			say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
			return false
		}, "cut"},
		"slow":      {func(c net.Conn, _ int) bool { hang(c); return false }, "timeout"},
		"slow body": {func(c net.Conn, _ int) bool { say(c, "HTTP/1.1 200 OK\r\n\r\n{"); hang(c); return false }, "timeout"},
		"endless head": {func(c net.Conn, _ int) bool {
			say(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", maxHeader+1))
			return false
		}, "cut"},
		"endless body": {func(c net.Conn, _ int) bool {
			say(c, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", maxBody+1))
			return false
		}, "endless"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, c.act)
			ctx, late := context.WithCancelCause(t.Context())
			defer late(nil)
			if c.kind == "timeout" {
				go func() { <-heard; late(context.DeadlineExceeded) }()
			}
			a, err := NewTransport().Do(ctx, post(t, p.url, "a"))
			require.Error(t, err)
			require.True(t, a.Sent)
			require.Equal(t, c.kind, sentKind(err), "%v", err)
			require.EqualValues(t, 1, p.requests.Load())
		})
	}
}

func TestRedirectIsAnAnswer(t *testing.T) {
	p := newPeer(t, func(c net.Conn, _ int) bool {
		say(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
		return true
	})
	a, err := NewTransport().Do(t.Context(), post(t, p.url, "a"))
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, a.Status)
	require.EqualValues(t, 1, p.requests.Load())
}

// The body of a call that never starts is closed, so that a goroutine that feeds it can end.
func TestBodyIsClosed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:1", r)
	require.NoError(t, err)
	_, err = NewTransport().Do(ctx, req)
	require.ErrorIs(t, err, context.Canceled)
	_, err = w.Write([]byte("a"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// A body that fails while it is sent: what left may have been enough.
func TestBodyFails(t *testing.T) {
	p := newPeer(t, func(c net.Conn, _ int) bool { say(c, fine); return true })
	broken := io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) { return 0, errors.New("store gone") }))
	req, err := http.NewRequest(http.MethodPost, p.url, broken)
	require.NoError(t, err)
	_, err = NewTransport().Do(t.Context(), req)
	require.ErrorContains(t, err, "store gone")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestConcurrent(t *testing.T) {
	p := newPeer(t, func(conn net.Conn, _ int) bool { say(conn, fine); return true })
	tr := NewTransport()
	defer tr.Close()
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for range 20 {
		wg.Go(func() {
			for range 10 {
				req, err := http.NewRequest(http.MethodPost, p.url, strings.NewReader("a"))
				if err == nil {
					_, err = tr.Do(t.Context(), req)
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, 200, p.requests.Load())
}

func BenchmarkDo(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) }))
	defer srv.Close()
	body := strings.Repeat("a", 800)
	for _, c := range []struct {
		name  string
		fresh bool
	}{{"kept", false}, {"fresh", true}} {
		b.Run(c.name, func(b *testing.B) {
			tr := NewTransport()
			tr.http.DisableKeepAlives = c.fresh
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, _ := http.NewRequest(http.MethodPost, srv.URL, strings.NewReader(body))
					if _, err := tr.Do(b.Context(), req); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
	b.Run("plain client", func(b *testing.B) {
		b.ReportAllocs()
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				resp, err := client.Post(srv.URL, "text/plain", strings.NewReader(body))
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	})
}

// Over TLS the writes are counted below it; a server that offers HTTP/2 is spoken to in HTTP/1.1 all the
// same.
func TestTLS(t *testing.T) {
	var requests atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) == 3 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	tr := NewTransport()
	defer tr.Close()
	tr.http.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	tr.http.TLSClientConfig.RootCAs.AddCert(srv.Certificate())
	for range 2 {
		a, err := tr.Do(t.Context(), post(t, srv.URL, "a"))
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1", string(a.Body))
	}
	a, err := tr.Do(t.Context(), post(t, srv.URL, "a"))
	require.Error(t, err)
	require.True(t, a.Sent)
	require.EqualValues(t, 3, requests.Load())

	// The handshake itself wrote; without a byte of a request that counts for nothing.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a, err = tr.Do(gone, post(t, srv.URL, "a"))
	require.Error(t, err)
	require.False(t, a.Sent)
}

// A write that fails with nothing taken did not send; one that is under way, or took a part, may have.
func TestCountedWrites(t *testing.T) {
	for name, c := range map[string]struct {
		n    int
		err  error
		want int64
	}{"whole": {3, nil, 1}, "part": {1, io.ErrShortWrite, 1}, "nothing": {0, net.ErrClosed, 0}} {
		t.Run(name, func(t *testing.T) {
			conn := &counted{}
			conn.Conn = fakeConn{write: func() (int, error) {
				require.EqualValues(t, 1, conn.writes.Load(), "counts while it runs")
				return c.n, c.err
			}}
			n, err := conn.Write([]byte("abc"))
			require.Equal(t, c.n, n)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, conn.writes.Load())
		})
	}
}

type fakeConn struct {
	net.Conn
	write func() (int, error)
}

func (f fakeConn) Write([]byte) (int, error) { return f.write() }
