// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// half is a post of two parts with the first one out, in a state of the test's choosing.
func half(seg palinsesto.Segnalazione, state palinsesto.PostState) palinsesto.Post {
	p := draft(seg, time.Now())
	p.State, p.Parts = state, []palinsesto.PartState{{Posted: true, RemoteIDs: []string{"1"}}, {}}
	return p
}

// askedToRemove is what publishing leaves when the network does not let it remove.
func askedToRemove(p palinsesto.Post) palinsesto.Post {
	p.Cause, p.Problem = "remove_by_hand", "Telegram non lo permette."
	p.Change = &palinsesto.Change{Kind: "remove", Problem: p.Problem, Cause: "telegram.cannot_delete"}
	return p
}

// A removal that failed is told once; what was then sent again is another matter, and is taken down too.
func TestWithdrawnAfterAFailedRemoval(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	t.Run("sent again", func(t *testing.T) {
		seg := h.report()
		e := h.put(palinsesto.PostWasFailed, askedToRemove(half(seg.State, palinsesto.PostFailed)))
		p, err := s.command("requeue", postCommand(operatore, "requeue", e.State.ID))
		require.NoError(t, err)
		require.Nil(t, p.Change)
		h.put(palinsesto.PostWasPosted, p.PartOut(1, palinsesto.PartState{RemoteIDs: []string{"2"}}, time.Now()))
		require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
		require.Equal(t, palinsesto.PostRemoving, h.load(e.Subject).State.State)
	})
	t.Run("out, of a log from before", func(t *testing.T) {
		seg := h.report()
		p := askedToRemove(as(draft(seg.State, time.Now()), palinsesto.PostPosted))
		p.Cause, p.Problem = "", ""
		e := h.put(palinsesto.PostWasPosted, p)
		require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
		require.Equal(t, palinsesto.PostRemoving, h.load(e.Subject).State.State)
	})
	t.Run("still asked for", func(t *testing.T) {
		seg := h.report()
		e := h.put(palinsesto.PostWasFailed, askedToRemove(as(draft(seg.State, time.Now()), palinsesto.PostPosted)))
		require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
		require.Equal(t, e.Seq, h.load(e.Subject).Seq)
	})
}

// An approval that leaves a channel out says nothing of what is public there: a person is told, and the
// note goes when the channel is approved again, or the post removed.
func TestDroppedChannel(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for _, state := range []palinsesto.PostState{palinsesto.PostPosted, palinsesto.PostEdited, palinsesto.PostEditing} {
		t.Run(string(state), func(t *testing.T) {
			seg := h.report()
			e := h.put(palinsesto.PostEvent(state), as(draft(seg.State, time.Now()), state))
			require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasRevised, nil)))
			require.Equal(t, e.Seq, h.load(e.Subject).Seq, "not decided yet")
			elsewhere := h.happens(seg, palinsesto.SegWasApproved, func(x *palinsesto.Segnalazione) {
				x.Approval = &palinsesto.Approval{Variants: []palinsesto.Variant{variant(spaced, "nuovo")}}
			})
			for range 2 {
				require.NoError(t, h.tell(s, elsewhere))
			}
			got := h.load(e.Subject).State
			require.Equal(t, palinsesto.PostPosted, got.State)
			require.Equal(t, causeDropped, got.Cause)
			require.True(t, got.NeedsHand())
			require.Len(t, h.events(e.Subject), 2, "told once")

			h.approveAgain(seg, "testo")
			require.NoError(t, h.tell(s, seg))
			require.False(t, h.load(e.Subject).State.NeedsHand(), "approved again")
			require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
			require.Equal(t, palinsesto.PostRemoving, h.load(e.Subject).State.State)
		})
	}
}

// The moment that approval kept goes back to the channel also where scheduling never made a post for it.
func TestKeptMomentIsGivenBack(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	when := time.Now().Add(time.Hour)
	for _, state := range []palinsesto.PostState{"", palinsesto.PostCancelled, palinsesto.PostRemoved} {
		seg := h.report(on(spaced, when, false))
		if state != "" {
			h.put(palinsesto.PostEvent(state), as(draft(seg.State, when), state))
		}
		h.setChannel(spaced, func(c *palinsesto.Channel) {
			*c = c.Keep(palinsesto.PostID(seg.State.ID, spaced, 0), when, time.Time{})
		})
		require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasRevised, nil)))
		require.Empty(t, h.channel(spaced).Reserved, "%q", state)
	}
}

// Of the moments that were kept while two approvals were decided, queueing leaves the one that counts.
func TestQueueingLeavesOneMoment(t *testing.T) {
	h := newHouse(t)
	when := time.Now().Add(time.Hour)
	seg := h.report(on(spaced, when, false))
	post := palinsesto.PostID(seg.State.ID, spaced, 0)
	h.setChannel(spaced, func(c *palinsesto.Channel) {
		*c = c.Keep(post, when, time.Time{}).Keep(post, when.Add(time.Hour), time.Time{})
	})
	require.NoError(t, h.tell(h.room(), seg))
	c := h.channel(spaced)
	require.Len(t, c.Reserved, 1)
	require.True(t, c.Has(post, when))
}
