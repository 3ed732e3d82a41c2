// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A due post that nobody took up is handed over anew, and its old event loses.
func TestStuckDue(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	ago := time.Now().Add(-stuckAfter - time.Minute)
	due := func(when time.Time, change func(*palinsesto.Post)) post {
		p := as(draft(h.report().State, when), palinsesto.PostDue)
		if change != nil {
			change(&p)
		}
		return h.putAt(palinsesto.PostWasDue, p, when)
	}
	stuck, fresh := due(ago, nil), due(time.Now(), nil)
	late := due(time.Now().Add(-time.Hour), nil)
	expired := due(ago, func(p *palinsesto.Post) { p.Expires = time.Now().Add(-time.Second) })
	h.shown()
	require.NoError(t, s.sweepStuck(context.Background()))
	got := h.load(stuck.Subject)
	require.Equal(t, []string{"due", "due"}, h.events(stuck.Subject))
	_, err := bus.Put(context.Background(), h.Bus, contract.Posts, stuck, "publishing", h.env(), stuck.State)
	require.ErrorIs(t, err, bus.ErrStale, "the old event must lose")
	require.Equal(t, fresh.Seq, h.load(fresh.Subject).Seq)
	require.Equal(t, "late", h.load(late.Subject).State.Cause)
	require.Equal(t, "expired", h.load(expired.Subject).State.Cause)
	h.shown()
	require.NoError(t, s.sweepStuck(context.Background()))
	require.Equal(t, got.Seq, h.load(stuck.Subject).Seq, "it was asked for just now")
}

// Posts that were handed over while publishing was away, and that nobody took up, keep their spacing too.
func TestStuckBacklogKeepsItsSpacing(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	var posts []post
	for i := range 5 {
		ago := time.Now().Add(-stuckAfter - time.Duration(5-i)*time.Minute)
		p := as(draft(h.report(on(spaced, time.Time{}, true)).State, ago), palinsesto.PostDue)
		posts = append(posts, h.putAt(palinsesto.PostWasDue, p, ago))
	}
	h.shown()
	require.NoError(t, s.sweepStuck(context.Background()))
	apart(t, h.channel(spaced))
	require.Equal(t, palinsesto.PostDue, h.load(posts[0].Subject).State.State)
	for i, p := range posts[1:] {
		got := h.load(p.Subject).State
		require.Equal(t, palinsesto.PostQueued, got.State)
		require.GreaterOrEqual(t, got.Due.Sub(h.load(posts[i].Subject).State.Due), spacing)
	}
}

// Edits and removals that nobody carries out are asked for again, and in the end a person is told.
func TestStuckChanges(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	ago := time.Now().Add(-stuckAfter - time.Minute)
	change := func(state palinsesto.PostState, tries int) post {
		p := as(draft(h.report().State, ago), state)
		p.Change.Tries = tries
		return h.putAt(palinsesto.PostEvent(state), p, ago)
	}
	edit, removal := change(palinsesto.PostEditing, 0), change(palinsesto.PostRemoving, 0)
	last := change(palinsesto.PostRemoving, changesMost-1)
	h.shown()
	hold, err := s.place(operatore, palinsesto.ScopeTag, "lavoro")
	require.NoError(t, err)
	require.NoError(t, s.sweepChanges(context.Background()))
	require.Equal(t, edit.Seq, h.load(edit.Subject).Seq, "an edit waits for the stop to be lifted")
	require.Equal(t, []string{"removing", "removing"}, h.events(removal.Subject))
	got := h.load(last.Subject).State
	require.Equal(t, palinsesto.PostPosted, got.State)
	require.Equal(t, "remove_by_hand", got.Cause)
	require.True(t, got.NeedsHand())
	require.NoError(t, s.lift(palinsesto.LiftHold{Command: command(operatore), HoldID: hold.Hold.ID}))
	require.NoError(t, s.sweepChanges(context.Background()))
	require.Equal(t, []string{"editing", "editing"}, h.events(edit.Subject))
}

// Segnalazioni past their expiry are closed, and their posts with them.
func TestSweepExpired(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	var old []segnalazione
	for i := range 5 {
		seg := h.report(func(x *palinsesto.Segnalazione) {
			x.ExpiresAt = time.Now().Add(-time.Second)
			x.State = []palinsesto.SegState{palinsesto.SegApproved, palinsesto.SegSubmitted, palinsesto.SegChangesRequested}[i%3]
		})
		old = append(old, seg)
	}
	open := h.report(func(x *palinsesto.Segnalazione) { x.ExpiresAt = time.Now().Add(time.Hour) })
	h.shown()
	require.NoError(t, s.sweepExpired(context.Background()))
	for _, seg := range old {
		require.Equal(t, []string{"approved", "expired"}, h.events(seg.Subject))
	}
	require.Equal(t, []string{"approved"}, h.events(open.Subject))
}

// One that cannot be read, or not closed, hides no other.
func TestSweepsGoOn(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	old := h.report(func(x *palinsesto.Segnalazione) { x.ExpiresAt = time.Now().Add(-time.Second) })
	nowhere := old.State
	nowhere.ID, nowhere.Centre = palinsesto.DeriveID("nowhere"), ">"
	strange, err := contract.Segnalazioni.Encode(h.env(), nowhere)
	require.NoError(t, err)
	h.shown()
	m, err := h.index.Meta(context.Background())
	require.NoError(t, err)
	var before []index.Doc // in the order of the list
	for id, body := range map[string][]byte{"-unreadable": {0xff}, "-impossible": strange} {
		before = append(before, index.Doc{Set: "seg", ID: id, Seq: m.Seq, Body: body, Facets: []string{"state=approved"}})
	}
	held := h.put(palinsesto.PostWasHeld, as(draft(old.State, time.Now()), palinsesto.PostHeld))
	before = append(before, index.Doc{Set: "post", ID: "-unreadable", Seq: m.Seq, Body: []byte{0xff}, Facets: []string{"state=held"}})
	require.NoError(t, h.index.Apply(context.Background(), m.Epoch, before, m.Seq))
	h.shown()
	require.Error(t, s.sweepExpired(context.Background()))
	require.NoError(t, s.sweepHeld(context.Background()))
	require.Equal(t, []string{"held", "queued"}, h.events(held.Subject))
	require.Equal(t, []string{"approved", "expired"}, h.events(old.Subject))
}

// Two copies, and the index is wiped again and again while 200 posts fall due: each is handed over once.
func TestIndexWipedWhileDue(t *testing.T) {
	redis := indextest.Start(t)
	h := newHouse(t, func(c *config.Config) { c.Channels = c.Channels[:1] })
	x, err := index.Open(context.Background(), index.Options{URL: redis.URL})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	h.useIndex(x)
	const posts = 200
	base := time.Now().Add(1500 * time.Millisecond)
	subjects := make([]string, posts)
	var wg sync.WaitGroup
	for i := range posts {
		seg := h.report(on(free, base.Add(time.Duration(i%20)*50*time.Millisecond), false))
		subjects[i] = subjectOf(seg.State)
		wg.Go(func() { h.put(palinsesto.PostWasQueued, draft(seg.State, seg.State.Approval.Due)) })
	}
	wg.Wait()
	for range 2 {
		s := h.room(func(d *Deps) { d.Index, d.Bus = x, bustest.Connect(t, h.server) })
		inBackground(t, s.Run)
	}
	for _, subject := range subjects[:3] {
		h.until(subject, palinsesto.PostDue)
		redis.FlushAll()
	}
	for _, subject := range subjects {
		h.until(subject, palinsesto.PostDue)
		require.Equal(t, []string{"queued", "due"}, h.events(subject))
	}
}
