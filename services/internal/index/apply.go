// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// perApply bounds one script call: other clients of Redis wait while it runs.
const (
	perApply      = 1000
	perApplyBytes = 4 << 20
)

// Apply writes documents into the epoch and then says that everything up to sequence upTo is in it. A
// document older than what is there is passed over; the same one again only puts its place in the due
// queue right. ErrNoIndex when the epoch is not, or no longer, the current one: nothing is written then.
//
// What changes is worked out here and written by a script that runs only if the epoch is still current
// and nobody wrote in between (a revision number in meta); else it is worked out again. The guard is as
// strict as one inside the script, and a script that only carries out a list of commands is ten times
// cheaper in miniredis, whose Lua is slow, and holds up a real Redis less.
func (x *Index) Apply(ctx context.Context, epoch string, docs []Doc, upTo uint64) error {
	for i := range docs {
		if err := docs[i].check(); err != nil {
			return err
		}
	}
	target := target{space: x.keys.space(epoch), guardKey: x.keys.current(), guard: epoch}
	for {
		n := portion(docs)
		last := n == len(docs)
		seq := uint64(0)
		if last {
			seq = upTo
		}
		if err := x.applyOne(ctx, target, docs[:n], seq); err != nil {
			return err
		}
		if last {
			return nil
		}
		docs = docs[n:]
	}
}

func portion(docs []Doc) int {
	size := 0
	for i := range docs {
		size += len(docs[i].Body)
		if i == perApply || i > 0 && size > perApplyBytes {
			return i
		}
	}
	return len(docs)
}

// target is the namespace that is written, and the key that must hold guard for it to be.
type target struct{ space, guardKey, guard string }

func (t target) meta() string { return t.space + "meta" }

const applyTries = 50

func (x *Index) applyOne(ctx context.Context, t target, docs []Doc, seq uint64) error {
	for try := range applyTries {
		was, err := x.before(ctx, t, docs)
		if err != nil {
			return err
		}
		c := newChanges(was.buckets)
		for _, i := range newest(docs) {
			c.put(&docs[i], was.docs[i])
		}
		done, err := x.write(ctx, t, was.revision, seq, c.commands(t.space))
		switch {
		case err != nil:
			return fmt.Errorf("scrittura nell'indice: %w", err)
		case done == applyDone:
			return nil
		case done == applyNoIndex:
			return ErrNoIndex
		}
		if err := pause(ctx, time.Duration(rand.Int64N(int64(try+1)*int64(time.Millisecond)))); err != nil {
			return err
		}
	}
	return ErrBusy
}

// What became of a write.
const (
	applyNoIndex = 0
	applyDone    = 1
	applyMoved   = 2 // somebody wrote in between
)

// write carries the commands out if the guard holds and the revision is still the one given.
func (x *Index) write(ctx context.Context, t target, revision string, seq uint64, commands [][]string) (int, error) {
	if x.local != nil {
		return x.local.main.write(t, revision, seq, commands)
	}
	args := []any{t.guard, revision, strconv.FormatUint(seq, 10)}
	for _, cmd := range commands {
		args = append(args, len(cmd))
		for _, a := range cmd {
			args = append(args, a)
		}
	}
	return applyScript.Run(ctx, x.db, []string{t.guardKey, t.meta()}, args...).Int()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// newest gives the positions of the newest version of each document in docs.
func newest(docs []Doc) []int {
	type name struct{ set, id string }
	at := make(map[name]int, len(docs))
	out := make([]int, 0, len(docs))
	for i := range docs {
		n := name{docs[i].Set, docs[i].ID}
		k, seen := at[n]
		switch {
		case !seen:
			at[n] = len(out)
			out = append(out, i)
		case docs[i].Seq >= docs[out[k]].Seq:
			out[k] = i
		}
	}
	return out
}

// past is what stood in the namespace before a write.
type past struct {
	revision string
	buckets  map[string]buckets
	docs     []*stored // as the documents asked for; nil: never seen
}

func (x *Index) before(ctx context.Context, t target, docs []Doc) (past, error) {
	ids, at := map[string][]string{}, map[string][]int{}
	for i := range docs {
		ids[docs[i].Set] = append(ids[docs[i].Set], docs[i].ID)
		at[docs[i].Set] = append(at[docs[i].Set], i)
	}
	p := x.db.Pipeline()
	guard, meta := p.Get(ctx, t.guardKey), p.HGetAll(ctx, t.meta())
	found := make(map[string]*redis.SliceCmd, len(ids))
	for set, of := range ids {
		found[set] = p.HMGet(ctx, t.space+"d:"+set, of...)
	}
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return past{}, fmt.Errorf("lettura dell'indice: %w", err)
	}
	if guard.Val() != t.guard || t.guard == "" {
		return past{}, ErrNoIndex
	}
	out := past{revision: meta.Val()["rev"], buckets: bucketsOf(meta.Val()), docs: make([]*stored, len(docs))}
	for set, cmd := range found {
		for k, v := range cmd.Val() {
			packed, ok := v.(string)
			if !ok {
				continue
			}
			s, err := unpack(packed)
			if err != nil {
				return past{}, fmt.Errorf("%w: %s %s", err, set, ids[set][k])
			}
			out.docs[at[set][k]] = &s
		}
	}
	return out, nil
}
