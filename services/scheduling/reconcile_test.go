// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// One post per variant, whatever the number and order of deliveries.
func TestApprovalMakesPosts(t *testing.T) {
	h := newHouse(t)
	due := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	seg := h.report(func(s *palinsesto.Segnalazione) {
		s.Ever = []string{free, spaced}
		s.Approval.Variants = append(s.Approval.Variants, variant(spaced, "altro"))
		s.Approval.Due = due
	})
	a, b := h.room(), h.room()
	for range 3 {
		require.NoError(t, h.tell(a, seg))
		require.NoError(t, h.tell(b, seg))
	}
	for _, v := range seg.State.Approval.Variants {
		p := h.load(contract.PostSubject(v.Channel, palinsesto.PostID(seg.State.ID, v.Channel, 0)))
		require.Equal(t, []string{"queued"}, h.events(p.Subject))
		require.Equal(t, v.Hash, p.State.Hash)
		require.True(t, p.State.Due.Equal(due))
		require.True(t, p.State.FirstDue.Equal(due))
		require.False(t, p.State.Bend)
		require.Len(t, p.State.Parts, 1)
	}
	soon := h.report()
	require.NoError(t, h.tell(a, soon))
	p := h.load(subjectOf(soon.State)).State
	require.WithinDuration(t, time.Now(), p.Due, 5*time.Second)
	require.True(t, p.Bend)
}

// An old approval that is delivered again after a newer one changes nothing.
func TestOldApprovalDeliveredLate(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	seg := h.report()
	old, err := h.Newest(context.Background(), 0, seg.Subject)
	require.NoError(t, err)
	require.NoError(t, h.tell(s, seg))
	again := h.approveAgain(seg, "nuovo")
	require.NoError(t, h.tell(s, again))
	subject := subjectOf(seg.State)
	now := h.load(subject)
	require.Equal(t, variant(free, "nuovo").Hash, now.State.Hash)
	require.NoError(t, s.onSegnalazione(context.Background(), bus.Delivery{Record: old[0], Deliveries: 4}))
	require.Equal(t, now.Seq, h.load(subject).Seq)
	require.Equal(t, []string{"queued", "queued"}, h.events(subject))
}

// reaction is what becomes of a post in one state when something happens to its segnalazione.
type reaction struct {
	state   palinsesto.PostState
	waits   bool // the event comes again until the post is settled
	changed string
}

func same(s palinsesto.PostState) reaction  { return reaction{state: s} }
func busy(s palinsesto.PostState) reaction  { return reaction{state: s, waits: true} }
func gives(s palinsesto.PostState) reaction { return reaction{state: s} }
func edits(text string) reaction            { return reaction{state: palinsesto.PostEditing, changed: text} }

var reactions = map[palinsesto.PostState]map[string]reaction{
	palinsesto.PostPlanned:    {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": same("planned"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostQueued:     {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": gives("missed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostDue:        {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": gives("missed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostPublishing: {"withdrawn": busy("publishing"), "revised": busy("publishing"), "expired": busy("publishing"), "new text": busy("publishing"), "same text": busy("publishing")},
	palinsesto.PostPosted:     {"withdrawn": gives("removing"), "revised": same("posted"), "expired": same("posted"), "new text": edits("nuovo"), "same text": same("posted")},
	palinsesto.PostRetrying:   {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": gives("missed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostFailed:     {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": same("failed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostUncertain:  {"withdrawn": same("uncertain"), "revised": same("uncertain"), "expired": same("uncertain"), "new text": same("uncertain"), "same text": same("uncertain")},
	palinsesto.PostMissed:     {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": same("missed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostHeld:       {"withdrawn": gives("cancelled"), "revised": gives("cancelled"), "expired": gives("missed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostCancelled:  {"withdrawn": same("cancelled"), "revised": same("cancelled"), "expired": same("cancelled"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostEditing:    {"withdrawn": gives("removing"), "revised": same("editing"), "expired": same("editing"), "new text": edits("nuovo"), "same text": edits("testo")},
	palinsesto.PostEdited:     {"withdrawn": gives("removing"), "revised": same("edited"), "expired": same("edited"), "new text": edits("nuovo"), "same text": same("edited")},
	palinsesto.PostRemoving:   {"withdrawn": same("removing"), "revised": same("removing"), "expired": same("removing"), "new text": busy("removing"), "same text": busy("removing")},
	palinsesto.PostRemoved:    {"withdrawn": same("removed"), "revised": same("removed"), "expired": same("removed"), "new text": gives("queued"), "same text": gives("queued")},
	palinsesto.PostErased:     {"withdrawn": same("erased"), "revised": same("erased"), "expired": same("erased"), "new text": same("erased"), "same text": same("erased")},
}

// Whatever happens to a segnalazione, in every state of its post; and the event delivered twice does
// nothing more.
func TestReactions(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for _, state := range states {
		for what, want := range reactions[state] {
			t.Run(string(state)+", "+what, func(t *testing.T) { h.react(t, s, state, what, want) })
		}
	}
}

func (h *house) react(t *testing.T, s *Service, state palinsesto.PostState, what string, want reaction) {
	seg := h.report()
	was := h.put(palinsesto.PostEvent(state), as(draft(seg.State, time.Now()), state))
	switch what {
	case "withdrawn":
		seg = h.happens(seg, palinsesto.SegWasWithdrawn, nil)
	case "revised":
		seg = h.happens(seg, palinsesto.SegWasRevised, nil)
	case "expired":
		seg = h.happens(seg, palinsesto.SegWasExpired, nil)
	case "new text":
		seg = h.approveAgain(seg, "nuovo")
	case "same text":
		seg = h.approveAgain(seg, "testo")
	}
	for range 2 {
		require.Equal(t, want.waits, bus.IsLater(h.tell(s, seg)))
	}
	got := h.load(was.Subject)
	if want.state == palinsesto.PostEditing && want.changed == "nuovo" {
		require.Equal(t, seg.State.Title, got.State.Title, "lists show the new title")
	}
	require.Equal(t, want.state, got.State.State)
	require.LessOrEqual(t, len(h.events(was.Subject)), 2, "the second delivery did something")
	if want.changed != "" {
		require.Equal(t, variant(free, want.changed).Hash, got.State.Change.Hash)
	}
	if want.state == palinsesto.PostQueued {
		require.Equal(t, seg.State.Approval.Variants[0].Hash, got.State.Hash)
		require.Equal(t, seg.State.Version, got.State.Approved)
		require.Zero(t, got.State.NextPart(), "what was removed or never out goes from its first part on")
	}
	if state == palinsesto.PostPosted {
		require.True(t, got.State.Parts[0].Posted, "never a second post")
	}
}

// While a late verdict may still come, the event waits for it: nothing else would bring the post in line.
func TestUncertainWaitsForALateVerdict(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	seg := h.report()
	p := attempt(draft(seg.State, time.Now()), 0)
	p.State = palinsesto.PostUncertain
	d := h.put(palinsesto.PostWasUncertain, p)
	seg = h.happens(seg, palinsesto.SegWasWithdrawn, nil)
	require.True(t, bus.IsLater(h.tell(s, seg)))
	h.put(palinsesto.PostWasPosted, p.PartOut(0, palinsesto.PartState{RemoteIDs: []string{"1"}}, time.Now()))
	require.NoError(t, h.tell(s, seg))
	require.Equal(t, palinsesto.PostRemoving, h.load(d.Subject).State.State)
}

// Of two parts the first is out when the rest is taken back.
func TestHalfOut(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	half := func(state palinsesto.PostState) (segnalazione, post) {
		seg := h.report(func(s *palinsesto.Segnalazione) {
			v := palinsesto.Variant{Channel: free, Network: "telegram", Parts: []palinsesto.Part{{Text: "foto"}, {Text: "testo"}}}
			v.Hash = palinsesto.HashParts(v.Parts)
			s.Approval.Variants = []palinsesto.Variant{v}
		})
		p := as(draft(seg.State, time.Now()), state)
		p.Parts[0] = palinsesto.PartState{Posted: true, RemoteIDs: []string{"1"}}
		return seg, h.put(palinsesto.PostEvent(state), p)
	}
	for _, state := range []palinsesto.PostState{palinsesto.PostQueued, palinsesto.PostDue, palinsesto.PostMissed, palinsesto.PostFailed, palinsesto.PostCancelled} {
		seg, p := half(state)
		require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
		require.Equal(t, palinsesto.PostRemoving, h.load(p.Subject).State.State, "withdrawn, %s", state)

		seg, p = half(state)
		again := h.approveAgain(seg, "nuovo")
		require.True(t, bus.IsLater(h.tell(s, again)))
		removing := h.load(p.Subject)
		require.Equal(t, palinsesto.PostRemoving, removing.State.State, "approved otherwise, %s", state)
		gone := removing.State
		gone.State, gone.Change = palinsesto.PostRemoved, nil
		h.put(palinsesto.PostWasRemoved, gone)
		require.NoError(t, h.tell(s, again))
		require.Equal(t, palinsesto.PostQueued, h.load(p.Subject).State.State)
		require.Zero(t, h.load(p.Subject).State.NextPart())
	}
	seg, p := half(palinsesto.PostQueued)
	require.NoError(t, h.tell(s, h.happens(seg, palinsesto.SegWasRevised, nil)))
	got := h.load(p.Subject).State
	require.Equal(t, palinsesto.PostCancelled, got.State)
	require.Equal(t, "half_out", got.Cause)
	require.True(t, got.NeedsHand(), "somebody has to see what is left on the network")
}

// A copy that read the segnalazione and was then held up does not undo what another has done since.
func TestReadBeforeAnotherCopyActed(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	slow, quick := h.room(), h.room()
	seg := h.report()
	require.NoError(t, h.tell(quick, seg))
	revised := h.happens(seg, palinsesto.SegWasRevised, nil)
	again := h.happens(seg, palinsesto.SegWasApproved, func(s *palinsesto.Segnalazione) {
		s.Approval = &palinsesto.Approval{Variants: []palinsesto.Variant{variant(free, "nuovo")}}
	})
	require.NoError(t, h.tell(quick, again))
	require.NoError(t, slow.reconcile(ctx, revised))
	got := h.load(subjectOf(seg.State)).State
	require.Equal(t, palinsesto.PostQueued, got.State, "approved anew, cancelled by old news")
	require.Equal(t, again.State.Version, got.Approved)
}

// The mirror of it: the withdrawal found no post yet, which a copy that had read the approval then makes.
func TestWithdrawnBeforeThePostExisted(t *testing.T) {
	h := newHouse(t)
	slow, quick := h.room(), h.room()
	seg := h.report(on(spaced, time.Now().Add(30*24*time.Hour), false))
	slow.Clock = once(func() { // between its look and what it writes
		require.NoError(t, h.tell(quick, h.happens(seg, palinsesto.SegWasWithdrawn, nil)))
	})
	require.NoError(t, slow.reconcile(context.Background(), seg))
	require.Equal(t, []string{"queued", "cancelled"}, h.events(subjectOf(seg.State)))
	require.Empty(t, h.channel(spaced).Reserved, "its moment is given back")
}

// once is a clock that has something happen at the first look at it.
func once(happens func()) func() time.Time {
	var done sync.Once
	return func() time.Time {
		done.Do(happens)
		return time.Now()
	}
}

// Two copies, any interleaving of deliveries with what happens to the segnalazione: in the end its post
// is in line with it.
func TestInLineWhateverTheInterleaving(t *testing.T) {
	h := newHouse(t)
	rooms := []*Service{h.room(), h.room()}
	rapid.Check(t, func(rt *rapid.T) {
		first := h.report(on(free, time.Now().Add(time.Hour), false))
		seg := first
		var copies errgroup.Group
		copies.Go(func() error { return h.settles(rooms[0], first) })
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			if rapid.Bool().Draw(rt, "withdrawn") {
				seg = h.happens(seg, palinsesto.SegWasWithdrawn, nil)
			} else {
				seg = h.approveAgain(seg, rapid.SampledFrom([]string{"testo", "nuovo"}).Draw(rt, "text"))
			}
			told, room := seg, rooms[rapid.IntRange(0, 1).Draw(rt, "copy")]
			copies.Go(func() error { return h.settles(room, told) })
			if seg.State.State == palinsesto.SegWithdrawn {
				break
			}
		}
		require.NoError(rt, copies.Wait())
		if seg.State.State == palinsesto.SegWithdrawn {
			if events := h.events(subjectOf(seg.State)); len(events) > 0 { // none: withdrawn before all else
				require.Equal(rt, "cancelled", events[len(events)-1])
			}
			return
		}
		got := h.load(subjectOf(seg.State)).State
		require.Equal(rt, palinsesto.PostQueued, got.State)
		require.Equal(rt, seg.State.Version, got.Approved)
		require.Equal(rt, seg.State.Approval.Variants[0].Hash, got.Hash)
	})
}

// settles delivers an event as it was read, old news or not, until it is handled.
func (h *house) settles(s *Service, seg segnalazione) error {
	for {
		if err := s.reconcile(context.Background(), seg); !errors.Is(err, bus.ErrStale) {
			return err
		}
	}
}
