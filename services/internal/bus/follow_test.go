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
