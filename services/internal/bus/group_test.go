// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is put as the bus closes, behind the last batch, is refused: nobody would ever send it.
func TestAppendBehindTheLastBatch(t *testing.T) {
	b := &Bus{closed: make(chan struct{})}
	b.group = &group{b: b, in: make(chan *pending, 1), ended: make(chan struct{})}
	close(b.group.ended)
	answer := make(chan error, 1)
	go func() {
		_, err := b.Append(context.Background(), Append{Subject: "a"})
		answer <- err
	}()
	select {
	case err := <-answer:
		require.ErrorIs(t, err, errClosed)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for ever")
	}
}

// Two events of one aggregate never share a batch, none is lost, and their order is kept.
func TestDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subjects := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 40).Draw(t, "subjects")
		var waiting []*pending
		for _, s := range subjects {
			waiting = append(waiting, &pending{a: Append{Subject: s}})
		}
		last := map[*pending]int{}
		order := map[string][]*pending{}
		for _, p := range waiting {
			order[p.a.Subject] = append(order[p.a.Subject], p)
		}
		sent := map[string][]*pending{}
		for round := 0; len(waiting) > 0; round++ {
			now, later := distinct(waiting)
			seen := map[string]bool{}
			for _, p := range now {
				require.False(t, seen[p.a.Subject], "two of %s in one batch", p.a.Subject)
				seen[p.a.Subject] = true
				sent[p.a.Subject] = append(sent[p.a.Subject], p)
				last[p] = round
			}
			require.NotEmpty(t, now)
			waiting = later
		}
		require.Equal(t, order, sent)
	})
}
