// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// inDoubt leaves an uncertain post behind, whose worker died in the call.
func (h *house) inDoubt(texts ...string) post {
	h.t.Helper()
	return h.doubtful(h.abandon("dead", texts...))
}

func (h *house) doubtful(p post) post {
	h.t.Helper()
	s := h.room("other", func(d *Deps) { d.Sole = true })
	require.NoError(h.t, s.lapse(context.Background(), p, time.Hour))
	return h.load(p.Subject)
}

// as makes the channel's adapter another one.
func as(a channel.Channel) func(*Deps) {
	return func(d *Deps) { d.Channels[theOne] = a }
}

// shown waits until the index shows the whole log.
func (h *house) shown() {
	h.t.Helper()
	h.project()
	last, err := h.LastSeq(context.Background())
	require.NoError(h.t, err)
	require.Eventually(h.t, func() bool {
		m, err := h.index.Meta(context.Background())
		return err == nil && m.Ready && m.Seq >= last
	}, patience, 2*time.Millisecond)
}

// What the network shows settles a doubt, with the answer as evidence; nothing else does.
func TestFind(t *testing.T) {
	two := []channel.Receipt{out(1), out(2)}
	for name, c := range map[string]struct {
		answer  []channel.Receipt
		err     error
		state   palinsesto.PostState
		verdict string
		channel []string
	}{
		"found":         {answer: two[:1], state: palinsesto.PostPosted},
		"not found":     {state: palinsesto.PostUncertain, verdict: checkNothing},
		"two of them":   {answer: two, state: palinsesto.PostUncertain, verdict: checkSeveral},
		"no id":         {answer: []channel.Receipt{{}}, state: palinsesto.PostUncertain, verdict: checkNothing},
		"no answer":     {err: errors.New("reset"), state: palinsesto.PostUncertain, verdict: checkFailed},
		"refused":       {err: fails(channel.Permanent, 0), state: palinsesto.PostUncertain, verdict: checkFailed},
		"asked to wait": {err: fails(channel.RetryAfter, time.Hour), state: palinsesto.PostUncertain, verdict: checkFailed, channel: []string{"budget"}},
		"token refused": {err: fails(channel.Reconnect, 0), state: palinsesto.PostUncertain, verdict: checkFailed, channel: []string{"needs_reconnect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.inDoubt("testo")
			h.shown()
			var sought channel.Sought
			w := h.worker("w1", as(asked{full{h.net}, func(s channel.Sought) ([]channel.Receipt, error) { sought = s; return c.answer, c.err }}))
			require.NoError(t, w.settleDoubts(t.Context()))
			require.Equal(t, "testo", sought.Delivery.Part.Text)
			require.Equal(t, p.State.Attempt.Key, sought.Delivery.Key)
			require.True(t, sought.Since.Before(p.State.Attempt.Intended))
			got := h.load(p.Subject)
			require.Equal(t, c.state, got.State.State)
			_, events := h.channel()
			require.Equal(t, c.channel, events)
			require.Empty(t, h.net.made(), "asking publishes nothing")
			if c.state == palinsesto.PostPosted {
				a := got.State.Attempt
				require.Equal(t, "posted", a.Verdict)
				require.Equal(t, palinsesto.SettledByFound, a.Settlement.By)
				require.Equal(t, "ok", a.Settlement.Evidence)
				require.WithinDuration(t, time.Now(), a.Settlement.At, time.Minute)
				require.Contains(t, a.Settled, "trovato sulla rete")
				require.Equal(t, []string{"1"}, got.State.Parts[0].RemoteIDs)
				require.Equal(t, "https://t.me/m/1", got.State.Link)
				require.Empty(t, got.State.Cause)
				return
			}
			require.Equal(t, c.verdict, got.State.Attempt.Check.Verdict)
			require.Equal(t, 1, got.State.Attempt.Check.Number)
			require.NotEmpty(t, got.State.Attempt.Check.Detail)
			require.Nil(t, got.State.Attempt.Settlement)
			before := h.events(p.Subject)
			require.NoError(t, w.settleDoubts(t.Context()))
			require.Equal(t, before, h.events(p.Subject), "not before the pause is over")
		})
	}
}

// A message that another post has, or may have, is not this one's.
func TestFoundIsAnothers(t *testing.T) {
	finds := func(h *house, rs ...channel.Receipt) *worker {
		return h.worker("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) { return rs, nil }}))
	}
	t.Run("already another post's", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		other := h.due("testo")
		h.put(palinsesto.PostWasPosted, other.State.PartOut(0, palinsesto.PartState{RemoteIDs: []string{"1"}}, time.Now()))
		p := h.inDoubt("testo")
		h.shown()
		require.NoError(t, finds(h, out(1)).settleDoubts(t.Context()))
		require.Equal(t, checkNothing, h.load(p.Subject).State.Attempt.Check.Verdict)
	})
	t.Run("one of two is already another's", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		other := h.due("testo")
		h.put(palinsesto.PostWasPosted, other.State.PartOut(0, palinsesto.PartState{RemoteIDs: []string{"1"}}, time.Now()))
		p := h.inDoubt("testo")
		h.shown()
		require.NoError(t, finds(h, out(1), out(2)).settleDoubts(t.Context()))
		require.Equal(t, []string{"2"}, h.load(p.Subject).State.Parts[0].RemoteIDs)
	})
	for name, twin := range map[string]func(*house) post{
		"another in doubt":  func(h *house) post { return h.inDoubt("testo") },
		"another under way": func(h *house) post { return h.abandon("slow", "testo") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.inDoubt("testo")
			twin(h)
			h.shown()
			require.NoError(t, finds(h, out(1)).settleDoubts(t.Context()))
			got := h.load(p.Subject)
			require.Equal(t, palinsesto.PostUncertain, got.State.State)
			require.Equal(t, checkTwin, got.State.Attempt.Check.Verdict)
		})
	}
}

// The room dies between the network's answer and its being written, or the answer comes together with a
// person's word: it is found again, and a word counts.
func TestFoundAndNotWritten(t *testing.T) {
	t.Run("the room dies", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.inDoubt("testo")
		h.shown()
		ctx, die := context.WithCancel(context.Background())
		w := h.worker("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) {
			die()
			return []channel.Receipt{out(1)}, nil
		}}))
		require.NoError(t, w.settleDoubts(ctx))
		require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State)
		w2 := h.worker("w2", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) { return []channel.Receipt{out(1)}, nil }}))
		_, err := h.index.Lead(context.Background(), "doubts:"+theOne, "w1", time.Millisecond)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			require.NoError(t, w2.settleDoubts(context.Background()))
			return h.load(p.Subject).State.State == palinsesto.PostPosted
		}, patience, 5*time.Millisecond)
		require.Equal(t, []string{"due", "publishing", "uncertain", "posted"}, h.events(p.Subject))
	})
	t.Run("a person was first", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.inDoubt("testo")
		h.shown()
		w := h.worker("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) {
			h.put(palinsesto.PostWasResolved, p.State.PartOut(0, palinsesto.PartState{Link: "https://t.me/m/7"}, time.Now()))
			return []channel.Receipt{out(1)}, nil
		}}))
		require.NoError(t, w.settleDoubts(t.Context()))
		require.Equal(t, "https://t.me/m/7", h.load(p.Subject).State.Link)
	})
	t.Run("looked at by another copy meanwhile", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.inDoubt("testo")
		h.shown()
		w := h.worker("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) {
			h.put(palinsesto.PostWasChecked, p.State.Checked(palinsesto.Check{Number: 1, Kind: palinsesto.CheckFind, Verdict: checkNothing}))
			return []channel.Receipt{out(1)}, nil
		}}))
		require.NoError(t, w.settleDoubts(t.Context()))
		require.Equal(t, palinsesto.PostPosted, h.load(p.Subject).State.State, "what was found still counts")
	})
}

// Found after its segnalazione was withdrawn: scheduling is told to take it down.
func TestFoundAfterWithdrawal(t *testing.T) {
	h := newHouse(t)
	p := h.inDoubt("testo")
	h.changeSeg("palinsesto.seg.ancona."+p.State.Segnalazione, string(palinsesto.SegWasWithdrawn),
		func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegWithdrawn })
	h.shown()
	w := h.worker("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) { return []channel.Receipt{out(1)}, nil }}))
	require.NoError(t, w.settleDoubts(t.Context()))
	got := h.load(p.Subject)
	require.Equal(t, palinsesto.PostPosted, got.State.State)
	require.Equal(t, palinsesto.CauseOutdated, got.State.Cause)
}

// The first of two parts is found: the second follows.
func TestFoundPart(t *testing.T) {
	h := newHouse(t)
	p := h.inDoubt("foto", "testo")
	h.shown()
	h.net.publish = func(int, channel.Delivery) (channel.Receipt, error) { return out(2), nil }
	stop := h.start("w1", as(asked{full{h.net}, func(channel.Sought) ([]channel.Receipt, error) { return []channel.Receipt{out(1)}, nil }}))
	got := h.until(p.Subject, palinsesto.PostPosted)
	stop()
	require.Equal(t, []string{"due", "publishing", "uncertain", "prepared", "publishing", "posted"}, h.events(p.Subject))
	require.Equal(t, []string{"1"}, got.State.Parts[0].RemoteIDs)
	require.Equal(t, []string{"2"}, got.State.Parts[1].RemoteIDs)
}

// Looks grow rarer, and end after a day.
func TestLooksEnd(t *testing.T) {
	h := newHouse(t)
	w := h.worker("w1")
	now := time.Now()
	w.Clock = func() time.Time { return now }
	p := palinsesto.Post{State: palinsesto.PostUncertain, Attempt: &palinsesto.Attempt{Number: 1}}
	var total time.Duration
	looks := 0
	for ; looks < 1000 && w.checkDue(p); looks++ {
		p = p.Checked(w.check(p, palinsesto.CheckFind))
		at := now
		for step := time.Second; p.Attempt.Check.Number < checksMost && !w.checkDue(p); now = now.Add(step) {
			require.Less(t, now.Sub(at), checkPause+time.Minute)
		}
		total += now.Sub(at)
	}
	require.Equal(t, checksMost, looks)
	require.InDelta(t, 24*time.Hour, total, float64(3*time.Hour))
}

// A slow call is not judged by a copy that sees its intent only: the signs of life of its worker are on the
// message of the due before it, and when that comes again there were none for a whole lease.
func TestSlowCallIsNotJudged(t *testing.T) {
	for event, left := range map[palinsesto.PostEvent]time.Duration{
		palinsesto.PostWasPublishing: time.Second + 20*time.Second,
		palinsesto.PostWasDue:        time.Second,
	} {
		t.Run(string(event), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.abandon("slow", "testo")
			w := h.worker("w2")
			now := time.Now()
			w.seen.now = func() time.Time { return now }
			records, err := h.History(t.Context(), p.Subject, 10)
			require.NoError(t, err)
			d := bus.Delivery{Record: records[0], Deliveries: 2}
			if event == palinsesto.PostWasPublishing {
				d = bus.Delivery{Record: records[1], Deliveries: 1}
			}
			require.Equal(t, string(event), d.Event)
			require.True(t, bus.IsLater(w.handle(t.Context(), d)))
			now = now.Add(left - time.Millisecond)
			require.True(t, bus.IsLater(w.handle(t.Context(), d)))
			require.Equal(t, palinsesto.PostPublishing, h.load(p.Subject).State.State)
			now = now.Add(time.Millisecond)
			require.NoError(t, w.handle(t.Context(), d))
			require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State)
		})
	}
}
