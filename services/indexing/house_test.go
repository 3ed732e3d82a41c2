// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// bothKinds runs a test on the index inside the process and on a real Redis.
func bothKinds(t *testing.T, f func(t *testing.T, open func(t testing.TB) *index.Index)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{
		"embedded": func(testing.TB) string { return "" },
		"redis":    func(t testing.TB) string { return indextest.Redis(t) },
	} {
		t.Run(name, func(t *testing.T) {
			f(t, func(t testing.TB) *index.Index { return openIndex(t, url(t)) })
		})
	}
}

func openIndex(t testing.TB, url string) *index.Index {
	t.Helper()
	x, err := index.Open(context.Background(), index.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// words keeps log lines for a test to look at.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// copyOf is one copy of the room with a connection of its own; stop ends it and waits.
func copyOf(t testing.TB, server *embednats.Server, x *index.Index) (s *Service, said *words, stop func()) {
	t.Helper()
	said = &words{}
	s, err := New(nil, Deps{Bus: bustest.Connect(t, server), Index: x, Clock: time.Now, Log: slog.New(slog.NewTextHandler(said, nil))})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-ended)
		})
	}
	t.Cleanup(stop)
	return s, said, stop
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 5*time.Millisecond, what)
}

// current waits until the index shows the whole log and nothing differs.
func current(t testing.TB, b *bus.Bus, x *index.Index) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	found, err := Verify(ctx, b, x, 20)
	require.NoError(t, err)
	require.Empty(t, found)
}

// queued is a post that waits for its moment, in an hour.
func queued(i int) palinsesto.Post {
	p := finished(i)
	p.State, p.Parts, p.Attempt, p.PostedAt, p.Link = palinsesto.PostQueued, nil, nil, time.Time{}, ""
	p.Due = time.Now().Add(time.Hour).Truncate(time.Millisecond)
	return p
}

func putPost(t testing.TB, b *bus.Bus, p palinsesto.Post, event palinsesto.PostEvent) contract.Event[palinsesto.Post] {
	t.Helper()
	e, err := bus.Update(context.Background(), b, contract.Posts, contract.PostSubject(p.Channel, p.ID),
		contract.Envelope{Actor: palinsesto.Room("test"), At: time.Now()},
		func(contract.Event[palinsesto.Post]) (bus.Decision[palinsesto.Post], error) {
			return bus.Decision[palinsesto.Post]{Event: string(event), State: p}, nil
		})
	require.NoError(t, err)
	return e
}

func count(t testing.TB, x *index.Index, set, facet string) map[string]int {
	t.Helper()
	n, err := x.Counts(context.Background(), set, facet)
	require.NoError(t, err)
	return n
}

// dump is all that can be read of an index, to compare two of them.
func dump(t testing.TB, x *index.Index) []string {
	t.Helper()
	ctx := context.Background()
	var out []string
	for _, set := range sets {
		for _, facet := range append([]string{""}, facetNames...) {
			for value, n := range count(t, x, set, facet) {
				out = append(out, fmt.Sprintf("%s %s=%s %d", set, facet, value, n))
				if facet != "" {
					out = append(out, members(t, x, set, facet+"="+value)...)
				}
			}
		}
		out = append(out, members(t, x, set, "")...)
	}
	n, err := x.DueCount(ctx)
	require.NoError(t, err)
	next, some, err := x.NextDue(ctx)
	require.NoError(t, err)
	return append(out, fmt.Sprintf("due %d %v %v", n, some, next))
}

func members(t testing.TB, x *index.Index, set, facet string) []string {
	t.Helper()
	q := index.Query{Set: set, Limit: 200}
	if facet != "" {
		q.Facets = []string{facet}
	}
	var out []string
	for {
		p, err := x.List(context.Background(), q)
		require.NoError(t, err)
		for _, h := range p.Hits {
			out = append(out, fmt.Sprintf("%s %s %s %d %d %x", set, facet, h.ID, h.Seq, h.Score, h.Body))
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return out
		}
	}
}
