// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var postStates = []palinsesto.PostState{palinsesto.PostQueued, palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostPosted,
	palinsesto.PostRetrying, palinsesto.PostFailed, palinsesto.PostUncertain, palinsesto.PostHeld, palinsesto.PostCancelled, "of-a-later-version"}

// aLog draws the records of a small log, in its order.
func aLog(t testing.TB, r *rapid.T) []bus.Record {
	n := rapid.IntRange(1, 40).Draw(r, "records")
	out := make([]bus.Record, 0, n)
	for i := range n {
		seq, who := uint64(i+1), rapid.IntRange(0, 4).Draw(r, "who")
		id := palinsesto.DeriveID("x", fmt.Sprint(who))
		var rec bus.Record
		switch rapid.IntRange(0, 9).Draw(r, "what") {
		case 0:
			rec = record(t, contract.Segnalazioni, contract.SegSubject("jesi", id), seq, palinsesto.Segnalazione{ID: id, Centre: "jesi",
				State: rapid.SampledFrom([]palinsesto.SegState{"submitted", "approved", "withdrawn"}).Draw(r, "seg"), SubmittedAt: monday.Add(time.Duration(who) * time.Hour)})
		case 1:
			rec = record(t, contract.Channels, contract.ChannelSubject("c1"), seq, palinsesto.Channel{ID: "c1", State: rapid.SampledFrom([]palinsesto.ChannelState{"", "paused"}).Draw(r, "channel")})
		case 2:
			rec = record(t, contract.Holds, contract.HoldSubject, seq, contract.HoldChange{Changed: palinsesto.Hold{ID: "h"}})
		case 3:
			rec = bus.Record{Subject: contract.PostSubject("c1", id), Seq: seq, Time: monday, Data: []byte("unreadable")}
		case 4:
			rec = bus.Record{Subject: "palinsesto.plan.c1.2026-11", Seq: seq, Time: monday, Data: []byte("of a later version")}
		default:
			rec = record(t, contract.Posts, contract.PostSubject("c1", id), seq, palinsesto.Post{ID: id, Segnalazione: "s", Centre: rapid.SampledFrom([]string{"jesi", "fano"}).Draw(r, "centre"),
				Channel: "c1", State: rapid.SampledFrom(postStates).Draw(r, "state"), Cause: rapid.SampledFrom([]string{"", "late"}).Draw(r, "cause"),
				Due: monday.Add(time.Duration(rapid.IntRange(0, 3).Draw(r, "due")) * 20 * 24 * time.Hour)})
		}
		out = append(out, rec)
	}
	return out
}

// rebuilt is an index made in one go from the newest record of each subject.
func rebuilt(t testing.TB, s *Service, x *index.Index, log []bus.Record) string {
	b, err := x.Rebuild(context.Background(), "log")
	require.NoError(t, err)
	require.NoError(t, b.Put(context.Background(), s.docs(log)))
	seq := uint64(0)
	if len(log) > 0 {
		seq = log[len(log)-1].Seq
	}
	epoch, err := b.Finish(context.Background(), seq)
	require.NoError(t, err)
	return epoch
}

// However the records come (in portions of any size, again, some of it after a rebuild half-way), the
// index is the one that a rebuild makes: rules 7 and 10 of what must always hold.
func TestAnyDeliveryGivesTheSameIndex(t *testing.T) {
	bothKinds(t, func(t *testing.T, open func(testing.TB) *index.Index) {
		grown, whole := open(t), open(t)
		s, err := New(nil, Deps{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		rapid.Check(t, func(r *rapid.T) {
			log := aLog(t, r)
			rebuilt(t, s, whole, log)
			half := rapid.IntRange(0, len(log)).Draw(r, "rebuilt up to")
			epoch := rebuilt(t, s, grown, log[:half])
			for at := half; at < len(log); {
				// Redelivery: a portion may begin well before what was applied already.
				from := max(0, at-rapid.IntRange(0, 10).Draw(r, "again"))
				to := min(len(log), at+rapid.IntRange(1, 12).Draw(r, "portion"))
				require.NoError(t, grown.Apply(context.Background(), epoch, s.docs(newest(log[from:to])), log[to-1].Seq))
				at = to
			}
			// And all of it once more, newest first.
			for _, rec := range slices.Backward(log) {
				require.NoError(t, grown.Apply(context.Background(), epoch, s.docs([]bus.Record{rec}), rec.Seq))
			}
			a, b := dump(t, whole), dump(t, grown)
			slices.Sort(a)
			slices.Sort(b)
			require.Equal(t, a, b)
		})
	})
}
