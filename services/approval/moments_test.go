// SPDX-License-Identifier: AGPL-3.0-or-later

package approval_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (h *house) channel(id string) contract.Event[palinsesto.Channel] {
	h.t.Helper()
	c, err := bus.Load(context.Background(), h.bus, contract.Channels, contract.ChannelSubject(id))
	if !errors.Is(err, bus.ErrNone) {
		require.NoError(h.t, err)
	}
	return c
}

// momentsOf are those that a segnalazione has on a channel.
func (h *house) momentsOf(id, channel string) (out []time.Time) {
	for _, r := range h.channel(channel).State.Reserved {
		if r.Post == palinsesto.PostID(id, channel, 0) {
			out = append(out, r.At)
		}
	}
	return out
}

// However many approve at once, also the same segnalazione, for moments that may not bend: what is
// approved has its moment, at the channel's distance from all others, and what is refused has none.
func TestMomentsAreKeptAtTheYes(t *testing.T) {
	h := newHouse(t)
	h.another()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		base := start.Add(time.Duration(1+round%100) * 5 * time.Hour)
		round++
		var segs []palinsesto.Segnalazione
		var wg sync.WaitGroup
		for range rapid.IntRange(1, 3).Draw(t, "segnalazioni") {
			seg := h.submit(author, nil)
			segs = append(segs, seg)
			for _, who := range []palinsesto.Actor{editor, second}[:rapid.IntRange(1, 2).Draw(t, "approvers")] {
				cmd := palinsesto.Approve{Command: by(who), SegnalazioneID: seg.ID, Version: 1,
					Due: base.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "at")) * 5 * time.Minute)}
				wg.Go(func() {
					_, err := h.approve(cmd)
					if code := palinsesto.CodeOf(err); err != nil && code != palinsesto.CodeConflict && code != palinsesto.CodeStale {
						h.t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		var all []time.Time
		for _, seg := range segs {
			history, moments := h.history(seg), h.momentsOf(seg.ID, "telegram-marche")
			if len(history) == 1 {
				require.Empty(t, moments, "of what was refused")
				continue
			}
			require.Equal(t, []time.Time{history[1].State.Approval.Due}, moments)
			for _, other := range all {
				require.GreaterOrEqual(t, moments[0].Sub(other).Abs(), 10*time.Minute)
			}
			all = append(all, moments[0])
		}
		require.NotEmpty(t, all, "somebody gets the moment")
	})
}

// Of several channels one has no room: nothing is kept on the others.
func TestMomentsAreKeptOnAllOrNone(t *testing.T) {
	h := newHouse(t, func(c *config.Config) { c.Channels[1].Spacing = time.Minute })
	due := start.Add(time.Hour)
	seg := h.submit(author, fields{"wanted_channels": []string{"telegram"}})
	_, err := bus.Put(context.Background(), h.bus, contract.Channels, contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject("telegram-altro")},
		palinsesto.ChannelWasBudget, contract.Envelope{}, palinsesto.Channel{ID: "telegram-altro"}.Reserve(palinsesto.DeriveID("x"), due, start))
	require.NoError(t, err)
	cmd := palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: due}
	_, err = h.approve(cmd)
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
	require.Empty(t, h.channel("telegram-marche").State.Reserved)
	cmd.Command, cmd.Due = by(editor), due.Add(time.Minute)
	_, err = h.approve(cmd)
	require.NoError(t, err)
	require.Len(t, h.momentsOf(seg.ID, "telegram-altro"), 1)
	require.Len(t, h.momentsOf(seg.ID, "telegram-marche"), 1)
	writes := h.channel("telegram-marche").Seq
	_, err = h.approve(cmd)
	require.NoError(t, err, "the same command again")
	require.Equal(t, writes, h.channel("telegram-marche").Seq)
}

// Whatever the moment: when as many wait as a channel takes, whoever approves is told.
func TestApproveOnAFullChannel(t *testing.T) {
	h := newHouse(t)
	c := palinsesto.Channel{ID: "telegram-marche"}
	for i := range palinsesto.ReservedMost {
		c.Reserved = append(c.Reserved, palinsesto.Reservation{Post: palinsesto.DeriveID("full", strconv.Itoa(i)), At: start.Add(time.Duration(i+1) * 10 * time.Minute)})
	}
	_, err := bus.Put(context.Background(), h.bus, contract.Channels, contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject(c.ID)},
		palinsesto.ChannelWasBudget, contract.Envelope{}, c)
	require.NoError(t, err)
	seg := h.submit(author, nil)
	for _, due := range []time.Time{{}, start.Add(5 * time.Minute)} {
		_, err = h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1, Due: due, Bend: !due.IsZero()})
		require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
		require.Equal(t, map[string]string{"at": "V-CANALE-PIENO"}, problemsOf(t, err))
	}
	h.pass(15 * time.Minute)
	_, err = h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err, "one is out")
}
