// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
)

// relay carries bytes between two addresses until it is cut.
type relay struct {
	addr, to string

	mu    sync.Mutex
	dead  bool
	conns map[net.Conn]struct{}
}

func openRelay(ctx context.Context, addr, to string) (*relay, error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // at once or not at all
	if err != nil {
		return nil, err
	}
	r := &relay{addr: addr, to: to, conns: map[net.Conn]struct{}{}}
	context.AfterFunc(ctx, func() { _ = l.Close(); r.cut() })
	go r.accept(l)
	return r, nil
}

func (r *relay) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go r.carry(conn)
	}
}

func (r *relay) carry(in net.Conn) {
	out, err := net.Dial("tcp", r.to) //nolint:noctx // on loopback: at once or not at all
	if err != nil {
		_ = in.Close()
		return
	}
	if !r.keep(in, out) {
		return
	}
	go func() { _, _ = io.Copy(out, in); r.drop(in, out) }()
	_, _ = io.Copy(in, out)
	r.drop(in, out)
}

// keep notes two ends that belong together, unless the relay is cut.
func (r *relay) keep(ends ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range ends {
		if r.dead {
			_ = c.Close()
		} else {
			r.conns[c] = struct{}{}
		}
	}
	return !r.dead
}

func (r *relay) drop(ends ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(ends)
}

// end closes ends and forgets them; the caller holds the lock.
func (r *relay) end(ends []net.Conn) {
	for _, c := range ends {
		_ = c.Close()
		delete(r.conns, c)
	}
}

// cut drops all that is open and takes nothing new.
func (r *relay) cut()  { r.set(true) }
func (r *relay) mend() { r.set(false) }

func (r *relay) set(dead bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead = dead; dead {
		r.end(slices.Collect(maps.Keys(r.conns)))
	}
}
