// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// lockFor is how long a builder that died keeps others from building; a living one renews it.
const lockFor = 15 * time.Second

// Builder fills a new epoch that nobody sees before Finish. Its methods are called by one goroutine.
type Builder struct {
	x      *Index
	epoch  string
	space  string
	log    string
	seed   maphash.Seed
	seen   map[uint64]struct{} // hashes of what was put
	again  []Doc               // put before, or so it seems: goes through the guard at Finish
	totals map[tally]int
	used   map[string]buckets
	ends   context.CancelFunc // of the renewal
	done   sync.WaitGroup
}

// Rebuild begins a new epoch for the log named logID. ErrBuilding when another copy is at it.
func (x *Index) Rebuild(ctx context.Context, logID string) (*Builder, error) {
	epoch := schemaMark + strings.ToLower(rand.Text())
	got, err := lockScript.Run(ctx, x.db, []string{x.keys.building(), x.keys.epochs()}, epoch, lockFor.Milliseconds()).Int()
	if err != nil {
		return nil, fmt.Errorf("avvio della ricostruzione: %w", err)
	}
	if got == 0 {
		return nil, ErrBuilding
	}
	b := &Builder{
		x: x, epoch: epoch, space: x.keys.space(epoch), log: logID, seed: maphash.MakeSeed(),
		seen: map[uint64]struct{}{}, totals: map[tally]int{}, used: map[string]buckets{},
	}
	b.keepLock(ctx)
	x.clean()
	return b, nil
}

func (b *Builder) keepLock(ctx context.Context) {
	ctx, b.ends = context.WithCancel(ctx)
	b.done.Go(func() {
		tick := time.NewTicker(lockFor / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-b.x.background.Done():
				return
			case <-tick.C:
				if err := b.renew(ctx); err != nil && ctx.Err() == nil {
					b.x.log.WarnContext(ctx, "the builder's lock was not renewed", "error", err)
				}
			}
		}
	})
}

func (b *Builder) renew(ctx context.Context) error {
	kept, err := renewScript.Run(ctx, b.x.db, []string{b.x.keys.building()}, b.epoch, lockFor.Milliseconds()).Int()
	if err != nil {
		return fmt.Errorf("ricostruzione dell'indice: %w", err)
	}
	if kept == 0 {
		return ErrNoIndex
	}
	return nil
}

// Put adds documents, best some thousands at a time. Each aggregate is meant to come once; one that
// comes again is kept in memory and goes through the guard of sequences at Finish. ErrNoIndex: the index
// was wiped, or another copy has taken over; this builder is of no use any more.
func (b *Builder) Put(ctx context.Context, docs []Doc) error {
	if err := b.renew(ctx); err != nil {
		return err
	}
	for part := range slices.Chunk(docs, 4000) {
		if err := b.putSome(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) putSome(ctx context.Context, docs []Doc) error {
	c := newChanges(b.used)
	for i := range docs {
		d := &docs[i]
		if err := d.check(); err != nil {
			return err
		}
		if h := maphash.String(b.seed, d.Set+":"+d.ID); b.first(h) {
			c.put(d, nil)
		} else {
			b.again = append(b.again, *d)
		}
	}
	for t, n := range c.counts {
		b.totals[t] += n
	}
	c.counts, c.widened = nil, nil // written once, at Finish
	// The epoch is named again, in case the index was wiped since: else nobody would clean up.
	return b.x.send(ctx, append(c.commands(b.space), []string{"SADD", b.x.keys.epochs(), b.epoch}))
}

// send carries out commands, in one pipeline, or without the detour of a protocol in this process.
func (x *Index) send(ctx context.Context, commands [][]string) error {
	if x.local != nil {
		return x.local.main.bulk(commands)
	}
	p := x.db.Pipeline()
	for _, cmd := range commands {
		args := make([]any, len(cmd))
		for i, a := range cmd {
			args[i] = a
		}
		p.Do(ctx, args...)
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("ricostruzione dell'indice: %w", err)
	}
	return nil
}

func (b *Builder) first(h uint64) bool {
	if _, seen := b.seen[h]; seen {
		return false
	}
	b.seen[h] = struct{}{}
	return true
}

// Finish makes the new epoch the current one, in one step, and drops the old one's keys in the
// background. seq: everything of the log up to here was put.
func (b *Builder) Finish(ctx context.Context, seq uint64) (string, error) {
	defer b.close()
	if err := b.writeTotals(ctx); err != nil {
		return "", err
	}
	own := target{space: b.space, guardKey: b.x.keys.building(), guard: b.epoch}
	for part := range slices.Chunk(b.again, perApply) {
		if err := b.x.applyOne(ctx, own, part, 0); err != nil {
			return "", err
		}
	}
	ok, err := finishScript.Run(ctx, b.x.db, []string{b.x.keys.building(), b.x.keys.current(), b.space + "meta"},
		b.epoch, b.log, Schema, strconv.FormatUint(seq, 10)).Int()
	if err != nil {
		return "", fmt.Errorf("fine della ricostruzione: %w", err)
	}
	if ok == 0 {
		return "", ErrNoIndex
	}
	b.x.epoch.Store(&b.epoch)
	b.x.clean()
	return b.epoch, nil
}

// writeTotals writes what was only counted so far: how many of each facet, and the buckets in use.
func (b *Builder) writeTotals(ctx context.Context) error {
	if err := b.renew(ctx); err != nil {
		return err
	}
	c := newChanges(b.used)
	c.counts = b.totals
	for set := range b.used {
		c.widened[set] = true
	}
	return b.x.send(ctx, append(c.commands(b.space), []string{"HSET", b.space + "meta", "rev", "0"}))
}

// Abort gives the lock back; what was put is dropped in the background.
func (b *Builder) Abort(ctx context.Context) {
	b.close()
	err := renewScript.Run(ctx, b.x.db, []string{b.x.keys.building()}, b.epoch, 0).Err()
	if err != nil {
		b.x.log.WarnContext(ctx, "the builder's lock was not given back, it lapses by itself", "error", err)
	}
	b.x.clean()
}

func (b *Builder) close() {
	b.ends()
	b.done.Wait()
	b.seen, b.again = nil, nil
}

// clean drops, in the background, the keys of all epochs but the current one and the one being built.
func (x *Index) clean() {
	x.work.Go(func() {
		if err := x.dropStale(x.background); err != nil && x.background.Err() == nil {
			x.log.WarnContext(x.background, "old keys stay in Redis until the next rebuild", "error", err)
		}
	})
}

func (x *Index) dropStale(ctx context.Context) error {
	// The live ones after all: an epoch that begins in between is then not in the list of all.
	all, err := x.db.SMembers(ctx, x.keys.epochs()).Result()
	if err != nil {
		return err
	}
	live, err := x.db.MGet(ctx, x.keys.current(), x.keys.building()).Result()
	if err != nil {
		return err
	}
	for _, epoch := range all {
		if !slices.Contains(live, any(epoch)) {
			if err := x.dropEpoch(ctx, epoch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Index) dropEpoch(ctx context.Context, epoch string) error {
	for cursor := uint64(0); ; {
		found, next, err := x.db.Scan(ctx, cursor, escapeGlob(x.keys.space(epoch))+"*", 1000).Result()
		if err != nil {
			return err
		}
		for part := range slices.Chunk(found, 500) {
			if err := x.db.Unlink(ctx, part...).Err(); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	err := x.db.SRem(ctx, x.keys.epochs(), epoch).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// escapeGlob: what stands in the set of epochs came from Redis and is put into a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
