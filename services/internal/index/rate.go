// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// Rate is a budget that all copies share. 0: no such limit. Keys come from a bounded set, such as the
// channels: what an outsider can vary at will, such as an address, is brought into bounds first.
type Rate struct {
	Key       string
	PerSecond int // on the long run; a burst may go beyond it within one second
	PerMinute int // in no minute more than this, bursts included
	Burst     int // how many may go at once; 0: one
}

// limit is one bucket of a Rate.
type limit struct {
	key string
	redis_rate.Limit
}

// limits gives the buckets, the slower first: it refuses more often, and then nothing has to be given
// back. A bucket of size b that refills n times a minute lets b+n-1 through in some minute, so the
// refill is that much slower.
func (r Rate) limits() []limit {
	var out []limit
	burst := max(r.Burst, 1)
	if n := r.PerMinute; n > 0 {
		b := min(burst, n)
		out = append(out, limit{r.Key + ":m", redis_rate.Limit{Rate: n - b + 1, Burst: b, Period: time.Minute}})
	}
	if n := r.PerSecond; n > 0 {
		out = append(out, limit{r.Key + ":s", redis_rate.Limit{Rate: n, Burst: burst, Period: time.Second}})
	}
	return out
}

// Take takes one from every budget. 0: taken. Else nothing may be sent before wait has passed, and then
// Take is called again.
//
// What it promises: no more is let through than the budgets say. What it does not: the budgets are taken
// one after the other (redis_rate knows one key at a time) and given back when a later one refuses, so
// that in between another copy may be told to wait although in the end there was room; and a crash in
// between, or a lost answer, costs that one take until it has refilled. Both err on the slow side.
func (x *Index) Take(ctx context.Context, rates ...Rate) (time.Duration, error) {
	var taken []limit
	for _, r := range rates {
		for _, l := range r.limits() {
			res, err := x.limits.AllowN(ctx, l.key, l.Limit, 1)
			if err == nil && res.Allowed > 0 {
				taken = append(taken, l)
				continue
			}
			x.giveBack(ctx, taken)
			if err != nil {
				return 0, fmt.Errorf("limiti di frequenza: %w", err)
			}
			return max(res.RetryAfter, 0) + time.Millisecond, nil // seconds as floats: a little more, never less
		}
	}
	return 0, nil
}

func (x *Index) giveBack(ctx context.Context, taken []limit) {
	for _, l := range taken {
		key := x.keys.prefix + "rate:" + l.key // "rate:" is redis_rate's
		if err := refundScript.Run(ctx, x.short, []string{key}, l.Period.Seconds()/float64(l.Rate)).Err(); err != nil {
			x.log.WarnContext(ctx, "a rate budget was not given back and refills by itself", "key", l.key, "error", err)
		}
	}
}

// limiter puts redis_rate's keys under our prefix.
type limiter = *redis_rate.Limiter

func newLimiter(c *redis.Client, prefix string) limiter {
	return redis_rate.NewLimiter(prefixed{c, prefix})
}

type prefixed struct {
	*redis.Client
	prefix string
}

func (p prefixed) keys(in []string) []string {
	out := make([]string, len(in))
	for i, k := range in {
		out[i] = p.prefix + k
	}
	return out
}

// Eval is EVAL under the prefix.
func (p prefixed) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return p.Client.Eval(ctx, script, p.keys(keys), args...)
}

// EvalSha is EVALSHA under the prefix.
func (p prefixed) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return p.Client.EvalSha(ctx, sha, p.keys(keys), args...)
}

// Block has all copies wait until a moment (Retry-After). The latest moment wins.
func (x *Index) Block(ctx context.Context, key string, until time.Time) error {
	ttl := until.Sub(x.clock())
	if ttl <= 0 {
		return nil
	}
	err := blockScript.Run(ctx, x.short, []string{x.keys.prefix + "block:" + key},
		until.Add(time.Millisecond-1).UnixMilli(), ttl.Milliseconds()+1).Err()
	if err != nil {
		return fmt.Errorf("attesa chiesta dalla rete: %w", err)
	}
	return nil
}

// BlockedUntil is the latest moment until which something stops one of the keys; zero when nothing does.
func (x *Index) BlockedUntil(ctx context.Context, keys ...string) (latest time.Time, err error) {
	full := make([]string, len(keys))
	for i, k := range keys {
		full[i] = x.keys.prefix + "block:" + k
	}
	values, err := x.short.MGet(ctx, full...).Result()
	if err != nil {
		return latest, fmt.Errorf("attesa chiesta dalla rete: %w", err)
	}
	for _, v := range values {
		s, set := v.(string)
		if !set {
			continue
		}
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return latest, fmt.Errorf("attesa chiesta dalla rete: %w", errPacked)
		}
		if until := time.UnixMilli(ms); until.After(x.clock()) && until.After(latest) {
			latest = until
		}
	}
	return latest, nil
}

// Once is true for the first caller within ttl, best effort: a wiped index lets a second one through.
func (x *Index) Once(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	n, err := onceScript.Run(ctx, x.short, []string{x.keys.prefix + "once:" + key}, max(ttl.Milliseconds(), 1)).Int()
	if err != nil {
		return false, fmt.Errorf("una volta sola (%s): %w", key, err)
	}
	return n == 1, nil
}

// Lead makes owner the leader for ttl, or keeps it so; false: another one leads. Best effort, as a lease
// on clocks is: what two leaders at once would break must have a guard of its own in the log.
func (x *Index) Lead(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	n, err := leadScript.Run(ctx, x.short, []string{x.keys.prefix + "lead:" + name}, owner, max(ttl.Milliseconds(), 1)).Int()
	if err != nil {
		return false, fmt.Errorf("guida di %s: %w", name, err)
	}
	return n == 1, nil
}
