// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// counted counts the writes on a connection that may have sent something. A write counts from before it
// starts, because the call may be given up while it runs, and no longer once it has failed with nothing
// taken by the kernel.
type counted struct {
	net.Conn
	writes atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	n, err := c.Conn.Write(b)
	if n == 0 && err != nil {
		c.writes.Add(-1)
	}
	return n, err
}

// watch follows one request over whatever connection net/http gives it.
type watch struct {
	start  time.Time
	got    atomic.Bool
	conn   *counted // nil before got, and for a connection that is not of our dialer
	before int64    // its writes before the request: a TLS handshake, earlier requests
	wrote  atomic.Int64
}

func (w *watch) on(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			conn := info.Conn
			if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
				conn = over.NetConn()
			}
			if c, ok := conn.(*counted); ok {
				w.conn, w.before = c, c.writes.Load()
			}
			w.got.Store(true)
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { w.wrote.Store(int64(time.Since(w.start))) },
	})
}

// sent is false only when no byte of the request can have left: there was no connection, or nothing was
// written on it since the request got it. net/http closes the connection of a failed request before it
// returns, so a writer that wakes up later fails. Over TLS the closing alert counts as well: a false
// alarm, on the safe side.
func (w *watch) sent() bool {
	if !w.got.Load() {
		return false
	}
	return w.conn == nil || w.conn.writes.Load() > w.before
}

func (w *watch) waited() time.Duration {
	wrote := time.Duration(w.wrote.Load())
	if wrote == 0 { // the answer came before the end of the request
		return 0
	}
	return time.Since(w.start) - wrote
}
