// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A worker that was held up between intent and call makes no call.
func TestIntentTooOldForACall(t *testing.T) {
	h := newHouse(t, func(c *config.Config) { c.Publishing.CallDeadline = time.Nanosecond })
	p := h.due("testo")
	h.start("w1")
	got := h.until(p.Subject, palinsesto.PostRetrying)
	require.Empty(t, h.net.made())
	require.Equal(t, "late_worker", got.State.Cause)
	require.Equal(t, "not_sent", got.State.Attempt.Verdict)
}

// abandon leaves an intent behind, as a process does that dies right after it.
func (h *house) abandon(worker string, texts ...string) post {
	w := h.worker(worker)
	p := h.due(texts...)
	p, err := w.put(context.Background(), p, palinsesto.PostWasPublishing, "", w.intent(p.State))
	require.NoError(h.t, err)
	return p
}

// An intent whose worker is gone becomes uncertain: after the lease where another process may live, at
// once where none can. It is never sent again.
func TestAbandonedIntent(t *testing.T) {
	for _, sole := range []bool{false, true} {
		t.Run(map[bool]string{true: "sole", false: "shared"}[sole], func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *config.Config) {
				c.Publishing.Lease, c.Publishing.CallDeadline, c.Publishing.CallTimeout = 600*time.Millisecond, 100*time.Millisecond, 200*time.Millisecond
				if sole {
					c.Publishing.Lease = time.Hour
				}
			})
			p := h.abandon("dead", "testo")
			began := time.Now()
			h.start("w2", func(d *Deps) { d.Sole = sole })
			got := h.until(p.Subject, palinsesto.PostUncertain)
			if !sole {
				require.GreaterOrEqual(t, time.Since(began), h.cfg.Publishing.Lease)
			}
			require.Equal(t, "crash", got.State.Cause)
			require.Equal(t, "unknown", got.State.Attempt.Verdict)
			require.Equal(t, "dead", got.State.Attempt.Worker)
			require.Empty(t, h.net.made())
		})
	}
}

// The process dies in the middle of the call for the second part: that part is uncertain, and only that.
func TestDiedInTheCall(t *testing.T) {
	h := newHouse(t, func(c *config.Config) {
		c.Publishing.Lease, c.Publishing.CallTimeout, c.Publishing.CallDeadline = 500*time.Millisecond, 500*time.Millisecond, time.Second
	})
	begun, never := make(chan struct{}), make(chan struct{})
	h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) {
		if n == 2 {
			close(begun)
			<-never
			return channel.Receipt{}, errors.New("dead")
		}
		return out(n), nil
	}
	p := h.due("foto", "testo")
	b := bustest.Connect(h.t, h.server)
	w := h.worker("w1")
	w.Bus = b
	require.NoError(t, w.deliver(context.Background(), p))
	first := h.load(p.Subject)
	require.Equal(t, 1, first.State.NextPart())
	go func() { _ = w.deliver(context.Background(), first) }()
	within(t, begun)
	h.start("w2")
	got := h.until(p.Subject, palinsesto.PostUncertain)
	require.Equal(t, 1, got.State.Attempt.Part)
	require.Equal(t, 1, got.State.NextPart())
	require.Len(t, h.net.made(), 2)
	close(never)
}

// A worker that was given up comes home: what it knows for certain still counts.
func TestLateVerdict(t *testing.T) {
	cases := []struct {
		name string
		out  outcome
		then palinsesto.PostState
	}{
		{"posted", outcome{receipt: out(1)}, palinsesto.PostPosted},
		{"permanent", outcome{err: fails(channel.Permanent, 0)}, palinsesto.PostFailed},
		{"not sent", outcome{err: fails(channel.NotSent, 0)}, palinsesto.PostRetrying},
		{"unknown", outcome{err: errors.New("reset")}, palinsesto.PostUncertain},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			w := h.worker("slow")
			mine := h.abandon("slow", "testo")
			other := h.room("other", func(d *Deps) { d.Sole = true })
			require.NoError(t, other.lapse(context.Background(), mine, time.Hour))
			require.Equal(t, palinsesto.PostUncertain, h.load(mine.Subject).State.State)
			require.NoError(t, w.settle(context.Background(), mine, c.out))
			got := h.load(mine.Subject)
			require.Equal(t, c.then, got.State.State)
			if c.then != palinsesto.PostUncertain {
				require.Contains(t, got.State.Attempt.Settled, "slow")
			}
		})
	}
	t.Run("settled by a person", func(t *testing.T) {
		h := newHouse(t)
		w := h.worker("slow")
		mine := h.abandon("slow", "testo")
		require.NoError(t, h.room("other", func(d *Deps) { d.Sole = true }).lapse(context.Background(), mine, 0))
		h.put(palinsesto.PostWasResolved, mine.State.PartOut(0, palinsesto.PartState{Link: "https://t.me/m/7"}, time.Now()))
		require.NoError(t, w.settle(context.Background(), mine, outcome{err: fails(channel.Permanent, 0)}))
		require.Equal(t, "https://t.me/m/7", h.load(mine.Subject).State.Link)
	})
}

// Intents whose event nobody delivers any more are found through the index, one that cannot be read
// among them or not. Those of a live worker of this process are left alone.
func TestOpenAttemptsAreFound(t *testing.T) {
	h := newHouse(t).project()
	var gone []post
	for range 5 {
		gone = append(gone, h.abandon("dead", "testo"))
	}
	s := h.room("w2", func(d *Deps) { d.Sole = true })
	working := h.abandon("dead", "testo")
	s.mine.Store(working.Subject, struct{}{})
	require.Eventually(t, func() bool {
		require.NoError(t, orNoIndex(s.lapseOpen(context.Background())))
		for _, p := range gone {
			if h.load(p.Subject).State.State != palinsesto.PostUncertain {
				return false
			}
		}
		return true
	}, patience, 5*time.Millisecond)
	require.Equal(t, palinsesto.PostPublishing, h.load(working.Subject).State.State)
}
