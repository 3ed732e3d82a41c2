// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/index"
)

// A document that the index has lost, with its place in every list and in the due queue, is told by a check
// and comes back from the log.
func TestSweepLogBringsBack(t *testing.T) {
	b, x := bustest.New(t), openIndex(t, "")
	write(t, b, 30, queued)
	s, err := New(nil, Deps{Bus: b, Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(t, err)
	name, err := s.logName(t.Context())
	require.NoError(t, err)
	half, err := x.Rebuild(t.Context(), name)
	require.NoError(t, err)
	last, err := b.Snapshot(t.Context(), func(batch []bus.Record, _, _ uint64) error {
		return half.Put(t.Context(), s.docs(slices.DeleteFunc(slices.Clone(batch), func(r bus.Record) bool { return r.Seq == 4 || r.Seq == 18 })))
	})
	require.NoError(t, err)
	epoch, err := half.Finish(t.Context(), last)
	require.NoError(t, err)
	require.NoError(t, s.sweep(t.Context(), epoch))
	found, err := Verify(t.Context(), b, x, 100)
	require.NoError(t, err)
	require.NotEmpty(t, found, "no list leads to them any more")
	require.NoError(t, s.sweepLog(t.Context(), epoch))
	found, err = Verify(t.Context(), b, x, 100)
	require.NoError(t, err)
	require.Empty(t, found)
	require.ErrorIs(t, s.sweepLog(t.Context(), "another"), index.ErrNoIndex)
}
