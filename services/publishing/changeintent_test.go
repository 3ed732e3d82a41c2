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
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Whatever the race between a hold and many edits: no call whose intent is later than the hold.
func TestStopIsExactForEdits(t *testing.T) {
	h := newHouse(t)
	var posts []post
	for range 60 {
		p := h.posted("prima")
		posts = append(posts, p)
		h.ask(p, "dopo")
	}
	var mu sync.Mutex
	called, some := map[string]bool{}, make(chan struct{})
	h.net.edit = func(_ channel.Target, d channel.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		require.False(t, called[d.Post], "edited twice")
		called[d.Post] = true
		if len(called) == 10 {
			close(some)
		}
		return nil
	}
	h.start("w1")
	h.start("w2")
	within(t, some)
	stop := h.hold(palinsesto.ScopeAll, "")
	for _, p := range posts {
		require.Eventually(t, func() bool { return !h.load(p.Subject).State.Open() }, patience, 2*time.Millisecond)
	}
	last := h.ask(h.posted("prima"), "dopo") // delivered after all of them
	require.NoError(t, h.worker("w3").change(context.Background(), last, delivery(t, h, last)))
	mu.Lock()
	defer mu.Unlock()
	require.False(t, called[last.State.ID])
	for _, p := range posts {
		if called[p.State.ID] {
			at := h.changeIntent(p.Subject)
			require.NotZero(t, at, "a call without an intent")
			require.Less(t, at, stop.Seq)
		}
	}
}

// changeIntent is the sequence of the newest intent of a change.
func (h *house) changeIntent(subject string) (at uint64) {
	records, err := h.History(context.Background(), subject, 100)
	require.NoError(h.t, err)
	for _, r := range records {
		p, err := bus.Decode(contract.Posts, r)
		require.NoError(h.t, err)
		if p.State.Open() {
			at = r.Seq
		}
	}
	return at
}

// What forbids an edit is seen after the intent too; a removal is made under any stop.
func TestChangeLooksAgain(t *testing.T) {
	h := newHouse(t)
	w := h.worker("w1")
	edit, removal := h.ask(h.posted("prima"), "dopo"), h.askRemoval(h.posted("prima"))
	for i, p := range []post{edit, removal} {
		intended, err := w.put(context.Background(), p, asks(p.State), "", w.changing(p.State))
		require.NoError(t, err)
		h.hold(palinsesto.ScopeAll, "")
		o, stands, err := w.obstacle(context.Background(), intended)
		require.NoError(t, err)
		require.Equal(t, i == 0, stands)
		if stands {
			require.NoError(t, w.standBack(context.Background(), intended, o))
			got := h.load(p.Subject)
			require.Equal(t, "stopped", got.State.Attempt.Verdict)
			require.Equal(t, palinsesto.PostEditing, got.State.State, "asked for again when the stop is lifted")
			require.NoError(t, w.change(context.Background(), got, delivery(t, h, got)))
			require.Equal(t, got.Seq, h.load(p.Subject).Seq)
		}
	}
}

// A worker that died with its intent is waited for, then the change is made again; where no other process
// can publish, at once.
func TestAbandonedChange(t *testing.T) {
	for _, sole := range []bool{true, false} {
		h := newHouse(t, func(c *config.Config) { c.Publishing.CallDeadline, c.Publishing.CallTimeout = time.Minute, time.Minute })
		p := h.askRemoval(h.posted("prima"))
		dead := h.worker("dead")
		intended, err := dead.put(context.Background(), p, asks(p.State), "", dead.changing(p.State))
		require.NoError(t, err)
		w := h.worker("w1", func(d *Deps) { d.Sole = sole })
		err = w.change(context.Background(), intended, delivery(t, h, intended))
		if !sole {
			require.True(t, bus.IsLater(err))
			require.Equal(t, intended.Seq, h.load(p.Subject).Seq)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "unknown", h.load(p.Subject).State.Attempt.Verdict)
		h.start("w2", func(d *Deps) { d.Sole = true })
		require.Equal(t, "done", h.until(p.Subject, palinsesto.PostRemoved).State.Attempt.Verdict)
	}
}

// Told to wait, a removal waits, however often its event is delivered meanwhile.
func TestChangeHeedsRetryAfter(t *testing.T) {
	h := newHouse(t)
	w := h.worker("w1")
	calls := 0
	h.net.remove = func(channel.Target) error { calls++; return fails(channel.RetryAfter, 10*time.Minute) }
	p := h.askRemoval(h.posted("fuori"))
	require.NoError(t, w.change(context.Background(), p, delivery(t, h, p)))
	p = h.load(p.Subject)
	for n := range 2 * changeTries {
		d := delivery(t, h, p)
		d.Deliveries = n
		require.True(t, bus.IsLater(w.change(context.Background(), p, d)))
	}
	require.Equal(t, 1, calls)
	require.Equal(t, palinsesto.PostRemoving, h.load(p.Subject).State.State)
}

// A change that surely did not come about is tried for as long as the grace; one of which nobody knows,
// some times; one that is refused, once.
func TestChangeGivesUp(t *testing.T) {
	h := newHouse(t, func(c *config.Config) { c.Publishing.Grace = 30 * time.Minute })
	w := h.worker("w1")
	for verdict, most := range map[channel.Verdict]int{
		channel.NotSent: changeTries + 30, channel.RetryAfter: changeTries + 30, channel.Unknown: changeTries, channel.Permanent: 1,
	} {
		p := h.askRemoval(h.posted("fuori")).State
		tries := 0
		for p.State == palinsesto.PostRemoving {
			p = w.judgeChange(w.changing(p), outcome{err: fails(verdict, 0)}).state
			tries++
		}
		require.Equal(t, most, tries, "%s", verdict)
		require.Equal(t, "remove_by_hand", p.Cause)
	}
}
