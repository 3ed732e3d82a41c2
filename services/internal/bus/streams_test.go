// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func streams(t testing.TB, s *embednats.Server) *bus.Streams {
	t.Helper()
	st, err := bus.OpenStreams(context.Background(), bus.Options{Server: s, User: "test", Password: "test", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	return st
}

// All that the guards rest on must come back as it was: sequences, the moment of making, which names the
// log, and a gapless beginning of what was appended meanwhile.
func TestStreamCopiedWhileItGrows(t *testing.T) {
	from := bustest.Server(t)
	b := bustest.Connect(t, from)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	fill := func(w, n int) bool {
		if ctx.Err() != nil {
			return false
		}
		subject := contract.PostSubject("tg", fmt.Sprintf("%08d-0000-7000-8000-%012d", w, n))
		// What cannot be compressed, so that the copy takes as many pieces as the log has.
		data := make([]byte, 30_000)
		_, _ = rand.Read(data)
		_, err := b.Append(ctx, bus.Append{Subject: subject, Event: "queued", Data: data})
		return err == nil
	}
	for w := range 32 {
		wg.Go(func() {
			for n := 0; fill(w, n); n++ {
			}
		})
	}
	grown := func(to uint64) {
		for {
			last, err := b.LastSeq(t.Context())
			require.NoError(t, err)
			if last >= to {
				return
			}
		}
	}
	grown(200)
	out := streams(t, from)
	var copied slow
	copied.before = func(n uint64) { grown(200 + 5*n) }
	st, err := out.Save(t.Context(), contract.Stream, &copied)
	stop()
	wg.Wait()
	require.NoError(t, err)
	require.GreaterOrEqual(t, st.LastSeq, uint64(200))

	to := bustest.Server(t)
	in := streams(t, to)
	require.NoError(t, in.Put(t.Context(), st, 1, &copied.Buffer))
	again := bustest.Connect(t, to)
	last, err := again.LastSeq(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, last, st.LastSeq)
	same(t, b, again)
	next, seen := uint64(1), uint64(0)
	follow, enough := context.WithCancel(t.Context())
	require.NoError(t, again.Follow(follow, 1, nil, func(batch []bus.Record, _ uint64) error {
		for _, r := range batch {
			require.Equal(t, next, r.Seq)
			next++
		}
		if seen = batch[len(batch)-1].Seq; seen == last {
			enough()
		}
		return nil
	}))
	enough()
	require.Equal(t, last, seen)
	seq, err := again.Append(t.Context(), bus.Append{Subject: contract.HoldSubject, Event: "placed", Data: []byte("x")})
	require.NoError(t, err)
	require.Equal(t, last+1, seq)
	t.Logf("copied at %d, restored to %d", st.LastSeq, last)
}

// slow takes pieces no faster than the log grows.
type slow struct {
	bytes.Buffer
	pieces uint64
	before func(uint64)
}

func (s *slow) Write(p []byte) (int, error) {
	s.pieces++
	s.before(s.pieces)
	return s.Buffer.Write(p)
}

func same(t *testing.T, a, b *bus.Bus) {
	t.Helper()
	idA, err := a.LogID(t.Context())
	require.NoError(t, err)
	idB, err := b.LogID(t.Context())
	require.NoError(t, err)
	require.Equal(t, idA, idB)
}

func TestMediaCopied(t *testing.T) {
	from := bustest.Server(t)
	b := bustest.Connect(t, from)
	data := bytes.Repeat([]byte("lavoro "), 100_000)
	hash := fmt.Sprintf("%064d", 7)
	require.NoError(t, b.PutMedia(t.Context(), palinsesto.Media{Hash: hash}, data))
	out := streams(t, from)
	all, err := out.Ours(t.Context())
	require.NoError(t, err)
	to := bustest.Server(t)
	in := streams(t, to)
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
		var copied bytes.Buffer
		st, err := out.Save(t.Context(), s.Name, &copied)
		require.NoError(t, err)
		require.NoError(t, in.Put(t.Context(), st, 1, &copied))
	}
	require.Equal(t, []string{"PALINSESTO", "OBJ_palinsesto-media", "PALINSESTO_DEAD"}, names, "the log first, uploads not at all")
	again := bustest.Connect(t, to)
	r, err := again.OpenMedia(t.Context(), hash)
	require.NoError(t, err)
	var got bytes.Buffer
	_, err = got.ReadFrom(r)
	require.NoError(t, err)
	require.Equal(t, data, got.Bytes())
}
