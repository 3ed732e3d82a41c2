// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wire makes one HTTP request and tells exactly what became of it: whether any byte of it may
// have left, how long the network took, and the whole answer within a bound. Nothing in it repeats a
// request, follows a redirect or hides a status, so that every adapter classifies the same facts.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// idle is how long a connection may have been unused to be used again. An older one may have been
	// closed by the other side without our knowing: the request would die on it, and a plain failure
	// would become an uncertain one.
	idle = time.Second
	// maxBody bounds an answer. Those of the networks have a few KiB.
	maxBody = 1 << 20
	// maxHeader bounds the head of an answer.
	maxHeader = 64 << 10
	// longest bounds a call whose context has no deadline.
	longest = 5 * time.Minute
	// dialTimeout bounds the setting up of a connection: it fails before the request leaves, so giving
	// up early costs nothing but a retry.
	dialTimeout = 10 * time.Second
)

// ErrTooLong is an answer longer than 1 MiB.
var ErrTooLong = errors.New("wire: answer longer than 1 MiB")

// Transport sends publishing requests. What holds:
//
//   - A request is written at most once. net/http sends again on a reused connection that died if the
//     request has no body, a GetBody, or an idempotent method or Idempotency-Key without a body: ours
//     always have a body that cannot be had twice.
//   - HTTP/1.1 only: HTTP/2 has retries of its own (REFUSED_STREAM, GOAWAY: RFC 9113, section 8.7).
//   - A connection is fresh, or its last answer was read to the end at most a second ago: net/http checks
//     the age by the wall clock when it takes one from the pool and closes it by a timer as well.
//   - Redirects are answers like others.
//
// One Transport serves all channels, so that they share its connections. It is safe for concurrent use.
type Transport struct{ http *http.Transport }

// NewTransport makes a Transport. Proxies are taken from the environment, as an office may have to.
func NewTransport() *Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: -1} // no connection lives long enough for keep-alives
	only := new(http.Protocols)
	only.SetHTTP1(true)
	return &Transport{http: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &counted{Conn: conn}, nil
		},
		Protocols:              only,
		TLSHandshakeTimeout:    dialTimeout,
		DisableCompression:     true, // the bound is on what arrives
		MaxIdleConnsPerHost:    512,  // nearly all requests go to one host
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// Close closes the connections that are not in use.
func (t *Transport) Close() { t.http.CloseIdleConnections() }

// Answer is what became of a call.
type Answer struct {
	Status int         // 0 without an answer
	Header http.Header // nil without an answer
	Body   []byte      // whole when Do gave no error
	Took   time.Duration
	Waited time.Duration // from the last byte of the request to the head of the answer
	Sent   bool          // a byte of the request may have left; false is certain
}

// Do sends req once. An error means that there is no whole answer; Answer then says whether the request
// may have left, and the status if that much arrived. The error's text never holds the URL.
func (t *Transport) Do(ctx context.Context, req *http.Request) (Answer, error) {
	start := time.Now()
	if err := ctx.Err(); err != nil {
		closeBody(req)
		return Answer{}, fmt.Errorf("wire: %w", err)
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	w := &watch{start: start}
	// RoundTrip and not http.Client: the client follows redirects and puts the URL into its errors.
	resp, err := t.http.RoundTrip(once(req.WithContext(w.on(ctx))))
	if err != nil {
		return Answer{Took: time.Since(start), Sent: w.sent()}, fmt.Errorf("wire: %w", err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Waited: w.waited(), Sent: true}
	a.Body, err = read(resp)
	a.Took = time.Since(start)
	if err != nil {
		return a, fmt.Errorf("wire: answer: %w", err)
	}
	return a, nil
}

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, longest)
}

// once makes req one that net/http cannot send a second time.
func once(req *http.Request) *http.Request {
	req.GetBody = nil
	if req.Body == nil || req.Body == http.NoBody {
		// A request without a body counts as one that may be repeated; net/http sees that this reader is
		// empty when it writes it and sends no body either.
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(nil)), 0
	}
	return req
}

func read(resp *http.Response) ([]byte, error) {
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= maxBody {
		b.Grow(int(n) + bytes.MinRead) // room for the read that finds the end
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if n > maxBody {
		return nil, ErrTooLong
	}
	return b.Bytes(), err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read; who writes into it as a pipe learns that it ended
	}
}
