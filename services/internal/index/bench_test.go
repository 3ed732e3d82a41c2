// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
)

// onBoth runs a benchmark on both kinds of index.
func onBoth(b *testing.B, f func(b *testing.B, x *index.Index)) {
	for name, url := range map[string]func() string{
		"embedded": func() string { return "" },
		"redis":    func() string { return indextest.Redis(b) },
	} {
		b.Run(name, func(b *testing.B) {
			x, err := index.Open(context.Background(), index.Options{URL: url()})
			require.NoError(b, err)
			b.Cleanup(func() { _ = x.Close() })
			began := cpu(b)
			f(b, x)
			b.ReportMetric(float64(cpu(b)-began)/float64(max(b.N, 1))/1e3, "cpu-µs/op")
		})
	}
}

// cpu is the processor time that this process has used: with the embedded index that is all of it, and
// unlike the wall clock it means something on a busy machine.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const (
	start = int64(1_763_800_000_000)
	year  = int64(365 * 24 * 3600 * 1000)
)

var body = make([]byte, 400)

// post makes a document with the facets that a post has: one of 100 channels, 13 centres.
func post(i int, seq uint64, state string, score int64) index.Doc {
	return index.Doc{
		Set: "post", ID: fmt.Sprintf("019ad5f0-0000-7000-8000-%012d", i), Seq: seq, Body: body, Score: score,
		Facets: []string{"state=" + state, fmt.Sprintf("channel=c%d", i%100), fmt.Sprintf("centre=o%d", i%13),
			"network=telegram", fmt.Sprintf("seg=s%d", i/3)},
		DueKey: fmt.Sprintf("palinsesto.post.c%d.019ad5f0-0000-7000-8000-%012d", i%100, i),
	}
}

func posts(n int, seq uint64, state string, due bool) []index.Doc {
	out := make([]index.Doc, n)
	for i := range out {
		out[i] = post(i, seq+uint64(i), state, start-int64(i)*(3*year/int64(max(n, 1000))))
		if due {
			out[i].Due = start
		}
	}
	return out
}

func built(b *testing.B, x *index.Index, docs []index.Doc) string {
	ctx := context.Background()
	build, err := x.Rebuild(ctx, "log")
	require.NoError(b, err)
	require.NoError(b, build.Put(ctx, docs))
	epoch, err := build.Finish(ctx, uint64(len(docs)))
	require.NoError(b, err)
	return epoch
}

func BenchmarkApply500New(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		epoch := built(b, x, nil)
		docs, seq := posts(500, 0, "queued", true), uint64(0)
		for b.Loop() {
			for i := range docs {
				seq++
				docs[i].Seq, docs[i].ID = seq, fmt.Sprintf("019ad5f0-0000-7000-8000-%012d", seq)
				docs[i].DueKey = docs[i].ID
			}
			require.NoError(b, x.Apply(context.Background(), epoch, docs, seq))
		}
	})
}

func BenchmarkApply500StateChange(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		epoch := built(b, x, posts(10_000, 1, "queued", true))
		docs, seq := posts(500, 1, "queued", true), uint64(20_000)
		states := []string{"due", "publishing", "posted", "queued"}
		for n := 0; b.Loop(); n++ {
			for i := range docs {
				seq++
				docs[i].Seq, docs[i].Facets[0] = seq, "state="+states[n%4]
			}
			require.NoError(b, x.Apply(context.Background(), epoch, docs, seq))
		}
	})
}

func BenchmarkApplyOne(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		epoch := built(b, x, posts(10_000, 1, "queued", true))
		docs, seq := posts(1, 1, "queued", true), uint64(20_000)
		states := []string{"due", "publishing", "posted", "queued"}
		for n := 0; b.Loop(); n++ {
			seq++
			docs[0].Seq, docs[0].Facets[0] = seq, "state="+states[n%4]
			require.NoError(b, x.Apply(context.Background(), epoch, docs, seq))
		}
	})
}

func BenchmarkBuild100000(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		docs := posts(100_000, 1, "posted", false)
		for b.Loop() {
			built(b, x, docs)
		}
	})
}

func BenchmarkListAt100000(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		ctx := context.Background()
		docs := posts(100_000, 1, "posted", false)
		for i := 0; i < len(docs); i += 1000 {
			docs[i].Facets[0] = "state=failed"
		}
		built(b, x, docs)
		for name, facets := range map[string][]string{
			"all": nil, "posted": {"state=posted"}, "failed": {"state=failed"},
			"failed+channel": {"state=failed", "channel=c0"}, "posted+centre": {"state=posted", "centre=o3"},
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					p, err := x.List(ctx, index.Query{Set: "post", Facets: facets, Limit: 50})
					require.NoError(b, err)
					require.Len(b, p.Hits, 50)
				}
			})
		}
	})
}

func BenchmarkClaim500Of10000(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		built(b, x, posts(10_000, 1, "queued", true))
		until := time.Now().AddDate(1, 0, 0)
		for b.Loop() {
			got, err := x.ClaimDue(context.Background(), until, time.Minute, 500)
			require.NoError(b, err)
			require.Len(b, got, 500)
		}
	})
}

func BenchmarkNextDueOf10000(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		built(b, x, posts(10_000, 1, "queued", true))
		for b.Loop() {
			_, ok, err := x.NextDue(context.Background())
			require.NoError(b, err)
			require.True(b, ok)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		for b.Loop() {
			_, err := x.Take(context.Background(), index.Rate{Key: "chat", PerSecond: 1_000_000, PerMinute: 60_000_000, Burst: 1000})
			require.NoError(b, err)
		}
	})
}

func BenchmarkOnce(b *testing.B) {
	onBoth(b, func(b *testing.B, x *index.Index) {
		for b.Loop() {
			_, err := x.Once(context.Background(), "k", time.Second)
			require.NoError(b, err)
		}
	})
}
