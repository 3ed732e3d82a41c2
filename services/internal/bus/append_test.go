// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

func subject(i int) string { return fmt.Sprintf("palinsesto.post.ch.%d", i) }

func TestAppendGuards(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	first, err := b.Append(ctx, bus.Append{Subject: subject(1), Event: "queued", Data: []byte("a")})
	require.NoError(t, err)
	second, err := b.Append(ctx, bus.Append{Subject: subject(1), Event: "due", Expect: first, Data: []byte("b")})
	require.NoError(t, err)
	require.Greater(t, second, first)
	for _, stale := range []uint64{0, first, second + 1} {
		_, err = b.Append(ctx, bus.Append{Subject: subject(1), Event: "due", Expect: stale, Data: []byte("c")})
		require.ErrorIs(t, err, bus.ErrStale, "guard %d", stale)
	}
	records, err := b.Newest(ctx, second, subject(1))
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, "b", string(records[0].Data))
	require.Equal(t, "due", records[0].Event)
	history, err := b.History(ctx, subject(1), 10)
	require.NoError(t, err)
	require.Len(t, history, 2)
}

// Of many who append on the same state exactly one wins, whatever batches they come into.
func TestAppendOneWins(t *testing.T) {
	s := bustest.Server(t)
	a, b := bustest.Connect(t, s), bustest.Connect(t, s)
	ctx := context.Background()
	const aggregates, rivals = 50, 8
	won := make([]int, aggregates)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range aggregates {
		for r := range rivals {
			who := a
			if r%2 == 0 {
				who = b
			}
			wg.Go(func() {
				_, err := who.Append(ctx, bus.Append{Subject: subject(i), Event: "queued", Data: []byte{byte(r)}})
				if err == nil {
					mu.Lock()
					won[i]++
					mu.Unlock()
					return
				}
				require.ErrorIs(t, err, bus.ErrStale)
			})
		}
	}
	wg.Wait()
	for i, n := range won {
		require.Equal(t, 1, n, "aggregate %d", i)
	}
}

// Of many who make the same aggregate under different subjects exactly one wins, whether they come into
// one batch or into several.
func TestAppendAmong(t *testing.T) {
	s := bustest.Server(t)
	oneWinsAmong(t, 50, bustest.Connect(t, s), bustest.Connect(t, s))
}

func oneWinsAmong(t *testing.T, aggregates int, rooms ...*bus.Bus) {
	t.Helper()
	const owners = 4
	ctx := context.Background()
	won := make([]atomic.Int32, aggregates)
	var wg sync.WaitGroup
	for i := range aggregates {
		for n := range owners * len(rooms) {
			wg.Go(func() {
				_, err := rooms[n%len(rooms)].Append(ctx, bus.Append{Event: "submitted",
					Subject: fmt.Sprintf("palinsesto.seg.c%d.%d", n/len(rooms), i), Among: fmt.Sprintf("palinsesto.seg.*.%d", i)})
				if err == nil {
					won[i].Add(1)
				} else if !errors.Is(err, bus.ErrStale) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range won {
		require.EqualValues(t, 1, won[i].Load(), "aggregate %d", i)
	}
	last, err := rooms[0].LastSeq(ctx)
	require.NoError(t, err)
	require.EqualValues(t, aggregates, last)
}

// One stale guard rejects a whole batch: the others must get through all the same.
func TestAppendStaleNeighbour(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	_, err := b.Append(ctx, bus.Append{Subject: subject(0), Event: "queued"})
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = b.Append(ctx, bus.Append{Subject: subject(i), Event: "queued", Data: []byte("x")})
		})
	}
	wg.Wait()
	require.ErrorIs(t, errs[0], bus.ErrStale)
	for i, err := range errs[1:] {
		require.NoError(t, err, "append %d", i+1)
	}
}

func BenchmarkAppendLone(b *testing.B) {
	log := bustest.New(b)
	for i := 0; b.Loop(); i++ {
		_, err := log.Append(context.Background(), bus.Append{Subject: subject(i), Event: "queued", Data: make([]byte, 400)})
		require.NoError(b, err)
	}
}

func BenchmarkAppendGrouped(b *testing.B) {
	log := bustest.New(b)
	var mu sync.Mutex
	next := 0
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			next++
			i := next
			mu.Unlock()
			if _, err := log.Append(context.Background(), bus.Append{Subject: subject(i), Event: "queued", Data: make([]byte, 400)}); err != nil {
				b.Error(err)
			}
		}
	})
}
