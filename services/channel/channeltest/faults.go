// SPDX-License-Identifier: AGPL-3.0-or-later

package channeltest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
)

// Kind is a way in which a network fails.
type Kind string

// The kinds; the sandbox has them under the same names.
const (
	Drop         Kind = "drop"         // the connection is closed without an answer
	Reset        Kind = "reset"        // the same, by a TCP reset
	Half         Kind = "half"         // the answer breaks off in its middle
	ServerError  Kind = "server_error" // 500 in the network's own form
	BadGateway   Kind = "bad_gateway"  // 502 with HTML, from a server in front
	Hang         Kind = "hang"         // no answer until the client leaves
	WrongJSON    Kind = "wrong_json"   // 200 with JSON of another shape
	Endless      Kind = "endless"      // 200 with a body that does not end
	Redirect     Kind = "redirect"     // 307 to the very same address
	Stale        Kind = "stale"        // a true answer, and then the kept connection is closed
	RateLimit    Kind = "rate_limit"   // RetryAfter seconds
	Unauthorized Kind = "unauthorized"
	Kicked       Kind = "kicked" // no permission on the target any more
	NoTarget     Kind = "chat_not_found"
)

// Fault is a failure of every call; Applied: after the call took effect.
type Fault struct {
	Kind       Kind
	Applied    bool
	RetryAfter int
}

// exerciseFaults: under every fault one call is one request, the verdict is what is certain, and the
// adapter is none the worse for the next post.
func exerciseFaults(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range []struct {
		fault   Fault
		verdict channel.Verdict
	}{
		{Fault{Kind: Drop}, channel.Unknown},
		{Fault{Kind: Drop, Applied: true}, channel.Unknown},
		{Fault{Kind: Reset}, channel.Unknown},
		{Fault{Kind: Reset, Applied: true}, channel.Unknown},
		{Fault{Kind: Half}, channel.Unknown},
		{Fault{Kind: Half, Applied: true}, channel.Unknown},
		{Fault{Kind: ServerError}, channel.Unknown},
		{Fault{Kind: ServerError, Applied: true}, channel.Unknown},
		{Fault{Kind: BadGateway}, channel.Unknown},
		{Fault{Kind: BadGateway, Applied: true}, channel.Unknown},
		{Fault{Kind: Hang}, channel.Unknown},
		{Fault{Kind: Hang, Applied: true}, channel.Unknown},
		{Fault{Kind: WrongJSON}, channel.Unknown},
		{Fault{Kind: WrongJSON, Applied: true}, channel.Unknown},
		{Fault{Kind: Endless, Applied: true}, channel.Unknown},
		{Fault{Kind: Redirect}, channel.Unknown},
		{Fault{Kind: RateLimit, RetryAfter: 7}, channel.RetryAfter},
		{Fault{Kind: Unauthorized}, channel.Reconnect},
		{Fault{Kind: Kicked}, channel.Reconnect},
		{Fault{Kind: NoTarget}, channel.Permanent},
	} {
		name := string(c.fault.Kind)
		if c.fault.Applied {
			name += ", applied"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h.bench(t).fault(c.fault, c.verdict)
		})
	}
	t.Run("stale", func(t *testing.T) { t.Parallel(); stale(h.bench(t)) })
}

func (b *bench) fault(f Fault, want channel.Verdict) {
	b.publish(b.delivery(b.part("prima"))) // so that a connection is kept, on which net/http would retry
	p := b.prepare(b.delivery(b.part("post")))
	before := b.world.Requests()
	b.world.Fail(f)
	onWall := 1
	if f.Applied {
		onWall++
	}
	ctx := b.Context()
	if f.Kind == Hang {
		ctx = b.until(func() bool { return b.world.Requests() > before && len(b.world.Wall()) == onWall })
	}
	_, err := b.ch.Publish(ctx, p)
	e := b.failed(err)
	require.Equal(b, want, e.Verdict, "%s: %s", e.Cause, e.Raw)
	require.Equal(b, time.Duration(f.RetryAfter)*time.Second, e.After)
	require.Equal(b, before+1, b.world.Requests(), "one call is one request")
	require.Len(b, b.world.Wall(), onWall)
	b.world.Recover()
	b.publish(b.delivery(b.part("dopo")))
	require.Equal(b, before+2, b.world.Requests())
	require.Len(b, b.world.Wall(), onWall+1)
}

// stale: the server closed the kept connection. The next call may succeed on another or die on this one;
// never does it arrive twice, and what is called not sent did not arrive.
func stale(b *bench) {
	b.world.Fail(Fault{Kind: Stale})
	out := 0
	for i := range 20 {
		p := b.prepare(b.delivery(b.part(fmt.Sprintf("post %d", i))))
		before := b.world.Requests()
		_, err := b.ch.Publish(b.Context(), p)
		arrived := b.world.Requests() - before
		require.LessOrEqual(b, arrived, 1)
		if err == nil {
			require.Equal(b, 1, arrived)
		} else if b.failed(err).Verdict == channel.NotSent {
			require.Zero(b, arrived)
		}
		out += arrived
	}
	require.Len(b, b.world.Wall(), out)
}

// exerciseWires: failures below HTTP, without a network's program.
func exerciseWires(t *testing.T, h Harness) {
	t.Helper()
	refused, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refused.Close())
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	rude := newRude(t)

	for _, c := range []struct {
		name, base string // a scheme alone: of one who listens and does not answer
		want       []channel.Verdict
	}{
		{"connection refused", "http://" + refused.Addr().String(), []channel.Verdict{channel.NotSent}},
		// A label of 64 characters is no name (RFC 1035, 2.3.4): resolvers fail without asking anybody.
		{"no such name", "http://" + strings.Repeat("x", 64) + ".invalid", []channel.Verdict{channel.NotSent}},
		{"unknown certificate", secure.URL, []channel.Verdict{channel.NotSent}},
		{"no TLS", "https://", []channel.Verdict{channel.NotSent}},
		{"no answer", "http://", []channel.Verdict{channel.Unknown}},
		// Whether a byte was taken by the system before the reset came is a race; both are the truth.
		{"reset before a byte was read", "http://" + rude, []channel.Verdict{channel.NotSent, channel.Unknown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := h.bench(t)
			ctx := b.Context()
			if strings.HasSuffix(c.base, "//") {
				addr, heard := newMute(t)
				c.base += addr
				ctx = b.once(heard)
			}
			b.ch = h.New(t, c.base)
			e := b.failed(b.try(ctx))
			require.Contains(t, c.want, e.Verdict, "%s: %s", e.Cause, e.Raw)
			require.Zero(t, e.Status)
		})
	}
}

// try publishes where preparing may need the network as well.
func (b *bench) try(ctx context.Context) error {
	p, err := b.ch.Prepare(ctx, b.delivery(b.part("post")))
	if err == nil {
		_, err = b.ch.Publish(ctx, p)
	}
	return err
}

// newMute listens, and tells when somebody said something; it never answers.
func newMute(t *testing.T) (addr string, heard <-chan struct{}) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	said := make(chan struct{}, 10)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				// At the end of the test, not of the connection: net/http goes on dialling for a while.
				defer context.AfterFunc(t.Context(), func() { _ = conn.Close() })()
				defer conn.Close()
				if n, _ := conn.Read(make([]byte, 1)); n == 1 {
					said <- struct{}{}
				}
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String(), said
}

// newRude listens and resets every connection unread.
func newRude(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// exerciseEchoes: a server that says back all that it was asked, as some proxies do in their error
// pages, gets no secret into anything that is kept.
func exerciseEchoes(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range []struct {
		name   string
		answer func(conn io.Writer, asked []byte)
	}{
		{"in a refusal", func(w io.Writer, asked []byte) { echo(w, "400 Bad Request", asked) }},
		{"in a page", func(w io.Writer, asked []byte) { echo(w, "502 Bad Gateway", asked) }},
		{"in a success", func(w io.Writer, asked []byte) { echo(w, "200 OK", asked) }},
		{"in a redirect", func(w io.Writer, asked []byte) {
			path := strings.Fields(string(asked))[1]
			fmt.Fprintf(w, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1%s\r\nContent-Length: 0\r\n\r\n", path)
		}},
		{"instead of HTTP", func(w io.Writer, asked []byte) { _, _ = w.Write(asked) }},
		{"as a status", func(w io.Writer, asked []byte) { fmt.Fprintf(w, "HTTP/1.1 xyz %s", asked) }},
		{"as a header", func(w io.Writer, asked []byte) {
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %q\r\n\r\n", strings.Fields(string(asked))[1])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := h.bench(t)
			var calls atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				asked, _ := httputil.DumpRequest(r, true)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				c.answer(conn, asked)
			}))
			defer srv.Close()
			b.ch = h.New(t, srv.URL)
			_ = b.failed(b.try(b.Context()))
			require.EqualValues(t, 1, calls.Load())
		})
	}
}

func echo(w io.Writer, status string, asked []byte) {
	fmt.Fprintf(w, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(asked), asked)
}
