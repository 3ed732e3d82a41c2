// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Wipe empties an embedded index, as FLUSHALL does a real one.
func (x *Index) Wipe() {
	ctx := context.Background()
	x.db.Del(ctx, x.keys.current(), x.keys.building()) // FLUSHALL of miniredis is not noticed by WATCH
	x.db.FlushAll(ctx)
	x.short.FlushAll(ctx)
}

// Keys lists all keys.
func (x *Index) Keys() []string { return x.db.Keys(context.Background(), "*").Val() }

// Settled waits until old keys are dropped.
func (x *Index) Settled() { x.work.Wait() }

// AfterNextRead has f run once, between what the next Apply reads and what it writes.
func (x *Index) AfterNextRead(f func()) {
	x.Settled() // hooks are added while nobody uses the client
	x.db.AddHook(&afterRead{f: f})
}

type afterRead struct{ f func() }

func (h *afterRead) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *afterRead) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *afterRead) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if f := h.f; f != nil {
			h.f = nil
			f()
		}
		return err
	}
}

// PretendSchema renames the current epoch to one of another schema.
func (x *Index) PretendSchema(t interface{ Fatal(...any) }, epoch string, schema int) {
	ctx := context.Background()
	other := fmt.Sprintf("s%d-%s", schema, epoch)
	for _, key := range x.db.Keys(ctx, x.keys.space(epoch)+"*").Val() {
		x.db.Rename(ctx, key, strings.Replace(key, epoch, other, 1))
	}
	x.db.SAdd(ctx, x.keys.epochs(), other)
	x.db.HSet(ctx, x.keys.space(other)+"meta", "schema", schema)
	if err := x.db.Set(ctx, x.keys.current(), other, 0).Err(); err != nil {
		t.Fatal(err)
	}
}
