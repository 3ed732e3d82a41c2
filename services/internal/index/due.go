// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxClaim is the most that one call claims.
const maxClaim = 1000

// Claim is a member of the due queue that the caller may look at until its lease ends.
type Claim struct {
	Key string
	Due time.Time // the true moment, whatever the queue has been told since
}

// ClaimDue takes what is to be looked at up to a moment, earliest first, and puts it at now+lease: what
// the claimer does not settle comes up again by itself. Nothing is ever popped; a member leaves the queue
// when Apply says that its document is no longer due. At most 1000 at once.
func (x *Index) ClaimDue(ctx context.Context, until time.Time, lease time.Duration, limit int) ([]Claim, error) {
	limit = min(limit, maxClaim)
	if limit < 1 {
		return nil, nil
	}
	// Rounded up: a lease ends no earlier than said. The moment is rounded down: nothing fires early.
	back := x.clock().Add(lease + time.Millisecond - 1).UnixMilli()
	v, err := claimScript.Run(ctx, x.db, []string{x.keys.current()}, x.keys.space(""), schemaMark,
		until.UnixMilli(), back, limit).StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, ErrNoIndex
	}
	if err != nil {
		return nil, fmt.Errorf("coda delle scadenze: %w", err)
	}
	out := make([]Claim, 0, len(v)/2)
	for i := 0; i+1 < len(v); i += 2 {
		ms, err := strconv.ParseInt(v[i+1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("coda delle scadenze: %w", errPacked)
		}
		out = append(out, Claim{Key: v[i], Due: time.UnixMilli(ms)})
	}
	return out, nil
}

// NextDue is the next moment at which there will be something to claim; false: the queue is empty.
func (x *Index) NextDue(ctx context.Context) (time.Time, bool, error) {
	var got *redis.ZSliceCmd
	err := x.inEpoch(ctx, func(p redis.Pipeliner, space string) { got = p.ZRangeWithScores(ctx, space+"due", 0, 0) })
	if err != nil || len(got.Val()) == 0 {
		return time.Time{}, false, err
	}
	return time.UnixMilli(int64(got.Val()[0].Score)), true, nil
}

// DueCount is how many members the queue has, claimed ones included.
func (x *Index) DueCount(ctx context.Context) (int, error) {
	var got *redis.IntCmd
	err := x.inEpoch(ctx, func(p redis.Pipeliner, space string) { got = p.ZCard(ctx, space+"due") })
	if err != nil {
		return 0, err
	}
	return int(got.Val()), nil
}

// Defer has a member come up at another moment (spacing, back-off). One that has left the queue since
// stays out; its true due does not change.
func (x *Index) Defer(ctx context.Context, key string, to time.Time) error {
	at := to.Add(time.Millisecond - 1).UnixMilli() // rounded up: never before
	err := deferScript.Run(ctx, x.db, []string{x.keys.current()}, x.keys.space(""), schemaMark, key, at).Err()
	if errors.Is(err, redis.Nil) {
		return ErrNoIndex
	}
	if err != nil {
		return fmt.Errorf("coda delle scadenze: %w", err)
	}
	return nil
}
