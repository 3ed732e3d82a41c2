// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

// A follower lives as long as its room: what each batch leaves behind fills the memory in the end.
func TestFollowLeavesNothingBehind(t *testing.T) {
	b := bustest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	took := make(chan int, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- b.Follow(ctx, 1, nil, func(batch []bus.Record, _ uint64) error { took <- len(batch); return nil })
	}()
	var before int
	for i := range 200 { // one by one, so that each is a batch
		_, err := b.Append(ctx, bus.Append{Subject: fmt.Sprintf("palinsesto.seg.jesi.%d", i), Event: "submitted", Data: []byte("x")})
		require.NoError(t, err)
		require.Equal(t, 1, <-took)
		if i == 20 {
			before = runtime.NumGoroutine()
		}
	}
	require.Less(t, runtime.NumGoroutine(), before+50)
	cancel()
	require.NoError(t, <-ended)
}

// Who reads slowly is not given more than a bounded share of the log at a time.
func TestFollowIsBoundedInBytes(t *testing.T) {
	b := bustest.New(t)
	const events, size, most = 60, 200 << 10, 4 << 20
	var subjects []string
	for i := range events {
		subjects = append(subjects, subject(i))
		_, err := b.Append(t.Context(), bus.Append{Subject: subject(i), Event: "queued", Data: make([]byte, size)})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, largest := 0, 0
	require.NoError(t, b.Follow(ctx, 1, nil, func(batch []bus.Record, _ uint64) error {
		seen, largest = seen+len(batch), max(largest, len(batch))
		if seen == len(batch) { // on the same line: what was asked for comes in before it
			_, err := b.Newest(ctx, 0, subjects...)
			require.NoError(t, err)
		}
		if seen == events {
			cancel()
		}
		return nil
	}))
	require.Equal(t, events, seen)
	require.LessOrEqual(t, largest*size, most)
}
