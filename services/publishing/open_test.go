// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
)

// An index that outlived its log tells nothing of where to begin: publishing waits until indexing has
// made it anew, and then no event that is still open lies before where it begins.
func TestOldIndexIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		ofThisLog bool
		beyond    uint64 // how far the old index goes past the log
	}{
		"of another, longer log":           {false, 1000},
		"of another log":                   {false, 0},
		"ahead of a log that was put back": {true, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			h, ctx := newHouse(t), context.Background()
			id, err := h.LogID(ctx)
			require.NoError(t, err)
			old := "another"
			if c.ofThisLog {
				old = index.NameOf(id)
			}
			p := h.due("testo")
			h.showing(old, p.Seq+c.beyond)
			from := make(chan uint64, 1)
			s := h.room("w")
			go func() {
				first, err := s.firstOpen(ctx)
				if err != nil {
					t.Error(err)
				}
				from <- first
			}()
			select {
			case first := <-from:
				t.Fatalf("begins at %d by an old index; %d is open", first, p.Seq)
			case <-time.After(5 * indexPoll):
			}
			h.showing(index.NameOf(id), p.Seq-1)
			require.Equal(t, p.Seq, within(t, from))
		})
	}
}

// showing makes an empty index that claims to show a log up to a sequence.
func (h *house) showing(log string, seq uint64) {
	b, err := h.index.Rebuild(context.Background(), log)
	require.NoError(h.t, err)
	_, err = b.Finish(context.Background(), seq)
	require.NoError(h.t, err)
}
