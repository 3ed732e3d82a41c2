// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// quick is a house whose calls are over soon after their intent.
func quick(t testing.TB) *house {
	return newHouse(t, func(c *config.Config) {
		c.Publishing.Lease, c.Publishing.CallDeadline, c.Publishing.CallTimeout = 400*time.Millisecond, 2*time.Second, time.Second
	})
}

// overSoon waits until no call of a post can be under way any more.
func (h *house) overSoon(p post) {
	h.t.Helper()
	over := p.State.Attempt.OverAt(h.cfg.Publishing.Lease)
	require.Eventually(h.t, func() bool { return time.Now().After(over) }, patience, 5*time.Millisecond)
}

// Where the network answers the same key with the same message, the same is sent again, and its receipt
// settles the doubt. Nothing else does.
func TestSendAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		state   palinsesto.PostState
		verdict string
	}{
		"a receipt":     {state: palinsesto.PostPosted},
		"unknown":       {err: errors.New("reset"), state: palinsesto.PostUncertain, verdict: "unknown"},
		"not sent":      {err: fails(channel.NotSent, 0), state: palinsesto.PostUncertain, verdict: "not_sent"},
		"refused":       {err: fails(channel.Permanent, 0), state: palinsesto.PostUncertain, verdict: "permanent"},
		"token refused": {err: fails(channel.Reconnect, 0), state: palinsesto.PostUncertain, verdict: "reconnect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := quick(t)
			p := h.inDoubt("testo")
			h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) { return out(n), c.err }
			h.overSoon(p)
			h.shown()
			w := h.worker("w1", as(keyed{full{h.net}, time.Hour}))
			require.NoError(t, w.settleDoubts(t.Context()))
			calls := h.net.made()
			require.Len(t, calls, 1)
			require.Equal(t, p.State.Attempt.Key, calls[0].key)
			got := h.load(p.Subject)
			require.Equal(t, c.state, got.State.State)
			require.Equal(t, 1, got.State.Attempts, "it is no new attempt")
			if c.state == palinsesto.PostPosted {
				require.Equal(t, []string{"due", "publishing", "uncertain", "checked", "posted"}, h.events(p.Subject))
				require.Equal(t, palinsesto.SettledByKey, got.State.Attempt.Settlement.By)
				require.Equal(t, []string{"1"}, got.State.Parts[0].RemoteIDs)
				return
			}
			require.Equal(t, []string{"due", "publishing", "uncertain", "checked", "checked"}, h.events(p.Subject))
			require.Equal(t, c.verdict, got.State.Attempt.Check.Verdict)
			require.False(t, got.State.Resending())
		})
	}
}

// It is not sent again while the first may be under way, when the network may have forgotten the key, when
// its moment has passed, under a stop, or when it is not approved any more.
func TestNotSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		lasts  time.Duration
		before func(*house, post)
		early  bool
		events []string // after uncertain
	}{
		"too early":                {lasts: time.Hour, early: true},
		"keys are not honoured":    {lasts: 0},
		"the key may be forgotten": {lasts: time.Second},
		"under a hold": {lasts: time.Hour, events: []string{"checked", "checked"},
			before: func(h *house, _ post) { h.hold(palinsesto.ScopeChannel, theOne) }},
		"on a paused channel": {lasts: time.Hour, events: []string{"checked", "checked"}, before: func(h *house, _ post) {
			h.setChannel(palinsesto.ChannelWasPaused, func(c *palinsesto.Channel) { c.State = palinsesto.ChannelPaused })
		}},
		"withdrawn": {lasts: time.Hour, events: []string{"checked", "checked"}, before: func(h *house, p post) {
			h.changeSeg("palinsesto.seg.ancona."+p.State.Segnalazione, string(palinsesto.SegWasWithdrawn),
				func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegWithdrawn })
		}},
		"its moment has passed": {lasts: time.Hour, before: func(h *house, p post) {
			late := p.State
			late.FirstDue = time.Now().Add(-time.Hour)
			h.put(palinsesto.PostWasUncertain, late)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := quick(t)
			if c.early {
				h.cfg.Publishing.Lease = time.Hour
			}
			p := h.inDoubt("testo")
			if c.before != nil {
				c.before(h, p)
			}
			if !c.early {
				h.overSoon(p)
			}
			h.shown()
			begins := len(h.events(p.Subject))
			w := h.worker("w1", as(keyed{full{h.net}, c.lasts}))
			require.NoError(t, w.settleDoubts(t.Context()))
			require.Empty(t, h.net.made())
			require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State)
			require.Equal(t, append([]string{}, c.events...), append([]string{}, h.events(p.Subject)[begins:]...))
			if len(c.events) > 0 {
				require.Equal(t, checkStopped, h.load(p.Subject).State.Attempt.Check.Verdict)
			}
		})
	}
}

// A stop placed while it is sent again lists it as in flight; one placed before is seen by the second look.
func TestResendIsInFlight(t *testing.T) {
	h := quick(t)
	p := h.inDoubt("testo")
	h.overSoon(p)
	h.shown()
	h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) {
		cur := h.load(p.Subject)
		require.True(t, cur.State.InFlight())
		require.Equal(t, palinsesto.CheckResend, cur.State.Attempt.Check.Kind)
		return out(n), nil
	}
	require.NoError(t, h.worker("w1", as(keyed{full{h.net}, time.Hour})).settleDoubts(t.Context()))
	require.False(t, h.load(p.Subject).State.InFlight())
}

// Two copies at once, and one that died after the intent to send again: the network is never called twice at
// the same time, and the doubt is settled in the end.
func TestResendDied(t *testing.T) {
	h := quick(t)
	p := h.inDoubt("testo")
	h.overSoon(p)
	w := h.worker("died")
	c := w.check(p.State, palinsesto.CheckResend)
	c.Lasts = h.cfg.Publishing.CallDeadline + h.cfg.Publishing.CallTimeout
	p, err := w.put(context.Background(), p, palinsesto.PostWasChecked, "", p.State.Checked(c))
	require.NoError(t, err)
	h.shown()
	w2 := h.worker("w2", as(keyed{full{h.net}, time.Hour}))
	require.NoError(t, w2.settleDoubts(t.Context()))
	require.Empty(t, h.net.made(), "the one that died may live")
	h.overSoon(p)
	now := time.Now().Add(checkFirst) // the pause between two checks
	w2.Clock = func() time.Time { return now }
	require.NoError(t, w2.settleDoubts(t.Context()))
	require.Equal(t, palinsesto.PostPosted, h.load(p.Subject).State.State)
	require.Len(t, h.net.made(), 1)
}
