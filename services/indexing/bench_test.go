// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// finished is a post as the log holds it years later.
func finished(i int) palinsesto.Post {
	at := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 15 * time.Minute)
	seg := palinsesto.DeriveID("seg", fmt.Sprint(i/3))
	channel := fmt.Sprintf("channel-%d", i%100)
	return palinsesto.Post{
		ID: palinsesto.PostID(seg, channel, i), Segnalazione: seg, Centre: fmt.Sprintf("centro-%d", i%13), Channel: channel,
		Network: "telegram", Kind: palinsesto.KindOfferta, Title: "Addetta/o alla saldatura TIG", State: palinsesto.PostPosted,
		Approved: 1, Hash: palinsesto.DeriveID("hash", seg), Due: at, FirstDue: at, Expires: at.AddDate(0, 0, 14),
		Parts:    []palinsesto.PartState{{Posted: true, RemoteIDs: []string{fmt.Sprint(i)}, Link: "https://t.me/lavoromarche/" + fmt.Sprint(i)}},
		Attempt:  &palinsesto.Attempt{Number: 1, Key: palinsesto.DeriveID("key", seg), Worker: "w1", Intended: at, Lasts: time.Minute, Verdict: "posted", Status: 200, Took: 80 * time.Millisecond},
		Attempts: 1, Link: "https://t.me/lavoromarche/" + fmt.Sprint(i), PostedAt: at,
	}
}

// write appends posts side by side, so that they share flushes.
func write(t testing.TB, b *bus.Bus, n int, post func(i int) palinsesto.Post) {
	var g errgroup.Group
	g.SetLimit(500)
	for i := range n {
		g.Go(func() error {
			p := post(i)
			data, err := contract.Posts.Encode(contract.Envelope{Actor: palinsesto.Room("publishing"), At: p.PostedAt}, p)
			if err != nil {
				return err
			}
			_, err = b.Append(context.Background(), bus.Append{Subject: contract.PostSubject(p.Channel, p.ID), Event: "posted", Data: data})
			return err
		})
	}
	require.NoError(t, g.Wait())
}

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkRebuild100000 is the part of a start that grows with the log.
func BenchmarkRebuild100000(b *testing.B) {
	log := bustest.New(b)
	write(b, log, 100_000, finished)
	for name, url := range map[string]func() string{
		"embedded": func() string { return "" },
		"redis":    func() string { return indextest.Redis(b) },
	} {
		b.Run(name, func(b *testing.B) {
			x, err := index.Open(context.Background(), index.Options{URL: url()})
			require.NoError(b, err)
			b.Cleanup(func() { _ = x.Close() })
			s, err := New(nil, Deps{Bus: log, Index: x, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
			require.NoError(b, err)
			var used time.Duration
			for b.Loop() {
				before := cpu()
				_, err := s.rebuild(context.Background(), "benchmark")
				require.NoError(b, err)
				used += cpu() - before
			}
			b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}
