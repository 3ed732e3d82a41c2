// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var admin = palinsesto.Actor{ID: "token:9", Name: "Ada", Role: palinsesto.RoleAdmin}

// testCommand asks for a test message; the same n is the same command.
func testCommand(n string, change ...func(*palinsesto.TestChannel)) palinsesto.TestChannel {
	cmd := palinsesto.TestChannel{Command: palinsesto.Command{ID: palinsesto.DeriveID("trial", n), Actor: admin}, Channel: theOne, Reason: "token nuovo"}
	for _, f := range change {
		f(&cmd)
	}
	return cmd
}

func (h *house) try(s *Service, cmd palinsesto.TestChannel) (*palinsesto.ChannelTest, error) {
	data, err := contract.EncodeTestChannel(cmd)
	require.NoError(h.t, err)
	raw, err := s.trial(context.Background(), data)
	if err != nil {
		return nil, err
	}
	reply, err := contract.DecodeChannelReply(raw)
	require.NoError(h.t, err)
	return reply.Channel.Test, nil
}

// bare has no powers.
type bare struct{ channel.Channel }

func TestTrial(t *testing.T) {
	for name, c := range map[string]struct {
		keep       bool
		adapter    func(*fake) channel.Channel
		err        error
		remove     error
		verdict    channel.Verdict
		afterwards string
		events     []string
	}{
		"removed":       {verdict: channel.Posted, afterwards: palinsesto.TestRemoved, events: []string{"tested", "tested", "tested"}},
		"kept":          {keep: true, verdict: channel.Posted, afterwards: palinsesto.TestKept, events: []string{"tested", "tested", "tested"}},
		"not removed":   {remove: fails(channel.Unknown, 0), verdict: channel.Posted, afterwards: palinsesto.TestLeft, events: []string{"tested", "tested", "tested"}},
		"cannot remove": {adapter: func(f *fake) channel.Channel { return bare{f} }, verdict: channel.Posted, afterwards: palinsesto.TestLeft, events: []string{"tested", "tested", "tested"}},
		"refused":       {err: fails(channel.Permanent, 0), verdict: channel.Permanent, events: []string{"tested", "tested"}},
		"not sent":      {err: fails(channel.NotSent, 0), verdict: channel.NotSent, events: []string{"tested", "tested"}},
		"nobody knows":  {err: errors.New("reset"), verdict: channel.Unknown, events: []string{"tested", "tested"}},
		"token refused": {err: fails(channel.Reconnect, 0), verdict: channel.Reconnect, events: []string{"tested", "needs_reconnect", "tested"}},
		"asked to wait": {err: fails(channel.RetryAfter, time.Minute), verdict: channel.RetryAfter, events: []string{"tested", "budget", "tested"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.net.publish = func(n int, d channel.Delivery) (channel.Receipt, error) {
				require.True(t, d.Silent)
				require.Contains(t, d.Part.Text, "PROVA TECNICA")
				require.Contains(t, d.Part.Text, "TECHNICAL TEST")
				return out(n), c.err
			}
			var removed []string
			h.net.remove = func(t channel.Target) error { removed = append(removed, t.RemoteIDs...); return c.remove }
			var change []func(*Deps)
			if c.adapter != nil {
				change = append(change, as(c.adapter(h.net)))
			}
			s := h.room("w1", change...)
			cmd := testCommand(name, func(x *palinsesto.TestChannel) { x.Keep = c.keep })
			got, err := h.try(s, cmd)
			require.NoError(t, err)
			require.Equal(t, string(c.verdict), got.Verdict)
			require.Equal(t, c.afterwards, got.Afterwards)
			require.Equal(t, admin, got.By)
			require.Equal(t, c.verdict != channel.Posted || c.afterwards == palinsesto.TestLeft, got.Problem != "")
			ch, events := h.channel()
			require.Equal(t, c.events, events)
			require.Equal(t, got, ch.State.Test)
			if c.verdict == channel.Posted {
				require.Equal(t, "https://t.me/m/1", got.Link)
				require.Equal(t, c.afterwards == palinsesto.TestRemoved || c.remove != nil, len(removed) == 1)
			}
			first, err := h.History(t.Context(), contract.ChannelSubject(theOne), 1)
			require.NoError(t, err)
			env, _, err := contract.Channels.Decode(first[0].Data)
			require.NoError(t, err)
			require.Equal(t, admin, env.Actor, "who")
			require.Equal(t, "token nuovo", env.Reason)

			again, err := h.try(h.room("w2"), cmd)
			require.NoError(t, err)
			require.Equal(t, got, again, "the same command is answered with what it came to")
			require.Len(t, h.net.made(), 1)
		})
	}
}

// What forbids a test message, before its intent or after it: no call is made.
func TestTrialRefused(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*house)
		change func(*palinsesto.TestChannel)
		code   palinsesto.Code
		says   string
	}{
		"a hold over everything":  {before: func(h *house) { h.hold(palinsesto.ScopeAll, "") }, code: palinsesto.CodeConflict, says: "fermo"},
		"a hold over the network": {before: func(h *house) { h.hold(palinsesto.ScopeNetwork, "telegram") }, code: palinsesto.CodeConflict, says: "fermo"},
		"a hold over the channel": {before: func(h *house) { h.hold(palinsesto.ScopeChannel, theOne) }, code: palinsesto.CodeConflict, says: "fermo"},
		"paused": {before: func(h *house) {
			h.setChannel(palinsesto.ChannelWasPaused, func(c *palinsesto.Channel) { c.State = palinsesto.ChannelPaused })
		}, code: palinsesto.CodeConflict, says: "in pausa"},
		"the network wants to be left alone": {before: func(h *house) {
			h.setChannel(palinsesto.ChannelWasBudget, func(c *palinsesto.Channel) { c.NotBefore = time.Now().Add(time.Hour) })
		}, code: palinsesto.CodeBusy, says: "margine"},
		"no budget": {before: func(h *house) {
			require.NoError(h.t, h.index.Block(context.Background(), "chat:"+theOne, time.Now().Add(time.Hour)))
		}, code: palinsesto.CodeBusy, says: "margine"},
		"another a moment ago": {before: func(h *house) {
			h.setChannel(palinsesto.ChannelWasTested, func(c *palinsesto.Channel) {
				c.Test = &palinsesto.ChannelTest{ID: "x", At: time.Now(), Verdict: "posted"}
			})
		}, code: palinsesto.CodeConflict, says: "Un messaggio di prova è partito"},
		"an earlier one again": {before: func(h *house) {
			h.setChannel(palinsesto.ChannelWasTested, func(c *palinsesto.Channel) {
				c.Test = &palinsesto.ChannelTest{ID: "x", Verdict: "posted", Earlier: []string{testCommand("0").ID}}
			})
		}, code: palinsesto.CodeConflict, says: "già stata fatta"},
		"an operator":     {change: func(x *palinsesto.TestChannel) { x.Actor.Role = palinsesto.RoleOperatore }, code: palinsesto.CodeForbidden},
		"no such channel": {change: func(x *palinsesto.TestChannel) { x.Channel = "altro" }, code: palinsesto.CodeNotFound},
		"no id":           {change: func(x *palinsesto.TestChannel) { x.ID = "" }, code: palinsesto.CodeInvalid},
		"what cannot be prepared": {before: func(h *house) { h.net.prepare = func(channel.Delivery) error { return fails(channel.Permanent, 0) } },
			code: palinsesto.CodeConflict, says: "La rete ha detto di no."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if c.before != nil {
				c.before(h)
			}
			cmd := testCommand("0")
			if c.change != nil {
				c.change(&cmd)
			}
			_, before := h.channel()
			_, err := h.try(h.room("w1"), cmd)
			require.Equal(t, c.code, palinsesto.CodeOf(err))
			require.Contains(t, err.Error(), c.says)
			require.Empty(t, h.net.made())
			_, after := h.channel()
			require.Equal(t, before, after)
		})
	}
	t.Run("a hold that came with the intent", func(t *testing.T) {
		h := newHouse(t)
		w := h.worker("w1")
		p, _, err := w.trialIntent(t.Context(), testCommand("1"))
		require.NoError(t, err)
		h.hold(palinsesto.ScopeChannel, theOne)
		stop := w.trialStopped(t.Context(), p.Seq)
		require.Error(t, stop)
		done, err := w.stoodDown(t.Context(), p, stop)
		require.NoError(t, err)
		require.Equal(t, "stopped", done.State.Test.Verdict)
		require.Contains(t, done.State.Test.Problem, "fermo")
	})
	t.Run("a token that was replaced", func(t *testing.T) {
		h := newHouse(t)
		h.setChannel(palinsesto.ChannelWasNeedsReconnect, func(c *palinsesto.Channel) { c.State = palinsesto.ChannelNeedsReconnect })
		got, err := h.try(h.room("w1"), testCommand("2"))
		require.NoError(t, err, "whether it works again is what a test is to show")
		require.Equal(t, "posted", got.Verdict)
	})
}

// The same command on many copies at once, and again after the process died in it: one call at most.
func TestTrialOnce(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		var wg sync.WaitGroup
		for range 8 {
			s := h.room("w")
			wg.Go(func() { _, _ = h.try(s, testCommand("1")) })
		}
		wg.Wait()
		require.Len(t, h.net.made(), 1)
		ch, _ := h.channel()
		require.Equal(t, palinsesto.TestRemoved, ch.State.Test.Afterwards)
	})
	t.Run("different ones at once", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		var wg sync.WaitGroup
		for _, n := range []string{"a", "b", "c", "d"} {
			s := h.room("w")
			wg.Go(func() { _, _ = h.try(s, testCommand(n)) })
		}
		wg.Wait()
		require.Len(t, h.net.made(), 1, "people see them")
	})
	t.Run("the process died after the intent", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, func(c *config.Config) { c.Publishing.CallDeadline = time.Second })
		_, _, err := h.worker("dead").trialIntent(t.Context(), testCommand("1"))
		require.NoError(t, err)
		got, err := h.try(h.room("w2"), testCommand("1"))
		require.NoError(t, err)
		require.Empty(t, got.Verdict)
		require.Empty(t, h.net.made())
		require.False(t, got.Open(got.At.Add(got.Lasts)), "after that nobody waits for it")
	})
	t.Run("many after one another", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		now := time.Now()
		s := h.room("w1", func(d *Deps) { d.Clock = func() time.Time { return now } })
		for i := range 14 {
			_, err := h.try(s, testCommand(string(rune('a'+i))))
			require.NoError(t, err)
			now = now.Add(trialEvery)
		}
		ch, _ := h.channel()
		require.Len(t, ch.State.Test.Earlier, 10)
		_, err := h.try(s, testCommand("e"))
		require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
		require.Len(t, h.net.made(), 14)
	})
}
