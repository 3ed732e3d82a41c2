// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func fill(t testing.TB, b *bus.Bus, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := b.Append(context.Background(), bus.Append{Subject: subject(i), Event: "queued", Data: []byte(fmt.Sprint(i))})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNewestOfMany(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	fill(t, b, 1200)
	subjects := make([]string, 1300) // the last hundred do not exist
	for i := range subjects {
		subjects[i] = subject(i)
	}
	records, err := b.Newest(ctx, 0, subjects...)
	require.NoError(t, err)
	require.Len(t, records, 1200)
	one, err := b.Newest(ctx, 0, "palinsesto.post.*.7")
	require.NoError(t, err)
	require.Len(t, one, 1)
	none, err := b.Newest(ctx, 0, "palinsesto.post.ch.absent")
	require.NoError(t, err)
	require.Empty(t, none)
}

// A read that must include a sequence waits for it, as behind a replica that lags.
func TestNewestWaitsForSequence(t *testing.T) {
	b := bustest.New(t)
	fill(t, b, 1)
	last, err := b.LastSeq(context.Background())
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() {
		_, err := b.Newest(context.Background(), last+1, subject(0))
		got <- err
	}()
	fillOne := bus.Append{Subject: subject(1), Event: "queued"}
	_, err = b.Append(context.Background(), fillOne)
	require.NoError(t, err)
	require.NoError(t, <-got)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = b.Newest(ctx, last+1000, subject(0))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestSnapshotThenFollow(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	empty, err := b.Snapshot(ctx, func([]bus.Record, uint64, uint64) error { t.Error("nothing is there"); return nil })
	require.NoError(t, err)
	require.Zero(t, empty)
	fill(t, b, 2500)
	seen := map[string]bool{}
	upTo, err := b.Snapshot(ctx, func(batch []bus.Record, done, total uint64) error {
		for _, r := range batch {
			seen[r.Subject] = true
		}
		require.LessOrEqual(t, done, total)
		return nil
	})
	require.NoError(t, err)
	require.Len(t, seen, 2500)
	require.EqualValues(t, 2500, upTo)

	follow, cancel := context.WithCancel(ctx)
	next := make(chan bus.Record, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- b.Follow(follow, upTo+1, nil, func(batch []bus.Record, _ uint64) error {
			for _, r := range batch {
				next <- r
			}
			return nil
		})
	}()
	_, err = b.Append(ctx, bus.Append{Subject: contract.HoldSubject, Event: "placed"})
	require.NoError(t, err)
	select {
	case r := <-next:
		require.Equal(t, contract.HoldSubject, r.Subject)
		require.Equal(t, upTo+1, r.Seq)
	case <-time.After(patience):
		t.Fatal("not followed")
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestUpdateDecidesAgain(t *testing.T) {
	s := bustest.Server(t)
	ctx := context.Background()
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		b := bustest.Connect(t, s)
		wg.Go(func() {
			for i := range each {
				env := contract.Envelope{At: time.Now(), CommandID: fmt.Sprintf("%d-%d", w, i)}
				_, err := bus.Update(ctx, b, contract.Channels, contract.ChannelSubject("c"), env,
					func(cur contract.Event[palinsesto.Channel]) (bus.Decision[palinsesto.Channel], error) {
						c := cur.State
						c.ID = "c"
						return bus.Decision[palinsesto.Channel]{Event: "budget", State: c.Reserve(env.CommandID, time.Unix(int64(w*1000+i), 0), time.Time{})}, nil
					})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b := bustest.Connect(t, s)
	c, err := bus.Load(ctx, b, contract.Channels, contract.ChannelSubject("c"))
	require.NoError(t, err)
	require.Len(t, c.State.Reserved, writers*each, "no update may be lost")

	// The same command again changes nothing.
	again, err := bus.Update(ctx, b, contract.Channels, contract.ChannelSubject("c"), c.Envelope,
		func(contract.Event[palinsesto.Channel]) (bus.Decision[palinsesto.Channel], error) {
			t.Error("decided again")
			return bus.Decision[palinsesto.Channel]{}, nil
		})
	require.NoError(t, err)
	require.Equal(t, c.Seq, again.Seq)
}

// The server goes away and comes back: appends are told so or get through, none is stored twice.
func TestAppendOverRestart(t *testing.T) {
	s := bustest.Server(t)
	b, ctx := bustest.Connect(t, s), context.Background()
	var wg sync.WaitGroup
	stored := make([]uint64, 40)
	begun := make(chan struct{}, len(stored))
	for i := range stored {
		wg.Go(func() {
			begun <- struct{}{}
			for {
				seq, err := b.Append(ctx, bus.Append{Subject: subject(i), Event: "queued"})
				if err == nil {
					stored[i] = seq
					return
				}
			}
		})
	}
	<-begun
	require.NoError(t, s.Restart())
	wg.Wait()
	for i, seq := range stored {
		history, err := b.History(ctx, subject(i), 10)
		require.NoError(t, err)
		require.Len(t, history, 1, "append %d", i)
		require.Equal(t, seq, history[0].Seq)
	}
}

// Of a log that is larger than what is on its way at a time nothing is left out.
func TestSnapshotOfALargeLog(t *testing.T) {
	b := bustest.New(t)
	const events, size = 60, 200 << 10
	for i := range events {
		_, err := b.Append(t.Context(), bus.Append{Subject: subject(i), Event: "queued", Data: make([]byte, size)})
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	take := func(batch []bus.Record) {
		for _, r := range batch {
			seen[r.Subject] = true
		}
	}
	_, err := b.Snapshot(t.Context(), func(batch []bus.Record, _, _ uint64) error { take(batch); return nil })
	require.NoError(t, err)
	require.Len(t, seen, events)

	clear(seen)
	done := errors.New("done")
	require.ErrorIs(t, b.Tail(t.Context(), "palinsesto.post.>", func(batch []bus.Record, pending uint64) error {
		if take(batch); pending == 0 {
			return done
		}
		return nil
	}), done)
	require.Len(t, seen, events)
}

// The server goes away in the middle of a snapshot: the library then goes on by sequence, with what has
// been superseded too, and still the newest message of every aggregate is handed over.
func TestSnapshotOverRestart(t *testing.T) {
	s := bustest.Server(t)
	b, ctx := bustest.Connect(t, s), context.Background()
	const once, often, times, last = 3500, 500, 5, 500
	want := map[string]uint64{}
	var mu sync.Mutex
	put := func(from, n int) {
		var wg sync.WaitGroup
		for i := from; i < from+n; i++ {
			wg.Go(func() {
				mu.Lock()
				expect := want[subject(i)]
				mu.Unlock()
				seq, err := b.Append(ctx, bus.Append{Subject: subject(i), Event: "queued", Expect: expect})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				want[subject(i)] = seq
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	put(0, once)
	for range times {
		put(once, often)
	}
	put(once+often, last)
	got := map[string]uint64{}
	restart := sync.OnceValue(s.Restart)
	upTo, err := b.Snapshot(ctx, func(batch []bus.Record, done, total uint64) error {
		for _, r := range batch {
			got[r.Subject] = max(got[r.Subject], r.Seq)
		}
		if done > total {
			t.Errorf("%d of %d", done, total)
		}
		return restart()
	})
	require.NoError(t, err)
	require.EqualValues(t, once+often*times+last, upTo)
	require.True(t, maps.Equal(want, got), "of %d aggregates %d came", len(want), len(got))
}
