// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"time"
)

// endlessBytes bounds an endless answer, so that a client without a bound does not take the machine along.
const endlessBytes = 256 << 20

// Answer is what an API says.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Applied bool // whether the wall changed
}

// Call is one request as its network understood it. Apply does what was asked for and is called at most
// once; Refuse words a fault as the network would.
type Call struct {
	Network string
	Account string   // the target's name on the wall
	Aliases []string // its other names
	Caller  string
	Method  string
	Arrived time.Time // when the request came in; absent: now
	Apply   func() Answer
	Refuse  func(Fault) Answer
}

func (c Call) names() []string { return append([]string{c.Account, c.Caller}, c.Aliases...) }

// Serve runs a call: writes down its arrival, lets a fault strike, applies it and answers. Every network
// sends its requests through here.
func (s *Sandbox) Serve(w http.ResponseWriter, r *http.Request, c Call) {
	if c.Arrived.IsZero() {
		c.Arrived = time.Now()
	}
	entry := s.calls.add(Arrival{Network: c.Network, Account: c.Account, Caller: c.Caller, Method: c.Method, At: c.Arrived})
	s.signal.fire()
	run := &run{s: s, w: w, r: r, call: c, entry: entry}
	defer run.finish() // also when a cut connection unwinds with http.ErrAbortHandler
	fault, struck := s.faults.strike(c)
	if !struck {
		run.send(run.apply())
		return
	}
	s.log.Info("sandbox: guasto", "kind", fault.Kind, "account", c.Account, "method", c.Method, "applied", fault.Applied)
	s.calls.change(entry, func(a *Arrival) { a.Fault = fault.Kind })
	run.strike(fault)
}

// run is one call on its way.
type run struct {
	s     *Sandbox
	w     http.ResponseWriter
	r     *http.Request
	call  Call
	entry *Arrival
}

func (u *run) finish() {
	u.s.calls.change(u.entry, func(a *Arrival) { a.Answered, a.Done = time.Now(), true })
	u.s.signal.fire()
}

// apply takes effect and makes that visible at once, before any answer.
func (u *run) apply() Answer {
	answer := u.call.Apply()
	u.s.calls.change(u.entry, func(a *Arrival) { a.Applied = answer.Applied })
	u.s.signal.fire()
	return answer
}

func (u *run) strike(f Fault) {
	answer := Answer{Status: http.StatusOK, Body: []byte("{}")}
	if f.Kind == FaultSlow {
		u.slow(f)
		return
	}
	if f.Applied || f.Kind == FaultStale {
		answer = u.apply()
	}
	if f.Delay > 0 && !u.pause(f.Delay) {
		u.cut(false)
	}
	switch f.Kind {
	case FaultDrop:
		u.cut(false)
	case FaultReset:
		u.cut(true)
	case FaultHang:
		u.hang()
	case FaultHalf:
		u.half(answer)
	case FaultEndless:
		u.endless(f)
	case FaultStale:
		u.sendAndClose(answer)
	default:
		u.send(u.faked(f))
	}
}

// faked is the answer of those faults that end with a whole one.
func (u *run) faked(f Fault) Answer {
	switch f.Kind {
	case FaultBadGateway:
		return Answer{
			Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}},
			Body: []byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>\r\n</html>\r\n"),
		}
	case FaultWrongJSON:
		return Answer{Status: http.StatusOK, Body: []byte(`{"ok":"si","result":[{"message_id":"x"}]}`)}
	case FaultRedirect:
		location := f.Location
		if location == "" {
			location = u.r.RequestURI
		}
		return Answer{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}}
	default:
		return u.call.Refuse(f)
	}
}

// slow applies also when the client has left meanwhile: an accepted request comes through late, and that
// is what makes a timeout ambiguous.
func (u *run) slow(f Fault) {
	if f.Applied {
		answer := u.apply()
		u.pause(f.Delay)
		u.send(answer)
		return
	}
	if !u.pause(f.Delay) {
		u.cut(false)
	}
	u.send(u.apply())
}

// pause waits; false when the sandbox is closing.
func (u *run) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-u.s.closed:
		return false
	}
}

func (u *run) hang() {
	select {
	case <-u.r.Context().Done():
	case <-u.s.closed:
	}
	u.cut(false)
}

func (u *run) send(a Answer) {
	u.s.calls.change(u.entry, func(e *Arrival) { e.Status = a.Status })
	u.header(a)
	_, _ = u.w.Write(a.Body) // a client that left is no trouble of ours
}

func (u *run) header(a Answer) {
	header := u.w.Header()
	header.Set("Content-Type", "application/json")
	for name, values := range a.Header {
		header[name] = values
	}
	header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	u.w.WriteHeader(a.Status)
}

// half promises the whole length, sends half and cuts.
func (u *run) half(a Answer) {
	u.header(a)
	_, _ = u.w.Write(a.Body[:len(a.Body)/2])
	_ = http.NewResponseController(u.w).Flush()
	panic(http.ErrAbortHandler)
}

// endless writes one JSON string for as long as somebody reads.
func (u *run) endless(f Fault) {
	u.w.Header().Set("Content-Type", "application/json")
	_, err := u.w.Write([]byte(`{"ok":true,"result":{"text":"`))
	limit, chunk := f.Bytes, bytes.Repeat([]byte("a"), 32<<10)
	if limit == 0 {
		limit = endlessBytes
	}
	for sent := int64(0); err == nil && sent < limit && u.r.Context().Err() == nil; sent += int64(len(chunk)) {
		_, err = u.w.Write(chunk)
	}
	panic(http.ErrAbortHandler)
}

// cut closes the connection without a word; it does not return. Where the connection cannot be had (a test
// recorder, HTTP/2) the server is told to abort, which looks the same from outside.
func (u *run) cut(reset bool) {
	conn, _, err := http.NewResponseController(u.w).Hijack()
	if err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// sendAndClose answers by hand, promising keep-alive by saying nothing, and closes: the client's pool holds
// a dead connection, on which its next request dies.
func (u *run) sendAndClose(a Answer) {
	conn, buf, err := http.NewResponseController(u.w).Hijack()
	if err != nil {
		u.send(a)
		return
	}
	u.s.calls.change(u.entry, func(e *Arrival) { e.Status = a.Status })
	_, _ = buf.WriteString("HTTP/1.1 " + strconv.Itoa(a.Status) + " " + http.StatusText(a.Status) +
		"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(a.Body)) + "\r\n\r\n")
	_, _ = buf.Write(a.Body)
	_ = buf.Flush()
	_ = conn.Close()
}
