// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// proxy stands between the house and the sandbox and does what a bad line does. A request is handed on
// at once or never: one that is held back and let go later would be published by the network itself,
// after everybody has given it up, and no house can help that.
type proxy struct {
	addr string
	to   string

	mu       sync.Mutex
	listener net.Listener
	on       []struck // faults, of which several may be on at once
	dice     *rand.Rand
	conns    map[net.Conn]struct{}
	certs    *certificates // nil: in the clear
	ended    chan struct{} // closed when the fault that is on ends
}

// struck is a fault and its share of the requests.
type struck struct {
	how   lineFault
	share float64
}

// lineFault is what the line does to a request.
type lineFault string

const (
	lineWell      lineFault = ""
	lineRefused   lineFault = "refused"    // nobody listens
	lineReset     lineFault = "reset"      // reset before the request was handed on
	lineResetSent lineFault = "reset-sent" // handed on, then reset without an answer
	lineHang      lineFault = "hang"       // taken, not handed on, no answer
	lineHangSent  lineFault = "hang-sent"  // handed on, no answer
	lineHalf      lineFault = "half"       // half of the answer
	lineGarbage   lineFault = "garbage"    // something that is no HTTP
	lineBadCert   lineFault = "bad-cert"   // a certificate of somebody else
	lineNoTLS     lineFault = "no-tls"     // closed in the handshake
)

func openProxy(addr, to string, dice *rand.Rand, certs *certificates) (*proxy, error) {
	p := &proxy{addr: addr, to: to, dice: dice, certs: certs, conns: map[net.Conn]struct{}{}, ended: make(chan struct{})}
	return p, p.listen()
}

func (p *proxy) listen() error {
	l, err := net.Listen("tcp", p.addr) //nolint:noctx // at once or not at all
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	go p.accept(l)
	return nil
}

func (p *proxy) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go p.serve(conn)
	}
}

// begin turns a fault on, end off: what hangs then is cut, and never handed on.
func (p *proxy) begin(f lineFault, share float64) {
	p.mu.Lock()
	p.on = append(p.on, struck{f, share})
	l := p.listener
	p.mu.Unlock()
	if f == lineRefused {
		_ = l.Close()
		p.cutAll()
	}
}

func (p *proxy) end(f lineFault) error {
	is := func(x struck) bool { return x.how == f }
	p.mu.Lock()
	if i := slices.IndexFunc(p.on, is); i >= 0 {
		p.on = slices.Delete(p.on, i, i+1)
	}
	again := f == lineRefused && !slices.ContainsFunc(p.on, is)
	close(p.ended)
	p.ended = make(chan struct{})
	p.mu.Unlock()
	if again {
		return p.listen()
	}
	return nil
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// strike tells what happens to one request or handshake.
func (p *proxy) strike() (lineFault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.on {
		if p.dice.Float64() < x.share {
			return x.how, p.ended
		}
	}
	return lineWell, p.ended
}

func (p *proxy) serve(raw net.Conn) {
	p.mu.Lock()
	p.conns[raw] = struct{}{}
	p.mu.Unlock()
	defer func() {
		_ = raw.Close()
		p.mu.Lock()
		delete(p.conns, raw)
		p.mu.Unlock()
	}()
	conn := raw
	if p.certs != nil {
		how, _ := p.strike()
		if how == lineNoTLS {
			reset(raw)
			return
		}
		conn = tls.Server(raw, p.certs.server(how == lineBadCert))
	}
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if !p.one(conn, raw, req) {
			return
		}
	}
}

// one serves one request; false closes the connection.
func (p *proxy) one(conn, raw net.Conn, req *http.Request) bool {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return false
	}
	how, ended := p.strike()
	switch how {
	case lineReset:
		reset(raw)
		return false
	case lineHang:
		waitFor(ended)
		return false
	case lineGarbage:
		_, _ = conn.Write([]byte("\x00\x15 niente di tutto questo \r\n\r\n"))
		return false
	default:
	}
	answer, err := p.handOn(req, body)
	if err != nil {
		reset(raw)
		return false
	}
	switch how {
	case lineResetSent:
		reset(raw)
		return false
	case lineHangSent:
		waitFor(ended)
		return false
	case lineHalf:
		_, _ = conn.Write(answer[:len(answer)*2/3])
		return false
	default:
		_, err = conn.Write(answer)
		return err == nil && !req.Close
	}
}

// handOn asks the sandbox and gives its answer as it came. What is cut there is cut here.
func (p *proxy) handOn(req *http.Request, body []byte) ([]byte, error) {
	out, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(req.Context(), "tcp", p.to)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	_ = out.SetDeadline(time.Now().Add(4 * callTimeout)) // longer than the house waits
	req.Body, req.ContentLength, req.Close = io.NopCloser(bytes.NewReader(body)), int64(len(body)), false
	if err := req.Write(out); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(out), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var buf bytes.Buffer
	// An endless answer goes on for longer than any client reads.
	whole, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	resp.Body = io.NopCloser(bytes.NewReader(whole))
	if err != nil || len(whole) == answerMost {
		resp.ContentLength = int64(len(whole)) + 1 // promised and not kept
		_ = resp.Write(&buf)
		return buf.Bytes(), nil
	}
	resp.ContentLength = int64(len(whole))
	err = resp.Write(&buf)
	return buf.Bytes(), err
}

const answerMost = 4 << 20

func reset(conn net.Conn) {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// waitFor holds a request until the fault ends, at most for longer than any call lasts.
func waitFor(ended <-chan struct{}) {
	t := time.NewTimer(4 * callTimeout)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	}
}

// openProxies puts a line in the clear and one with TLS before the sandbox.
func (w *world) openProxies(ctx context.Context) (err error) {
	certs, err := newCertificates(w.authority())
	if err != nil {
		return err
	}
	for _, line := range []struct {
		to    **proxy
		name  string
		certs *certificates
	}{{&w.plain, "plain", nil}, {&w.tls, "tls", certs}} {
		addr, err := w.r.freeAddr()
		if err != nil {
			return err
		}
		if *line.to, err = openProxy(addr, w.control, w.r.dice("line "+line.name), line.certs); err != nil {
			return err
		}
	}
	context.AfterFunc(ctx, w.closeProxies)
	return nil
}

func (w *world) closeProxies() {
	for _, p := range []*proxy{w.plain, w.tls} {
		if p != nil {
			p.mu.Lock()
			l := p.listener
			p.mu.Unlock()
			_ = l.Close()
			p.cutAll()
		}
	}
}
