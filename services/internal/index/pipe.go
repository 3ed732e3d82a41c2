// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// newPipe is a connection inside the process. net.Pipe would not do: it has no buffer, so that a client
// that writes a whole pipeline before it reads, and a server that answers each command at once, wait for
// each other for ever. Here the server's answers are buffered without bound (they are bounded by what
// the client has asked), so that it always reads on; what the client writes is held back when the server
// does not keep up.
func newPipe() (client, server net.Conn) {
	asks, answers := newHalf(askBuffer), newHalf(0)
	return &pipeEnd{read: answers, write: asks}, &pipeEnd{read: asks, write: answers}
}

const (
	askBuffer = 128 << 10
	keep      = 64 << 10 // how much memory an empty half keeps
)

type half struct {
	mu       sync.Mutex
	readable sync.Cond
	writable sync.Cond
	bound    int // 0: none
	buf      []byte
	at       int
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

func newHalf(bound int) *half {
	h := &half{bound: bound}
	h.readable.L, h.writable.L = &h.mu, &h.mu
	return h
}

func (h *half) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.at == len(h.buf) {
		if h.closed {
			return 0, io.EOF
		}
		if !h.deadline.IsZero() && !time.Now().Before(h.deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		h.readable.Wait()
	}
	n := copy(p, h.buf[h.at:])
	h.at += n
	if h.at == len(h.buf) {
		h.buf, h.at = h.buf[:0], 0
		if cap(h.buf) > max(keep, h.bound) {
			h.buf = nil
		}
		h.writable.Signal()
	}
	return n, nil
}

func (h *half) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for !h.closed && h.bound > 0 && len(h.buf) > 0 && len(h.buf)+len(p) > h.bound {
		h.writable.Wait()
	}
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.buf = append(h.buf, p...)
	h.readable.Signal()
	return len(p), nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.readable.Broadcast()
	h.writable.Broadcast()
}

func (h *half) setDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deadline = t
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if !t.IsZero() {
		h.timer = time.AfterFunc(time.Until(t), h.readable.Broadcast)
	}
	h.readable.Broadcast()
}

type pipeEnd struct{ read, write *half }

func (e *pipeEnd) Read(p []byte) (int, error)  { return e.read.Read(p) }
func (e *pipeEnd) Write(p []byte) (int, error) { return e.write.Write(p) }

func (e *pipeEnd) Close() error {
	e.read.close()
	e.write.close()
	return nil
}

func (e *pipeEnd) LocalAddr() net.Addr                { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr               { return pipeAddr{} }
func (e *pipeEnd) SetDeadline(t time.Time) error      { e.read.setDeadline(t); return nil }
func (e *pipeEnd) SetReadDeadline(t time.Time) error  { e.read.setDeadline(t); return nil }
func (e *pipeEnd) SetWriteDeadline(_ time.Time) error { return nil } // the server always reads on

type pipeAddr struct{}

func (pipeAddr) Network() string { return "embedded" }
func (pipeAddr) String() string  { return "embedded" }
