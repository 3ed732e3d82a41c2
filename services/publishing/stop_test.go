// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// stopCase is something that forbids a call, and what becomes of the post.
type stopCase struct {
	name  string
	do    func(h *house, p post)
	state palinsesto.PostState
	cause string
	hold  bool
}

func segOf(p post) string { return contract.SegSubject(p.State.Centre, p.State.Segnalazione) }

var stops = []stopCase{
	{name: "hold of all", do: func(h *house, _ post) { h.hold(palinsesto.ScopeAll, "") }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of the network", do: func(h *house, _ post) { h.hold(palinsesto.ScopeNetwork, "telegram") }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of the channel", do: func(h *house, _ post) { h.hold(palinsesto.ScopeChannel, theOne) }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of the centre", do: func(h *house, _ post) { h.hold(palinsesto.ScopeCentre, "ancona") }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of the tag", do: func(h *house, _ post) { h.hold(palinsesto.ScopeTag, "Lavoro") }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of a newer version's scope", do: func(h *house, _ post) { h.hold("planet", "x") }, state: palinsesto.PostHeld, hold: true},
	{name: "hold of another channel", do: func(h *house, _ post) { h.hold(palinsesto.ScopeChannel, "altro") }, state: palinsesto.PostPosted},
	{name: "hold of another tag", do: func(h *house, _ post) { h.hold(palinsesto.ScopeTag, "eventi") }, state: palinsesto.PostPosted},
	{name: "withdrawn", state: palinsesto.PostCancelled, do: func(h *house, p post) {
		h.changeSeg(segOf(p), "withdrawn", func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegWithdrawn })
	}},
	{name: "revised", state: palinsesto.PostCancelled, do: func(h *house, p post) {
		h.changeSeg(segOf(p), "revised", func(s *palinsesto.Segnalazione) { s.State, s.Approval = palinsesto.SegSubmitted, nil })
	}},
	{name: "approved otherwise", state: palinsesto.PostCancelled, do: func(h *house, p post) {
		h.changeSeg(segOf(p), "approved", func(s *palinsesto.Segnalazione) {
			s.Approval = &palinsesto.Approval{Variants: []palinsesto.Variant{variant(theOne, "altro")}}
		})
	}},
	{name: "approved again, for another moment", state: palinsesto.PostCancelled, do: func(h *house, p post) {
		h.changeSeg(segOf(p), "approved", func(*palinsesto.Segnalazione) {})
	}},
	{name: "commented", state: palinsesto.PostPosted, do: func(h *house, p post) {
		h.changeSeg(segOf(p), "commented", func(*palinsesto.Segnalazione) {})
	}},
	{name: "expired", state: palinsesto.PostMissed, cause: "expired", do: func(h *house, p post) {
		h.changeSeg(segOf(p), "revised", func(s *palinsesto.Segnalazione) { s.ExpiresAt = time.Now().Add(-time.Second) })
	}},
	{name: "paused", state: palinsesto.PostHeld, hold: true, do: func(h *house, _ post) {
		h.setChannel("paused", func(c *palinsesto.Channel) { c.State = palinsesto.ChannelPaused })
	}},
	{name: "needs reconnecting", state: palinsesto.PostHeld, hold: true, do: func(h *house, _ post) {
		h.setChannel("needs_reconnect", func(c *palinsesto.Channel) { c.State = palinsesto.ChannelNeedsReconnect })
	}},
	{name: "not before", state: palinsesto.PostRetrying, cause: "not_before", do: func(h *house, _ post) {
		h.setChannel("budget", func(c *palinsesto.Channel) { c.NotBefore = time.Now().Add(20 * time.Second) })
	}},
}

// A stop between due and intent, and one between intent and look, are both seen.
func TestStopIsSeen(t *testing.T) {
	for _, c := range stops {
		t.Run(c.name+", before the intent", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.due("testo")
			h.net.prepare = func(channel.Delivery) error { c.do(h, p); return nil }
			h.start("w1")
			c.check(h, h.until(p.Subject, c.state))
		})
		t.Run(c.name+", after the intent", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.due("testo")
			w := h.worker("w1")
			intended, err := w.put(context.Background(), p, palinsesto.PostWasPublishing, "", w.intent(p.State))
			require.NoError(t, err)
			c.do(h, p)
			stopped, err := w.lookAgain(context.Background(), intended)
			require.NoError(t, err)
			if c.state == palinsesto.PostPosted {
				require.Nil(t, stopped)
				return
			}
			require.NoError(t, w.standDown(context.Background(), intended, *stopped))
			c.check(h, h.load(p.Subject))
		})
	}
}

func (c stopCase) check(h *house, got post) {
	require.Equal(h.t, c.state, got.State.State)
	if c.state == palinsesto.PostPosted {
		return
	}
	require.Empty(h.t, h.net.made())
	require.Equal(h.t, c.cause, got.State.Cause)
	require.Equal(h.t, c.hold, got.State.Hold != "")
	require.Equal(h.t, "stopped", got.State.Attempt.Verdict, "the intent was taken back")
	require.False(h.t, got.State.Open())
}

// Whatever the race between a hold and many posts: no call whose intent is later than the hold, and
// what made no call has come to a state.
func TestStopIsExact(t *testing.T) {
	h := newHouse(t)
	var posts []post
	for range 150 {
		posts = append(posts, h.due("testo"))
	}
	var once sync.Once
	half := make(chan struct{})
	h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) {
		if n == 40 {
			once.Do(func() { close(half) })
		}
		return out(n), nil
	}
	h.start("w1")
	h.start("w2")
	within(t, half)
	stop := h.hold(palinsesto.ScopeAll, "")
	called := map[string]bool{}
	for _, p := range posts {
		require.Eventually(t, func() bool {
			s := h.load(p.Subject).State.State
			return s == palinsesto.PostPosted || s == palinsesto.PostHeld
		}, patience, 2*time.Millisecond)
	}
	for _, c := range h.net.made() {
		require.False(t, called[c.post], "called twice")
		called[c.post] = true
	}
	require.Less(t, len(called), len(posts))
	for _, p := range posts {
		at := h.intentOf(p.Subject)
		require.False(t, called[p.State.ID] && at > stop.Seq, "called with intent at %d, hold at %d", at, stop.Seq)
		require.Equal(t, called[p.State.ID], h.load(p.Subject).State.State == palinsesto.PostPosted)
	}
}

// intentOf is the sequence of a post's only intent.
func (h *house) intentOf(subject string) uint64 {
	records, err := h.History(context.Background(), subject, 100)
	require.NoError(h.t, err)
	var at uint64
	for _, r := range records {
		if r.Event == string(palinsesto.PostWasPublishing) {
			require.Zero(h.t, at, "a second intent")
			at = r.Seq
		}
	}
	require.NotZero(h.t, at)
	return at
}

// Several copies under a storm of redeliveries publish each post once.
func TestOncePerPost(t *testing.T) {
	h := newHouse(t)
	var posts []post
	for range 60 {
		posts = append(posts, h.due("foto", "testo"))
	}
	for _, name := range []string{"w1", "w2", "w3"} {
		w := h.worker(name)
		h.start(name)
		storm(t, h, w, posts)
	}
	for _, p := range posts {
		h.until(p.Subject, palinsesto.PostPosted)
	}
	calls := map[call]int{}
	for _, c := range h.net.made() {
		calls[call{post: c.post, part: c.part}]++
	}
	require.Len(t, calls, 2*len(posts))
	for c, n := range calls {
		require.Equal(t, 1, n, "post %s part %d", c.post, c.part)
	}
}

// storm hands a worker every due event again and again, in another order each time, until it stops
// mattering.
func storm(t *testing.T, h *house, w *worker, posts []post) {
	t.Helper()
	records := make([]bus.Record, 0, len(posts))
	for _, p := range posts {
		r, err := h.History(context.Background(), p.Subject, 1)
		require.NoError(t, err)
		records = append(records, r...)
	}
	inBackground(t, func(ctx context.Context) error {
		for round := range 4 {
			for i := range records {
				if ctx.Err() != nil {
					break
				}
				r := records[(i*(2*round+7)+round)%len(records)]
				err := w.handle(context.Background(), bus.Delivery{Record: r, Deliveries: 1 + round%2})
				if bus.IsLater(err) {
					continue
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}
