// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a real Redis that keeps nothing on disk.
type redisServer struct {
	*proc
	addr   string
	client *redis.Client
}

func startRedis(ctx context.Context, r *run) (*redisServer, error) {
	addr, err := r.freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	s := &redisServer{addr: addr, client: redis.NewClient(&redis.Options{Addr: addr, PoolSize: 1, DisableIdentity: true, MaxRetries: -1})}
	s.proc = r.newProc("redis", "redis-server", []string{"--bind", "127.0.0.1", "--port", port, "--save", "",
		"--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", r.dir}, nil)
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, await(ctx, 20*time.Second, "Redis answers", func() bool { return s.client.Ping(ctx).Err() == nil })
}

func (s *redisServer) url() string { return "redis://" + s.addr + "/0" }

// do tells Redis something; one that is away just now is told nothing.
func (s *redisServer) do(ctx context.Context, args ...any) {
	_ = s.client.Do(ctx, args...).Err()
}
