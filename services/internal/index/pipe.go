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
// each other for ever. Here writing never blocks; what is buffered is bounded by one pipeline's answers.
func newPipe() (net.Conn, net.Conn) {
	a, b := newHalf(), newHalf()
	return &pipeEnd{read: a, write: b}, &pipeEnd{read: b, write: a}
}

// keep is how much buffer a half keeps when it is empty.
const keep = 64 << 10

type half struct {
	mu       sync.Mutex
	ready    sync.Cond
	buf      []byte
	at       int
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.ready.L = &h.mu
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
		h.ready.Wait()
	}
	n := copy(p, h.buf[h.at:])
	h.at += n
	if h.at == len(h.buf) {
		h.buf, h.at = h.buf[:0], 0
		if cap(h.buf) > keep {
			h.buf = nil
		}
	}
	return n, nil
}

func (h *half) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.buf = append(h.buf, p...)
	h.ready.Signal()
	return len(p), nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.ready.Broadcast()
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
		h.timer = time.AfterFunc(time.Until(t), h.ready.Broadcast)
	}
	h.ready.Broadcast()
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
func (e *pipeEnd) SetWriteDeadline(_ time.Time) error { return nil } // writing never waits

type pipeAddr struct{}

func (pipeAddr) Network() string { return "embedded" }
func (pipeAddr) String() string  { return "embedded" }
