// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func fails(v channel.Verdict, after time.Duration) error {
	return &channel.Error{Verdict: v, After: after, Status: 499, Cause: "rete.prova", Text: "La rete ha detto di no.", Raw: "corpo"}
}

type verdictCase struct {
	name    string
	err     error
	event   palinsesto.PostEvent
	state   palinsesto.PostState
	cause   string
	verdict channel.Verdict
	wait    time.Duration // until the new due
	hold    string
	channel []string // events of the channel's aggregate
}

var verdicts = []verdictCase{
	{name: "posted", event: palinsesto.PostWasPosted, state: palinsesto.PostPosted, verdict: channel.Posted},
	{name: "not sent", err: fails(channel.NotSent, 0), event: palinsesto.PostWasRetrying, state: palinsesto.PostRetrying,
		cause: "rete.prova", verdict: channel.NotSent, wait: 30 * time.Second},
	{name: "retry after", err: fails(channel.RetryAfter, 7*time.Second), event: palinsesto.PostWasRetrying, state: palinsesto.PostRetrying,
		cause: "rete.prova", verdict: channel.RetryAfter, wait: 7 * time.Second, channel: []string{"budget"}},
	{name: "retry after an unknown time", err: fails(channel.RetryAfter, 0), event: palinsesto.PostWasRetrying, state: palinsesto.PostRetrying,
		cause: "rete.prova", verdict: channel.RetryAfter, wait: 30 * time.Second, channel: []string{"budget"}},
	{name: "retry after the grace", err: fails(channel.RetryAfter, time.Hour), event: palinsesto.PostWasMissed, state: palinsesto.PostMissed,
		cause: "rete.prova", verdict: channel.RetryAfter, channel: []string{"budget"}},
	{name: "permanent", err: fails(channel.Permanent, 0), event: palinsesto.PostWasFailed, state: palinsesto.PostFailed,
		cause: "rete.prova", verdict: channel.Permanent},
	{name: "reconnect", err: fails(channel.Reconnect, 0), event: palinsesto.PostWasHeld, state: palinsesto.PostHeld,
		cause: "rete.prova", verdict: channel.Reconnect, hold: "channel:" + theOne, channel: []string{"needs_reconnect"}},
	{name: "unknown", err: fails(channel.Unknown, 0), event: palinsesto.PostWasUncertain, state: palinsesto.PostUncertain,
		cause: "rete.prova", verdict: channel.Unknown},
	{name: "plain error", err: errors.New("unexpected EOF"), event: palinsesto.PostWasUncertain, state: palinsesto.PostUncertain,
		cause: "unclassified", verdict: channel.Unknown},
}

func TestVerdicts(t *testing.T) {
	for _, c := range verdicts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) { return out(n), c.err }
			p := h.due("testo")
			h.start("w1")
			checkVerdict(t, h, c, h.until(p.Subject, c.state))
		})
	}
}

func checkVerdict(t *testing.T, h *house, c verdictCase, got post) {
	t.Helper()
	require.Equal(t, []string{"due", "publishing", string(c.event)}, h.events(got.Subject))
	require.Len(t, h.net.made(), 1)
	a := got.State.Attempt
	require.Equal(t, palinsesto.Attempt{
		Number: 1, Key: key(got.State, 0), Hash: got.State.Hash, Worker: "w1", Intended: a.Intended, Lasts: 20 * time.Second,
		Verdict: string(c.verdict), Status: a.Status, Took: a.Took, Raw: a.Raw,
	}, *a)
	require.Equal(t, 1, got.State.Attempts)
	require.Equal(t, c.cause, got.State.Cause)
	require.Equal(t, c.hold, got.State.Hold)
	require.Equal(t, c.state == palinsesto.PostPosted, got.State.Link != "")
	if c.wait > 0 {
		require.InDelta(t, c.wait, got.State.Due.Sub(a.Intended), float64(2*time.Second))
		require.True(t, got.State.FirstDue.Before(got.State.Due), "the grace counts from the first due")
	}
	ch, events := h.channel()
	require.Equal(t, c.channel, events)
	blocked, err := h.index.BlockedUntil(context.Background(), "chat:"+theOne)
	require.NoError(t, err)
	require.WithinDuration(t, ch.State.NotBefore, blocked, 2*time.Millisecond)
}

// A refused token stops the channel once, not once per post; they wait and their numbers do not matter.
func TestReconnectOnce(t *testing.T) {
	h := newHouse(t)
	h.net.publish = func(int, channel.Delivery) (channel.Receipt, error) {
		return channel.Receipt{}, fails(channel.Reconnect, 0)
	}
	var posts []post
	for range 20 {
		posts = append(posts, h.due("testo"))
	}
	h.start("w1")
	h.start("w2")
	for _, p := range posts {
		require.Equal(t, "channel:"+theOne, h.until(p.Subject, palinsesto.PostHeld).State.Hold)
	}
	ch, events := h.channel()
	require.Equal(t, []string{"needs_reconnect"}, events)
	require.Equal(t, "La rete ha detto di no.", ch.State.Reason)
	require.Less(t, len(h.net.made()), len(posts), "those after the first ask the channel before they call")
}

// What a preparation says never counts as sent.
func TestPreparationFails(t *testing.T) {
	cases := []struct {
		name  string
		err   error
		state palinsesto.PostState
		event palinsesto.PostEvent
	}{
		{"not sent", fails(channel.NotSent, 0), palinsesto.PostRetrying, palinsesto.PostWasRetrying},
		{"unknown", fails(channel.Unknown, 0), palinsesto.PostRetrying, palinsesto.PostWasRetrying},
		{"no verdict", fails("", 0), palinsesto.PostRetrying, palinsesto.PostWasRetrying},
		{"posted", fails(channel.Posted, 0), palinsesto.PostRetrying, palinsesto.PostWasRetrying},
		{"permanent", fails(channel.Permanent, 0), palinsesto.PostFailed, palinsesto.PostWasFailed},
		{"reconnect", fails(channel.Reconnect, 0), palinsesto.PostHeld, palinsesto.PostWasHeld},
		{"retry after", fails(channel.RetryAfter, time.Second), palinsesto.PostRetrying, palinsesto.PostWasRetrying},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.net.prepare = func(channel.Delivery) error { return c.err }
			p := h.due("testo")
			h.start("w1")
			h.until(p.Subject, c.state)
			require.Equal(t, []string{"due", string(c.event)}, h.events(p.Subject))
			require.Empty(t, h.net.made())
		})
	}
}
