// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestFollowsFromAnEmptyHouse(t *testing.T) {
	bothKinds(t, func(t *testing.T, open func(testing.TB) *index.Index) {
		server, x := bustest.Server(t), open(t)
		b := bustest.Connect(t, server)
		s, _, stop := copyOf(t, server, x)
		eventually(t, "an empty log gives an empty index that is ready", func() bool { return s.Ready(context.Background()) == nil })
		write(t, b, 50, queued)
		current(t, b, x)
		require.Equal(t, map[string]int{"queued": 50}, count(t, x, SetPosts, "state"))
		n, err := x.DueCount(context.Background())
		require.NoError(t, err)
		require.Equal(t, 50, n)
		p := queued(0)
		p.State = palinsesto.PostHeld
		putPost(t, b, p, palinsesto.PostWasHeld)
		current(t, b, x)
		n, err = x.DueCount(context.Background())
		require.NoError(t, err)
		require.Equal(t, 49, n)
		stop()
		require.False(t, s.Leads(), "who stops lets another copy lead")
	})
}

func TestGoesOnWhereItStood(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, indextest.Redis(t))
	b := bustest.Connect(t, server)
	_, _, stop := copyOf(t, server, x)
	write(t, b, 20, queued)
	current(t, b, x)
	before, err := x.Meta(context.Background())
	require.NoError(t, err)
	stop()
	putPost(t, b, finished(0), palinsesto.PostWasPosted)
	_, said, _ := copyOf(t, server, x)
	current(t, b, x)
	after, err := x.Meta(context.Background())
	require.NoError(t, err)
	require.Equal(t, before.Epoch, after.Epoch, "an index that is right is not rebuilt: %s", said)
	require.NotContains(t, said.String(), "rebuilding")
}

// FLUSHALL again and again while events come: in the end nothing is missing.
func TestWipedInTheMiddle(t *testing.T) {
	redis := indextest.Start(t)
	server, x := bustest.Server(t), openIndex(t, redis.URL)
	b := bustest.Connect(t, server)
	s, _, _ := copyOf(t, server, x)
	var writers sync.WaitGroup
	for part := range 4 {
		writers.Go(func() {
			for i := range 50 {
				putPost(t, b, queued(part*50+i), palinsesto.PostWasQueued)
				putPost(t, b, finished(part*50+i), palinsesto.PostWasPosted)
			}
		})
	}
	for range 5 {
		eventually(t, "the index is there", func() bool { return s.Ready(context.Background()) == nil })
		redis.FlushAll()
	}
	writers.Wait()
	current(t, b, x)
	require.Equal(t, map[string]int{"posted": 200}, count(t, x, SetPosts, "state"))
}

// A wiped index comes back also when nothing is written that would meet it.
func TestWipedWhileNothingHappens(t *testing.T) {
	redis := indextest.Start(t)
	server, x := bustest.Server(t), openIndex(t, redis.URL)
	b := bustest.Connect(t, server)
	s, _, _ := copyOf(t, server, x)
	write(t, b, 10, queued)
	current(t, b, x)
	redis.FlushAll()
	eventually(t, "the wipe is noticed", func() bool { return s.Ready(context.Background()) == nil })
	current(t, b, x)
	redis.Restart()
	eventually(t, "a new, empty Redis too", func() bool { return s.Ready(context.Background()) == nil })
	current(t, b, x)
}

func TestOfTwoCopiesOneProjects(t *testing.T) {
	server, url := bustest.Server(t), indextest.Redis(t)
	b, x := bustest.Connect(t, server), openIndex(t, url)
	first, _, stopFirst := copyOf(t, server, openIndex(t, url))
	eventually(t, "the first leads", first.Leads)
	second, _, _ := copyOf(t, server, openIndex(t, url))
	write(t, b, 20, queued)
	current(t, b, x)
	require.False(t, second.Leads(), "the second stands by")
	require.NoError(t, second.Ready(context.Background()), "and is ready: the lists are")
	stopFirst()
	putPost(t, b, finished(0), palinsesto.PostWasPosted)
	eventually(t, "the second takes over", second.Leads)
	current(t, b, x)
}

// A copy that hangs loses the lead; when it wakes up it stands by.
func TestALostLeadIsNoticed(t *testing.T) {
	server, url := bustest.Server(t), indextest.Redis(t)
	x := openIndex(t, url)
	s, said, _ := copyOf(t, server, openIndex(t, url))
	eventually(t, "it leads", s.Leads)
	eventually(t, "another takes the lead", func() bool {
		// As if ours had lapsed: the owner gives it back at once, and somebody else takes it.
		_, err := x.Lead(context.Background(), "indexing", s.owner, time.Millisecond)
		require.NoError(t, err)
		got, err := x.Lead(context.Background(), "indexing", "somebody else", time.Minute)
		require.NoError(t, err)
		return got
	})
	eventually(t, "it stands by", func() bool { return !s.Leads() })
	require.Contains(t, said.String(), "standing by")
}

func TestTwoAtOnceDoNoHarm(t *testing.T) {
	bothKinds(t, func(t *testing.T, open func(testing.TB) *index.Index) {
		server, x := bustest.Server(t), open(t)
		b := bustest.Connect(t, server)
		ctx, cancel := context.WithCancel(context.Background())
		var both sync.WaitGroup
		for i := range 2 {
			s, err := New(nil, Deps{Bus: bustest.Connect(t, server), Index: x, Clock: time.Now, Log: quiet()})
			require.NoError(t, err)
			s.owner = fmt.Sprint(i)
			both.Go(func() {
				for ctx.Err() == nil {
					_ = s.project(ctx) // both, as if each believed that it leads
				}
			})
		}
		write(t, b, 100, queued)
		for i := range 100 {
			putPost(t, b, finished(i), palinsesto.PostWasPosted)
		}
		current(t, b, x)
		cancel()
		both.Wait()
	})
}

// An older copy of the log below the index: everything is stopped, then the lists are made anew.
func TestAheadOfTheLog(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, indextest.Redis(t))
	b := bustest.Connect(t, server)
	holds := make(chan palinsesto.PlaceHold, 10)
	serveHolds(t, b, holds)
	write(t, b, 5, queued)
	s, _, stop := copyOf(t, server, x)
	current(t, b, x)
	stop()
	// What the index saw after the copy was taken is not on the log.
	m, err := x.Meta(context.Background())
	require.NoError(t, err)
	require.NoError(t, x.Apply(context.Background(), m.Epoch, []index.Doc{{Set: SetPosts, ID: "lost", Seq: m.Seq + 100}}, m.Seq+100))
	_, said, _ := copyOf(t, server, x)
	hold := <-holds
	require.Equal(t, palinsesto.ScopeAll, hold.Scope)
	require.Contains(t, hold.Reason, "copia più vecchia")
	eventually(t, "rebuilt", func() bool {
		now, err := x.Meta(context.Background())
		return err == nil && now.Epoch != m.Epoch && now.Ready
	})
	current(t, b, x)
	require.Contains(t, said.String(), "ahead of the log")
	require.NoError(t, s.Ready(context.Background()))
	require.Empty(t, holds, "one hold, not one per look")
}

// serveHolds stands in for scheduling.
func serveHolds(t *testing.T, b *bus.Bus, to chan<- palinsesto.PlaceHold) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Serve(ctx, "scheduling", "a stand-in", bus.Endpoint{Verb: "hold", Handle: func(_ context.Context, data []byte) ([]byte, error) {
			cmd, err := contract.DecodePlaceHold(data)
			if err != nil {
				return nil, err
			}
			to <- cmd
			return contract.EncodeStopped(palinsesto.Stopped{})
		}})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestAnotherLogAndAnotherProjection(t *testing.T) {
	x := openIndex(t, indextest.Redis(t))
	old := bustest.Server(t)
	write(t, bustest.Connect(t, old), 5, queued)
	_, _, stop := copyOf(t, old, x)
	current(t, bustest.Connect(t, old), x)
	stop()
	server := bustest.Server(t)
	b := bustest.Connect(t, server)
	putPost(t, b, finished(99), palinsesto.PostWasPosted)
	s, said, _ := copyOf(t, server, x)
	eventually(t, "rebuilt for the new log", func() bool { return s.Ready(context.Background()) == nil })
	current(t, b, x)
	require.Equal(t, map[string]int{"posted": 1}, count(t, x, SetPosts, "state"))
	require.Contains(t, said.String(), "of another log, or projected by another version")
}

func TestRebuildByCommand(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, "")
	b := bustest.Connect(t, server)
	write(t, b, 10, queued)
	copyOf(t, server, x)
	current(t, b, x)
	before, err := x.Meta(context.Background())
	require.NoError(t, err)
	_, err = b.Request(context.Background(), "indexing", "rebuild", nil)
	require.NoError(t, err)
	after, err := x.Meta(context.Background())
	require.NoError(t, err)
	require.NotEqual(t, before.Epoch, after.Epoch)
	putPost(t, b, finished(1), palinsesto.PostWasPosted)
	current(t, b, x)
}

// The sweep brings back what the due queue has lost, and takes out what should not be there.
func TestSweep(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, "")
	b := bustest.Connect(t, server)
	s, err := New(nil, Deps{Bus: b, Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(t, err)
	for i := range 450 { // more than two pages
		putPost(t, b, queued(i), palinsesto.PostWasQueued)
	}
	m, err := s.rebuild(context.Background(), "test")
	require.NoError(t, err)
	// As eviction would: the document stays, its place in the queue is lost. A newer document that is not
	// due takes it out, and an older one cannot bring it back: so a foreign key of the queue is used.
	p := queued(0)
	e, err := bus.Load(context.Background(), b, contract.Posts, contract.PostSubject(p.Channel, p.ID))
	require.NoError(t, err)
	thief := index.Doc{Set: "test", ID: "thief", Seq: 1, Due: 1, DueKey: e.Subject}
	require.NoError(t, x.Apply(context.Background(), m.Epoch, []index.Doc{thief}, 0))
	thief.Seq, thief.Due = 2, 0
	require.NoError(t, x.Apply(context.Background(), m.Epoch, []index.Doc{thief}, 0))
	n, err := x.DueCount(context.Background())
	require.NoError(t, err)
	require.Equal(t, 449, n, "lost")
	require.NoError(t, s.sweep(context.Background(), m.Epoch))
	current(t, b, x)
}

func TestReadyTellsTheTruth(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, "")
	b := bustest.Connect(t, server)
	s, err := New(nil, Deps{Bus: b, Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(t, err)
	require.ErrorContains(t, s.Ready(context.Background()), "not ready yet")
	s.status.begin()
	s.progress(40, 100)
	require.ErrorContains(t, s.Ready(context.Background()), "40 di 100")
	done, total, ok := s.Progress()
	require.Equal(t, []any{uint64(40), uint64(100), true}, []any{done, total, ok})
	s.status.end()
	_, err = s.rebuild(context.Background(), "test")
	require.NoError(t, err)
	require.NoError(t, s.Ready(context.Background()))
	write(t, b, 10, queued)
	lag, err := s.Lag(context.Background())
	require.NoError(t, err)
	require.Equal(t, uint64(10), lag)
	write(t, b, lagMost, func(i int) palinsesto.Post { return queued(i + 10) })
	require.ErrorContains(t, s.Ready(context.Background()), "lags behind")
}
