// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

func natsFaults() []fault {
	const short, long = 200 * time.Millisecond, 4 * time.Second
	return []fault{
		{"nats-kill", "kill -9 of a NATS server, which starts again at once", withNATS, 0, 0, func(_ context.Context, d *driver) func() {
			pick(d.dice, d.r.world.nats).kill()
			return func() {}
		}},
		{"nats-down", "a NATS server is away for a while", withNATS, short, long, func(_ context.Context, d *driver) func() {
			n := pick(d.dice, d.r.world.nats)
			n.halt()
			return func() { d.must(n.start()) }
		}},
		{"nats-pause", "SIGSTOP of a NATS server", withNATS, short, 2 * long, func(_ context.Context, d *driver) func() {
			n := pick(d.dice, d.r.world.nats)
			n.pause()
			return n.wake
		}},
		{"leader-down", "the server that leads the log is killed and stays away", clustered, short, 2 * long, func(ctx context.Context, d *driver) func() {
			n := d.leader(ctx)
			n.halt()
			return func() { d.must(n.start()) }
		}},
		{"leader-pause", "SIGSTOP of the server that leads the log", clustered, short, 2 * long, func(ctx context.Context, d *driver) func() {
			n := d.leader(ctx)
			n.pause()
			return n.wake
		}},
		{"cut", "a server of the cluster is cut off from the others, not from its clients", clustered, short, 2 * long, func(_ context.Context, d *driver) func() {
			i := d.dice.IntN(len(d.r.world.nats))
			d.r.world.links.cut(i)
			return func() { d.r.world.links.mend(i) }
		}},
		{"cut-leader", "the server that leads the log is cut off from the others, not from its clients", clustered, short, 2 * long, func(ctx context.Context, d *driver) func() {
			i := max(0, d.r.world.leader(ctx))
			d.r.world.links.cut(i)
			return func() { d.r.world.links.mend(i) }
		}},
	}
}

// leader is the server that leads the log; while nobody does, any.
func (d *driver) leader(ctx context.Context) *proc {
	if i := d.r.world.leader(ctx); i >= 0 {
		return d.r.world.nats[i]
	}
	return pick(d.dice, d.r.world.nats)
}

func redisFaults() []fault {
	const short, long = 100 * time.Millisecond, 4 * time.Second
	return []fault{
		{"redis-kill", "kill -9 of Redis, which starts again empty", withRedis, 0, 0, func(_ context.Context, d *driver) func() {
			d.r.world.redis.kill()
			return func() {}
		}},
		{"redis-down", "Redis is away for a while and comes back empty", withRedis, short, long, func(_ context.Context, d *driver) func() {
			d.r.world.redis.halt()
			return func() { d.must(d.r.world.redis.start()) }
		}},
		{"redis-flush", "FLUSHALL, again and again", withRedis, short, long, func(ctx context.Context, d *driver) func() {
			return d.repeat(ctx, 300*time.Millisecond, func(ctx context.Context) { d.r.world.redis.do(ctx, "FLUSHALL") })
		}},
		{"redis-scripts", "SCRIPT FLUSH", withRedis, 0, 0, func(ctx context.Context, d *driver) func() {
			d.r.world.redis.do(ctx, "SCRIPT", "FLUSH")
			return func() {}
		}},
		{"redis-pause", "SIGSTOP of Redis", withRedis, short, 2 * long, func(_ context.Context, d *driver) func() {
			d.r.world.redis.pause()
			return d.r.world.redis.wake
		}},
		{"redis-client-pause", "CLIENT PAUSE", withRedis, short, long, func(ctx context.Context, d *driver) func() {
			d.r.world.redis.do(ctx, "CLIENT", "PAUSE", "4000", "ALL")
			return func() { d.r.world.redis.do(ctx, "CLIENT", "UNPAUSE") }
		}},
		{"redis-full", "maxmemory is reached: every write is refused", withRedis, short, 2 * long, func(ctx context.Context, d *driver) func() {
			d.r.world.redis.do(ctx, "CONFIG", "SET", "maxmemory", "1mb")
			return func() { d.r.world.redis.do(ctx, "CONFIG", "SET", "maxmemory", "0") }
		}},
		{"redis-other-log", "the index of another log stands there", withRedis, 0, 0, func(ctx context.Context, d *driver) func() {
			d.changeMeta(ctx, "log", "of-somebody-else")
			return func() {}
		}},
		{"redis-behind", "an index that says it is further back than it is", withRedis, 0, 0, func(ctx context.Context, d *driver) func() {
			d.changeMeta(ctx, "seq", "1")
			return func() {}
		}},
	}
}

// changeMeta overwrites what the index says of itself.
func (d *driver) changeMeta(ctx context.Context, field, value string) {
	s := d.r.world.redis
	epoch, err := s.client.Get(ctx, "palinsesto:current").Result()
	if err == nil {
		s.do(ctx, "HSET", "palinsesto:e:"+epoch+":meta", field, value)
	}
}

// repeat does something over and over until the end.
func (d *driver) repeat(ctx context.Context, every time.Duration, do func(context.Context)) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for do(ctx); wait.For(ctx, every); do(ctx) {
		}
	}()
	return func() { cancel(); <-done }
}
