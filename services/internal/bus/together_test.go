// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

// Reads that share a request get what they asked for and nothing else, whatever the others ask for.
func TestReadsTogether(t *testing.T) {
	b := bustest.New(t)
	fill(t, b, 50)
	var g errgroup.Group
	for range 200 {
		g.Go(func() error {
			var ask []string
			want := map[string]string{}
			for range 1 + rand.IntN(5) {
				i := rand.IntN(60) // the last ten do not exist
				if _, twice := want[subject(i)]; twice {
					continue
				}
				ask = append(ask, subject(i))
				want[subject(i)] = fmt.Sprint(i)
			}
			records, err := b.Newest(context.Background(), 0, ask...)
			if err != nil {
				return err
			}
			got := map[string]bool{}
			for _, r := range records {
				if want[r.Subject] != string(r.Data) {
					return fmt.Errorf("asked for %v, got %s %q", ask, r.Subject, r.Data)
				}
				got[r.Subject] = true
			}
			for s, i := range want {
				if exists := len(i) < 2 || i < "50"; exists != got[s] {
					return fmt.Errorf("asked for %v, %s is there: %v", ask, s, got[s])
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// Who appends and then reads sees their own event, also while others read.
func TestReadsTogetherAreFresh(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	var g errgroup.Group
	for i := range 20 {
		g.Go(func() error {
			var seq uint64
			for n := range 30 {
				next, err := b.Append(ctx, bus.Append{Subject: subject(i), Event: "queued", Expect: seq, Data: []byte(fmt.Sprint(n))})
				if err != nil {
					return err
				}
				seq = next
				records, err := b.Newest(ctx, seq, subject(i), subject((i+1)%20))
				if err != nil {
					return err
				}
				if records[0].Seq != seq {
					return fmt.Errorf("appended %d, read %d", seq, records[0].Seq)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// Who gives up waiting does not take the others along.
func TestReadTogetherGivenUp(t *testing.T) {
	b := bustest.New(t)
	fill(t, b, 1)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := b.Newest(gone, 0, subject(0))
	require.ErrorIs(t, err, context.Canceled)
	records, err := b.Newest(context.Background(), 0, subject(0))
	require.NoError(t, err)
	require.Len(t, records, 1)
}
