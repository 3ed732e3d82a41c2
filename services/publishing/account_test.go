// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// shared is a network whose channels all use one account.
type shared struct {
	full
	perSecond int
}

func (s shared) Account() (string, int) { return "42", s.perSecond }

// second appends a post that is due on another channel, and gives the worker of it.
func (h *house) second(d func(*Deps)) (*worker, post) {
	other := config.Channel{ID: "telegram-jesi", Network: "telegram", Options: config.Options{Workers: 1}}
	seg := h.approve("due").State
	seg.Approval.Variants[0] = variant(other.ID, "due")
	seg = h.changeSeg("palinsesto.seg.ancona."+seg.ID, "approved", func(s *palinsesto.Segnalazione) { s.Approval = seg.Approval }).State
	return h.room("w1", d).worker(other, nil), h.put(palinsesto.PostWasDue, draft(seg, time.Now()))
}

// What the network says to one channel of a bot holds for all of them.
func TestRetryAfterOfOneAccount(t *testing.T) {
	h := newHouse(t)
	h.net.publish = func(int, channel.Delivery) (channel.Receipt, error) {
		return channel.Receipt{}, fails(channel.RetryAfter, 10*time.Second)
	}
	deps := func(d *Deps) {
		d.Channels[theOne], d.Channels["telegram-jesi"] = shared{full: full{h.net}}, shared{full: full{h.net}}
	}
	first := h.due("uno")
	require.NoError(t, h.worker("w1", deps).deliver(context.Background(), first))
	require.Equal(t, palinsesto.PostRetrying, h.load(first.Subject).State.State)
	w, p := h.second(deps)
	require.True(t, bus.IsLater(w.deliver(context.Background(), p)))
	require.Len(t, h.net.made(), 1)
}

// What a bot may do in all is shared among its channels.
func TestRateOfOneAccount(t *testing.T) {
	h := newHouse(t)
	deps := func(d *Deps) {
		d.Channels[theOne], d.Channels["telegram-jesi"] = shared{full{h.net}, 1}, shared{full{h.net}, 1}
	}
	require.NoError(t, h.worker("w1", deps).deliver(context.Background(), h.due("uno")))
	w, p := h.second(deps)
	require.True(t, bus.IsLater(w.deliver(context.Background(), p)))
	require.Len(t, h.net.made(), 1)
}
