// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// sweepEvery is how often the short-lived keys of an embedded index are looked through.
const sweepEvery = time.Minute

// sweeper drops what has lapsed. miniredis expires nothing by itself, and with its clock driven it sorts
// all keys at each access. So nothing here relies on expiry: every short-lived value says until when it
// holds, and this only gives the memory back, in passing: no goroutine, nothing while idle.
type sweeper struct {
	server *localServer
	prefix string
	mu     sync.Mutex
	last   time.Time
}

// DialHook leaves dialling alone.
func (s *sweeper) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook sweeps before a command when it is time to.
func (s *sweeper) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := s.pass(time.Now()); err != nil {
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook leaves pipelines alone.
func (s *sweeper) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *sweeper) pass(now time.Time) error {
	s.mu.Lock()
	due := now.Sub(s.last) >= sweepEvery
	if due {
		s.last = now
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	d := s.server.desk()
	for _, key := range s.server.server.Keys() {
		if err := s.look(d, key, now); err != nil {
			return err
		}
	}
	return nil
}

// look drops one key if it has lapsed and nobody writes it meanwhile.
func (s *sweeper) look(d *desk, key string, now time.Time) error {
	if _, err := d.do("WATCH", key); err != nil {
		return err
	}
	v, err := d.strings("MGET", key)
	if err != nil {
		return err
	}
	if !lapsed(strings.TrimPrefix(key, s.prefix), v[0], now) {
		_, err = d.do("UNWATCH")
		return err
	}
	_, err = d.transaction([][]string{{"DEL", key}})
	return err
}

// lapsed reads until when a value holds: of redis_rate in seconds since 2017, of ours in ms since 1970.
func lapsed(key, value string, now time.Time) bool {
	till, _, _ := strings.Cut(value, " ")
	v, err := strconv.ParseFloat(till, 64)
	if err != nil {
		return true
	}
	if strings.HasPrefix(key, "rate:") {
		v = (v + 1483228800) * 1000
	}
	return v <= float64(now.UnixMilli())
}
