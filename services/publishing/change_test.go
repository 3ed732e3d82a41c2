// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func orNoIndex(err error) error {
	if errors.Is(err, index.ErrNoIndex) {
		return nil
	}
	return err
}

// posted appends a post that is out.
func (h *house) posted(texts ...string) post {
	p := draft(h.approve(texts...).State, time.Now())
	p.State, p.PostedAt = palinsesto.PostPosted, time.Now()
	for i := range p.Parts {
		p.Parts[i] = palinsesto.PartState{Posted: true, RemoteIDs: []string{string(rune('1' + i))}}
	}
	return h.put(palinsesto.PostWasPosted, p)
}

// ask asks for an edit to new texts, which are approved first, as scheduling does.
func (h *house) ask(p post, texts ...string) post {
	v := variant(theOne, texts...)
	h.changeSeg(segOf(p), "approved", func(s *palinsesto.Segnalazione) {
		s.State, s.Approval = palinsesto.SegApproved, &palinsesto.Approval{Variants: []palinsesto.Variant{v}}
	})
	next := h.load(p.Subject).State
	next.State, next.Change = palinsesto.PostEditing, &palinsesto.Change{Kind: "edit", Hash: v.Hash}
	return h.put(palinsesto.PostWasEditing, next)
}

func (h *house) askRemoval(p post) post {
	next := h.load(p.Subject).State
	next.State, next.Change = palinsesto.PostRemoving, &palinsesto.Change{Kind: "remove", Reason: "sbagliato"}
	return h.put(palinsesto.PostWasRemoving, next)
}

func TestEdit(t *testing.T) {
	h := newHouse(t)
	var tries atomic.Int32
	h.net.edit = func(to channel.Target, d channel.Delivery) error {
		if tries.Add(1) == 1 {
			return fails(channel.Unknown, 0) // an edit may be made again
		}
		require.Equal(t, "prima", to.Part.Text, "what is out decides how it can be changed")
		require.Equal(t, []string{"1"}, to.RemoteIDs)
		require.Equal(t, "dopo", d.Part.Text)
		return nil
	}
	p := h.posted("prima")
	h.start("w1")
	h.ask(p, "dopo")
	got := h.until(p.Subject, palinsesto.PostEdited)
	require.Equal(t, variant(theOne, "dopo").Hash, got.State.Hash)
	require.Nil(t, got.State.Change)
	require.Empty(t, got.State.Cause)
	require.EqualValues(t, 2, tries.Load())
	require.Empty(t, h.net.made(), "an edit publishes nothing")
}

// What cannot be done from here becomes a task for a person, and the post stays as it is.
func TestChangeByHand(t *testing.T) {
	powerless := func(d *Deps) { d.Channels[theOne] = &fake{} }
	cases := []struct {
		name  string
		do    func(h *house, p post)
		deps  func(*Deps)
		cause string
	}{
		{"no editor", func(h *house, p post) { h.ask(p, "dopo") }, powerless, "edit_by_hand"},
		{"no remover", func(h *house, p post) { h.askRemoval(p) }, powerless, "remove_by_hand"},
		{"edit refused", func(h *house, p post) {
			h.net.edit = func(channel.Target, channel.Delivery) error { return fails(channel.Permanent, 0) }
			h.ask(p, "dopo")
		}, func(*Deps) {}, "edit_by_hand"},
		{"more parts", func(h *house, p post) { h.ask(p, "dopo", "e poi") }, func(*Deps) {}, "edit_by_hand"},
		{"removal refused", func(h *house, p post) {
			h.net.remove = func(channel.Target) error { return fails(channel.Permanent, 0) }
			h.askRemoval(p)
		}, func(*Deps) {}, "remove_by_hand"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.posted("prima")
			c.do(h, p)
			h.start("w1", c.deps)
			got := h.until(p.Subject, palinsesto.PostPosted)
			require.Equal(t, c.cause, got.State.Cause)
			require.True(t, got.State.NeedsHand())
			require.NotEmpty(t, got.State.Change.Problem)
			require.Equal(t, p.State.Hash, got.State.Hash)
		})
	}
}

// A removal is allowed under any stop; an edit waits.
func TestChangeUnderAStop(t *testing.T) {
	h := newHouse(t)
	h.hold(palinsesto.ScopeAll, "")
	h.setChannel("paused", func(c *palinsesto.Channel) { c.State = palinsesto.ChannelPaused })
	var edits atomic.Int32
	h.net.edit = func(channel.Target, channel.Delivery) error { edits.Add(1); return nil }
	edit, removal := h.posted("prima"), h.posted("foto", "testo")
	asked := h.ask(edit, "dopo")
	h.askRemoval(removal)
	h.start("w1")
	h.until(removal.Subject, palinsesto.PostRemoved)
	require.NoError(t, h.worker("w2").change(context.Background(), asked, delivery(t, h, asked)))
	require.Equal(t, asked.Seq, h.load(edit.Subject).Seq)
	require.Zero(t, edits.Load())
}

func delivery(t *testing.T, h *house, p post) bus.Delivery {
	t.Helper()
	records, err := h.History(context.Background(), p.Subject, 100)
	require.NoError(t, err)
	for _, r := range records {
		if r.Seq == p.Seq {
			return bus.Delivery{Record: r, Deliveries: 1}
		}
	}
	require.FailNow(t, "no such event")
	return bus.Delivery{}
}

// An edit whose text was revised meanwhile is not made; the post is not stuck either.
func TestEditNotApprovedAnyMore(t *testing.T) {
	h := newHouse(t)
	h.net.edit = func(channel.Target, channel.Delivery) error { t.Error("edited to what is not approved"); return nil }
	p := h.posted("prima")
	h.ask(p, "dopo")
	h.changeSeg(segOf(p), "revised", func(s *palinsesto.Segnalazione) { s.State, s.Approval = palinsesto.SegSubmitted, nil })
	h.start("w1")
	got := h.until(p.Subject, palinsesto.PostPosted)
	require.Nil(t, got.State.Change)
	require.Equal(t, p.State.Hash, got.State.Hash)
}

// Two corrections, the second asked for while the first is at the network: it waits for the first one's
// verdict, so that the last approved is what stands on the network in the end.
func TestEditsDoNotCross(t *testing.T) {
	h := newHouse(t)
	p := h.posted("prima")
	first := h.ask(p, "uno")
	slow, begun, shown := make(chan struct{}), make(chan struct{}), make(chan string, 9)
	var n atomic.Int32
	h.net.edit = func(_ channel.Target, d channel.Delivery) error {
		if n.Add(1) == 1 {
			close(begun)
			<-slow
		}
		shown <- d.Part.Text
		return nil
	}
	a := h.worker("w1")
	ended := make(chan error, 1)
	event := delivery(t, h, first)
	go func() { ended <- a.change(context.Background(), first, event) }()
	within(t, begun)
	second := h.ask(p, "due")
	require.True(t, bus.IsLater(h.worker("w2").change(context.Background(), second, delivery(t, h, second))))
	close(slow)
	require.NoError(t, within(t, ended))
	h.start("w3")
	got := h.until(p.Subject, palinsesto.PostEdited)
	require.Equal(t, variant(theOne, "due").Hash, got.State.Hash)
	require.Equal(t, "uno", <-shown)
	require.Equal(t, "due", <-shown, "what the network shows is what the log says")
	require.Empty(t, shown)
}

// An old event that comes first to this process edits nothing.
func TestOldEditIsNotMade(t *testing.T) {
	h := newHouse(t)
	h.net.edit = func(_ channel.Target, d channel.Delivery) error { require.Equal(t, "due", d.Part.Text); return nil }
	p := h.posted("prima")
	old := h.ask(p, "uno")
	h.ask(p, "due")
	require.NoError(t, h.worker("w1").handle(context.Background(), delivery(t, h, old)))
	h.start("w2")
	h.until(p.Subject, palinsesto.PostEdited)
}

// The first of two parts is out when the rest is taken back: it can be removed, and when that fails the
// post does not pass for posted.
func TestRemoveHalf(t *testing.T) {
	for _, fail := range []bool{false, true} {
		h := newHouse(t)
		var removed []string
		h.net.remove = func(to channel.Target) error {
			removed = append(removed, to.RemoteIDs...)
			if fail {
				return fails(channel.Permanent, 0)
			}
			return nil
		}
		p := draft(h.approve("foto", "testo").State, time.Now())
		p.State, p.Parts[0] = palinsesto.PostCancelled, palinsesto.PartState{Posted: true, RemoteIDs: []string{"1"}}
		d := h.put(palinsesto.PostWasCancelled, p)
		h.askRemoval(d)
		stop := h.start("w1")
		h.until(d.Subject, map[bool]palinsesto.PostState{false: palinsesto.PostRemoved, true: palinsesto.PostFailed}[fail])
		stop()
		require.Equal(t, []string{"1"}, removed)
	}
}
