// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The scripts run by EVALSHA; the client sends them whole when Redis has forgotten them (FLUSHALL does
// not make it forget, SCRIPT FLUSH and a restart do).
var (
	//go:embed scripts/apply.lua
	applyLua string
	//go:embed scripts/lock.lua
	lockLua string
	//go:embed scripts/renew.lua
	renewLua string
	//go:embed scripts/finish.lua
	finishLua string
	//go:embed scripts/list.lua
	listLua string
	//go:embed scripts/claim.lua
	claimLua string
	//go:embed scripts/defer.lua
	deferLua string
	//go:embed scripts/block.lua
	blockLua string
	//go:embed scripts/once.lua
	onceLua string
	//go:embed scripts/lead.lua
	leadLua string
	//go:embed scripts/refund.lua
	refundLua string

	applyScript  = redis.NewScript(applyLua)
	lockScript   = redis.NewScript(lockLua)
	renewScript  = redis.NewScript(renewLua)
	finishScript = redis.NewScript(finishLua)
	listScript   = redis.NewScript(listLua)
	claimScript  = redis.NewScript(claimLua)
	deferScript  = redis.NewScript(deferLua)
	blockScript  = redis.NewScript(blockLua)
	onceScript   = redis.NewScript(onceLua)
	leadScript   = redis.NewScript(leadLua)
	refundScript = redis.NewScript(refundLua)
)

// tuned makes a client small and honest.
func tuned(o *redis.Options) *redis.Options {
	o.MaxRetries = -1 // a claim or a rate whose answer was lost would be made twice; callers decide
	o.DialerRetries = 1
	if o.DialTimeout == 0 {
		o.DialTimeout = 3 * time.Second
	}
	o.Protocol = 2
	o.DisableIdentity = true
	o.ContextTimeoutEnabled = true
	o.PoolSize = 8
	o.MinIdleConns = 0
	o.PipelinePoolSize = -1 // its buffers would take more memory than the idle house has to spare
	o.ReadBufferSize = 16 << 10
	o.WriteBufferSize = 16 << 10
	o.PoolTimeout = 30 * time.Second
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

// clientLog brings the lines of the client into ours: what it does about a lost connection is for those
// who look closely, since whoever needed the connection says so.
type clientLog struct{ log *slog.Logger }

// Printf takes one line.
func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "Redis client", "says", fmt.Sprintf(format, v...))
}
