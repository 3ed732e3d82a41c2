// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzUnpack(f *testing.F) {
	full := fromDoc(&Doc{Set: "post", ID: "a", Seq: 1<<64 - 1, Score: maxMoment, Due: 1, DueKey: "k", Facets: []string{"a=b", "c=", "a=b"}})
	empty, gone := stored{}, stored{seq: 7, gone: true}
	f.Add(full.pack([]byte("body\x00\n")))
	f.Add(empty.pack(nil))
	f.Add(gone.pack([]byte("dropped")))
	f.Add("\x01\x00" + strings.Repeat("\xff", 11))
	f.Add("\x01\x00\x00\x00\x00\x00\x7f")
	f.Fuzz(func(t *testing.T, packed string) {
		s, err := unpack(packed)
		if err != nil {
			require.ErrorIs(t, err, errPacked)
			return
		}
		again, err := unpack(s.pack([]byte(s.body)))
		require.NoError(t, err)
		if s.gone {
			s.body = ""
		}
		require.Equal(t, s, again)
	})
}

func FuzzMember(f *testing.F) {
	f.Add("0001763800000000a")
	f.Add("")
	f.Fuzz(func(t *testing.T, m string) {
		if score, id, ok := splitMember(m); ok {
			require.Equal(t, m, memberOf(score, id))
			require.LessOrEqual(t, bucketOf(score), lastBucket)
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add("3", "", "0001763800000000a", "\x01\x00\x00\x00\x00\x00\x00")
	f.Fuzz(func(t *testing.T, total, next, member, packed string) {
		if p, err := page([]any{total, next, member, packed}, false); err == nil {
			require.Len(t, p.Hits, 1)
		}
		_, _ = page([]any{nil, 1, member}, true) // whatever Redis says, no panic
	})
}

func FuzzBuckets(f *testing.F) {
	f.Add("0-0,1500-1763", 1764)
	f.Add("5-3,x,-,9-", 4)
	f.Add("0-99999999999", 0)
	f.Fuzz(func(t *testing.T, text string, n int) {
		b := parseBuckets(text)
		require.Equal(t, b, parseBuckets(b.String()))
		for i := range b {
			require.LessOrEqual(t, b[i].low, b[i].high)
			require.True(t, i == 0 || b[i-1].high+1 < b[i].low, "runs are in order and apart: %s", b)
		}
		if n < 0 || n > lastBucket {
			return
		}
		more, _ := b.with(n)
		again, grew := more.with(n)
		require.False(t, grew)
		require.Equal(t, more, again)
	})
}

func TestBucketsGrowInAnyOrder(t *testing.T) {
	var b buckets
	for _, n := range []int{5, 3, 9, 4, 0, 8, 5, 1} {
		b, _ = b.with(n)
	}
	require.Equal(t, "0-1,3-5,8-9", b.String())
}

func TestPackedIsWhatWasGiven(t *testing.T) {
	d := Doc{Set: "post", ID: "a", Seq: 300, Score: 1, Due: 2, DueKey: "key", Facets: []string{"b=1", "a=1", "b=1"}, Body: []byte("x")}
	s := fromDoc(&d)
	got, err := unpack(s.pack(d.Body))
	require.NoError(t, err)
	require.Equal(t, stored{seq: 300, score: 1, due: 2, dueKey: "key", facets: []string{"a=1", "b=1"}, body: "x"}, got)
	require.Equal(t, []string{"b=1", "a=1", "b=1"}, d.Facets, "the caller's own are left alone")
}

func TestSweeperDropsWhatLapsed(t *testing.T) {
	ctx := t.Context()
	x, err := Open(ctx, Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	now := time.Now()
	for _, ok := range []func() (bool, error){
		func() (bool, error) { return x.Once(ctx, "a", time.Hour) },
		func() (bool, error) { return x.Lead(ctx, "b", "me: 1 2", time.Hour) },
		func() (bool, error) { return true, x.Block(ctx, "c", now.Add(time.Hour)) },
		func() (bool, error) { w, err := x.Take(ctx, Rate{Key: "d", PerMinute: 1}); return w == 0, err },
	} {
		did, err := ok()
		require.NoError(t, err)
		require.True(t, did)
	}
	s := &sweeper{server: x.local.short, prefix: x.keys.prefix}
	left := func() int { return len(x.local.short.server.Keys()) }
	require.NoError(t, s.pass(now))
	require.Equal(t, 4, left())
	require.NoError(t, s.pass(now.Add(sweepEvery/2)), "not yet time to look again")
	require.NoError(t, s.pass(now.Add(2*time.Minute)))
	require.Equal(t, 3, left(), "the rate is full again")
	require.NoError(t, s.pass(now.Add(2*time.Hour)))
	require.Zero(t, left())
}

func TestPipe(t *testing.T) {
	client, server := newPipe()
	// The server answers far more than any buffer holds while nobody reads: it must not wait.
	big := slices.Repeat([]byte("0123456789abcdef"), 1<<16)
	_, err := server.Write(big)
	require.NoError(t, err)
	got := make([]byte, len(big))
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.Equal(t, big, got)

	// The client is held back until the server reads, then all arrives in order.
	sent := make(chan error, 1)
	go func() {
		for part := range slices.Chunk(big, 10_000) {
			if _, err := client.Write(part); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	_, err = io.ReadFull(server, got)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.Equal(t, big, got)

	require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err = client.Read(got)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, client.SetReadDeadline(time.Time{}))
	require.NoError(t, server.Close())
	_, err = client.Read(got)
	require.ErrorIs(t, err, io.EOF)
	_, err = client.Write(got)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}
