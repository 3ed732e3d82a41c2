// SPDX-License-Identifier: AGPL-3.0-or-later

package backup_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/audit"
	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var (
	referente = palinsesto.Actor{ID: "token:r", Name: "Rita", Role: palinsesto.RoleReferente, Centre: "jesi"}
	redattore = palinsesto.Actor{ID: "token:d", Name: "Dora", Role: palinsesto.RoleRedattore}
)

const tg = "telegram-marche"

// house is a log that was copied at noon.
type house struct {
	t   *testing.T
	b   *bus.Bus
	now time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return &house{t: t, b: bustest.New(t), now: noon.Add(-time.Hour)}
}

func put[T any](h *house, c contract.Codec[T], subject, event string, who palinsesto.Actor, state T) {
	h.t.Helper()
	cur, err := bus.Load(h.t.Context(), h.b, c, subject)
	if err != nil {
		require.ErrorIs(h.t, err, bus.ErrNone)
	}
	_, err = bus.Put(h.t.Context(), h.b, c, cur, event, contract.Envelope{Actor: who, At: h.now}, state)
	require.NoError(h.t, err)
}

// approved is a segnalazione with a yes for its channel, due at a moment.
func (h *house) approved(name string, due time.Time) palinsesto.Segnalazione {
	h.t.Helper()
	s := palinsesto.Segnalazione{ID: palinsesto.DeriveID("seg", name), Centre: "jesi", State: palinsesto.SegSubmitted, Version: 1, Author: referente,
		SubmittedAt: h.now, Content: palinsesto.Content{Kind: palinsesto.KindAvviso, Title: name, ExpiresAt: noon.Add(240 * time.Hour)}}
	put(h, contract.Segnalazioni, contract.SegSubject("jesi", s.ID), string(palinsesto.SegWasSubmitted), referente, s)
	parts := []palinsesto.Part{{Text: name}}
	v := palinsesto.Variant{Channel: tg, Network: "telegram", Parts: parts, Hash: palinsesto.HashParts(parts)}
	s.State, s.Version, s.Ever = palinsesto.SegApproved, 2, []string{tg}
	s.Approval = &palinsesto.Approval{By: redattore, At: h.now, Due: due, Hash: palinsesto.HashVariants([]palinsesto.Variant{v}), Variants: []palinsesto.Variant{v}}
	put(h, contract.Segnalazioni, contract.SegSubject("jesi", s.ID), string(palinsesto.SegWasApproved), redattore, s)
	return s
}

// posted brings the post of a segnalazione through its states, up to the one that is asked for.
func (h *house) post(s palinsesto.Segnalazione, upTo ...palinsesto.PostEvent) string {
	h.t.Helper()
	v := s.Approval.Variants[0]
	p := palinsesto.Post{ID: palinsesto.PostID(s.ID, tg, 0), Segnalazione: s.ID, Centre: "jesi", Channel: tg, Network: "telegram", Kind: s.Kind,
		Title: s.Title, Approved: s.Version, Hash: v.Hash, Due: s.Approval.Due, FirstDue: s.Approval.Due, Expires: s.ExpiresAt, Parts: make([]palinsesto.PartState, 1)}
	subject := contract.PostSubject(tg, p.ID)
	room := palinsesto.Room("publishing")
	for _, event := range append([]palinsesto.PostEvent{palinsesto.PostWasQueued}, upTo...) {
		p = after(p, event)
		put(h, contract.Posts, subject, string(event), room, p)
	}
	return subject
}

func after(p palinsesto.Post, event palinsesto.PostEvent) palinsesto.Post {
	verdict := func(v string) {
		a := *p.Attempt
		a.Verdict, p.Attempt = v, &a
	}
	p.State = map[palinsesto.PostEvent]palinsesto.PostState{
		palinsesto.PostWasQueued: palinsesto.PostQueued, palinsesto.PostWasDue: palinsesto.PostDue, palinsesto.PostWasPublishing: palinsesto.PostPublishing,
		palinsesto.PostWasPosted: palinsesto.PostPosted, palinsesto.PostWasRetrying: palinsesto.PostRetrying, palinsesto.PostWasHeld: palinsesto.PostHeld,
		palinsesto.PostWasFailed: palinsesto.PostFailed, palinsesto.PostWasMissed: palinsesto.PostMissed, palinsesto.PostWasEditing: palinsesto.PostEditing,
		palinsesto.PostWasCancelled: palinsesto.PostCancelled,
	}[event]
	switch event {
	case palinsesto.PostWasPublishing:
		p.Attempts++
		p.Attempt = &palinsesto.Attempt{Number: p.Attempts, Hash: p.Hash, Worker: "w", Intended: noon}
	case palinsesto.PostWasPosted:
		verdict("posted")
		p.Parts = []palinsesto.PartState{{Posted: true, RemoteIDs: []string{"7"}, Link: "https://t.me/x/7"}}
		p.Link = p.Parts[0].Link
	case palinsesto.PostWasRetrying:
		verdict("retry_after")
		p.Due = noon.Add(time.Hour)
	case palinsesto.PostWasFailed:
		verdict("permanent")
	case palinsesto.PostWasEditing:
		p.Change = &palinsesto.Change{Kind: "edit", Hash: p.Hash}
	default:
	}
	return p
}

func (h *house) settle(facts ...backup.Fact) backup.Settled {
	h.t.Helper()
	done, err := backup.Settle(h.t.Context(), h.b, backup.Back{Taken: noon, Now: noon.Add(20 * time.Minute), Why: "Prova.", Facts: facts})
	require.NoError(h.t, err)
	return done
}

func (h *house) load(subject string) palinsesto.Post {
	h.t.Helper()
	p, err := bus.Load(h.t.Context(), h.b, contract.Posts, subject)
	require.NoError(h.t, err)
	return p.State
}

// lawful: the check finds nothing, and nothing more is done the second time.
func (h *house) lawful(facts ...backup.Fact) {
	h.t.Helper()
	found, err := audit.Check(audit.Records(h.t.Context(), h.b), 10)
	require.NoError(h.t, err)
	require.Empty(h.t, found)
	last, err := h.b.LastSeq(h.t.Context())
	require.NoError(h.t, err)
	again := h.settle(facts...)
	require.Empty(h.t, again.Doubtful)
	require.Empty(h.t, again.Repeated)
	now, err := h.b.LastSeq(h.t.Context())
	require.NoError(h.t, err)
	require.Equal(h.t, last, now)
}

// The whole table: what becomes of a post of each state when its log is put back at twenty past twelve.
func TestWhatMayBeOutIsAsked(t *testing.T) {
	const (
		queued     = palinsesto.PostWasQueued
		due        = palinsesto.PostWasDue
		publishing = palinsesto.PostWasPublishing
	)
	past, soon := noon.Add(10*time.Minute), noon.Add(30*time.Minute)
	h := newHouse(t)
	want := map[string]palinsesto.PostState{}
	for name, c := range map[string]struct {
		due   time.Time
		upTo  []palinsesto.PostEvent
		state palinsesto.PostState
	}{
		"queued, its moment passed since":  {past, nil, palinsesto.PostUncertain},
		"queued for later":                 {soon, nil, palinsesto.PostQueued},
		"handed over":                      {noon, []palinsesto.PostEvent{due}, palinsesto.PostUncertain},
		"at the network":                   {noon, []palinsesto.PostEvent{due, publishing}, palinsesto.PostUncertain},
		"to be tried again later":          {noon, []palinsesto.PostEvent{due, publishing, palinsesto.PostWasRetrying}, palinsesto.PostUncertain},
		"held":                             {noon, []palinsesto.PostEvent{palinsesto.PostWasHeld}, palinsesto.PostUncertain},
		"failed, perhaps sent again since": {noon, []palinsesto.PostEvent{due, publishing, palinsesto.PostWasFailed}, palinsesto.PostUncertain},
		"missed, perhaps sent again since": {noon, []palinsesto.PostEvent{palinsesto.PostWasMissed}, palinsesto.PostUncertain},
		"out":                              {noon, []palinsesto.PostEvent{due, publishing, palinsesto.PostWasPosted}, palinsesto.PostPosted},
		"being corrected":                  {noon, []palinsesto.PostEvent{due, publishing, palinsesto.PostWasPosted, palinsesto.PostWasEditing}, palinsesto.PostPosted},
		"cancelled":                        {noon, []palinsesto.PostEvent{palinsesto.PostWasCancelled}, palinsesto.PostCancelled},
	} {
		want[h.post(h.approved(name, c.due), c.upTo...)] = c.state
	}
	// Approved just before the copy: scheduling had not made the posts yet.
	nopost := h.approved("approved, its post not made", time.Time{})
	want[contract.PostSubject(tg, palinsesto.PostID(nopost.ID, tg, 0))] = palinsesto.PostUncertain
	h.approved("approved for later, its post not made", soon)

	done := h.settle()
	for subject, state := range want {
		p := h.load(subject)
		require.Equal(t, state, p.State, p.Title)
		if state == palinsesto.PostUncertain {
			require.Equal(t, backup.CauseRestored, p.Cause, p.Title)
			require.Contains(t, done.Doubtful, p.ID, p.Title)
		}
	}
	require.Len(t, done.Doubtful, 9, "with the one that was being corrected")
	holds, err := bus.Load(t.Context(), h.b, contract.Holds, contract.HoldSubject)
	require.NoError(t, err)
	require.Len(t, holds.State.Standing, 1)
	require.Equal(t, palinsesto.ScopeAll, holds.State.Standing[0].Scope)
	require.Contains(t, holds.State.Standing[0].Reason, "Prova.")
	h.lawful()
}

// outside is what a house keeps outside its data folder, from now on.
func (h *house) outside(dir string) *backup.Outside {
	h.t.Helper()
	o, err := backup.OpenOutside(dir)
	require.NoError(h.t, err)
	_, err = o.Adopt(h.t.Context(), h.b)
	require.NoError(h.t, err)
	return o
}

// noted runs until all that is on the log is noted.
func (h *house) noted(o *backup.Outside, dir string) {
	h.t.Helper()
	last, err := h.b.LastSeq(h.t.Context())
	require.NoError(h.t, err)
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error)
	go func() { ended <- o.Follow(ctx, h.b) }()
	require.Eventually(h.t, func() bool {
		var m backup.Mark
		raw, err := os.ReadFile(filepath.Join(dir, "mark.json"))
		return err == nil && json.Unmarshal(raw, &m) == nil && m.Seq == last
	}, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(h.t, <-ended)
}

// What was noted outside the data folder is done again: what went out is out, what was withdrawn or
// revoked stays so; only what the notes leave open is asked.
func TestNotesAreRepeated(t *testing.T) {
	ctx := t.Context()
	token := palinsesto.Token{ID: palinsesto.DeriveID("token", "1"), Name: "Ex", Role: palinsesto.RoleRedattore, Made: noon}
	begin := func() (*house, map[string]palinsesto.Segnalazione) {
		h, segs := newHouse(t), map[string]palinsesto.Segnalazione{}
		for _, name := range []string{"went out", "at the network", "withdrawn", "revised", "removed", "no post yet"} {
			segs[name] = h.approved(name, noon.Add(5*time.Minute))
		}
		for _, name := range []string{"went out", "at the network", "withdrawn", "revised"} {
			h.post(segs[name])
		}
		h.post(segs["removed"], palinsesto.PostWasDue, palinsesto.PostWasPublishing, palinsesto.PostWasPosted)
		put(h, contract.Tokens, contract.TokenSubject(token.ID), palinsesto.TokenWasCreated, palinsesto.Room("house"), token)
		return h, segs
	}
	subject := func(s palinsesto.Segnalazione) string {
		return contract.PostSubject(tg, palinsesto.PostID(s.ID, tg, 0))
	}

	// The house that went on.
	h, segs := begin()
	copied, err := h.b.LastSeq(ctx)
	require.NoError(t, err)
	dir := t.TempDir()
	notes := h.outside(dir)
	room := palinsesto.Room("publishing")
	for name, events := range map[string][]palinsesto.PostEvent{
		"went out":       {palinsesto.PostWasDue, palinsesto.PostWasPublishing, palinsesto.PostWasPosted},
		"at the network": {palinsesto.PostWasDue, palinsesto.PostWasPublishing},
	} {
		p := h.load(subject(segs[name]))
		for _, e := range events {
			p = after(p, e)
			put(h, contract.Posts, subject(segs[name]), string(e), room, p)
		}
	}
	h.post(segs["no post yet"], palinsesto.PostWasDue, palinsesto.PostWasPublishing, palinsesto.PostWasPosted)
	gone := segs["withdrawn"]
	gone.State = palinsesto.SegWithdrawn
	put(h, contract.Segnalazioni, contract.SegSubject("jesi", gone.ID), string(palinsesto.SegWasWithdrawn), referente, gone)
	revised := segs["revised"]
	revised.State, revised.Approval = palinsesto.SegSubmitted, nil
	put(h, contract.Segnalazioni, contract.SegSubject("jesi", revised.ID), string(palinsesto.SegWasRevised), referente, revised)
	p := h.load(subject(segs["removed"]))
	p.State, p.Change = palinsesto.PostRemoving, &palinsesto.Change{Kind: "remove"}
	put(h, contract.Posts, subject(segs["removed"]), string(palinsesto.PostWasRemoving), room, p)
	p.State, p.Change = palinsesto.PostRemoved, nil
	put(h, contract.Posts, subject(segs["removed"]), string(palinsesto.PostWasRemoved), room, p)
	revoked := token
	revoked.Revoked = noon.Add(time.Minute)
	put(h, contract.Tokens, contract.TokenSubject(token.ID), palinsesto.TokenWasRevoked, palinsesto.Room("house"), revoked)
	late := h.approved("reported since", noon)
	h.post(late, palinsesto.PostWasDue, palinsesto.PostWasPublishing, palinsesto.PostWasPosted)
	h.noted(notes, dir)
	log, err := h.b.LogID(ctx)
	require.NoError(t, err)
	facts, unread, err := notes.Facts(log, copied)
	require.NoError(t, err)
	require.Zero(t, unread)

	// The copy.
	c, _ := begin()
	done := c.settle(facts...)
	state := func(name string) palinsesto.PostState { return c.load(subject(segs[name])).State }
	require.Equal(t, palinsesto.PostPosted, state("went out"))
	require.Equal(t, "https://t.me/x/7", c.load(subject(segs["went out"])).Link)
	require.Equal(t, palinsesto.PostPosted, state("no post yet"), "approved in the copy, made and published since")
	require.NotContains(t, done.Doubtful, palinsesto.PostID(segs["no post yet"].ID, tg, 0))
	require.Equal(t, palinsesto.PostUncertain, state("at the network"))
	require.Equal(t, palinsesto.PostRemoved, state("removed"))
	w, err := bus.Load(ctx, c.b, contract.Segnalazioni, contract.SegSubject("jesi", gone.ID))
	require.NoError(t, err)
	require.Equal(t, palinsesto.SegWithdrawn, w.State.State)
	r, err := bus.Load(ctx, c.b, contract.Segnalazioni, contract.SegSubject("jesi", revised.ID))
	require.NoError(t, err)
	require.Equal(t, palinsesto.SegSubmitted, r.State.State)
	require.Nil(t, r.State.Approval)
	k, err := bus.Load(ctx, c.b, contract.Tokens, contract.TokenSubject(token.ID))
	require.NoError(t, err)
	require.False(t, k.State.Revoked.IsZero())
	require.Len(t, done.Elsewhere, 1, "what was reported since is told, with its link")
	require.Contains(t, done.Elsewhere[0], "https://t.me/x/7")
	require.NotContains(t, done.Doubtful, palinsesto.PostID(segs["went out"].ID, tg, 0))
	c.lawful(facts...)
}

// Cut off anywhere, it is done to the end the next time; the hold stands from the first event on.
func TestSettleIsCutOff(t *testing.T) {
	for cut := range 6 {
		h := newHouse(t)
		for _, name := range []string{"a", "b", "c"} {
			h.post(h.approved(name, noon))
		}
		ctx, cancel := context.WithCancel(t.Context())
		before, err := h.b.LastSeq(ctx)
		require.NoError(t, err)
		go func() {
			for {
				if last, err := h.b.LastSeq(ctx); err != nil || last >= before+uint64(cut) {
					cancel()
					return
				}
			}
		}()
		_, _ = backup.Settle(ctx, h.b, backup.Back{Taken: noon, Now: noon.Add(time.Minute), Why: "Prova."})
		cancel()
		h.settle()
		h.lawful()
	}
}

// The copy has a post as over, and its segnalazione as approved anew: scheduling would make it as if it were
// new. It may be out since; where that was noted it is.
func TestOverInTheCopyAndApprovedAnew(t *testing.T) {
	h := newHouse(t)
	var subjects []string
	var hash string
	for _, name := range []string{"a", "b"} {
		seg := h.approved(name, noon)
		hash = seg.Approval.Variants[0].Hash
		seg.Version-- // of the approval before
		subjects = append(subjects, h.post(seg, palinsesto.PostWasCancelled))
	}
	link := "https://t.me/x/9"
	fact := backup.Fact{Log: "l", Seq: 900, At: noon.Add(time.Minute), Subject: subjects[1], Event: "posted", State: "posted", Hash: hash, Link: link,
		Parts: []palinsesto.PartState{{Posted: true, RemoteIDs: []string{"9"}, Link: link}}}
	h.settle(fact)
	require.Equal(t, palinsesto.PostUncertain, h.load(subjects[0]).State)
	require.Equal(t, palinsesto.PostPosted, h.load(subjects[1]).State)
	require.Equal(t, link, h.load(subjects[1]).Link)
	h.lawful(fact)
}
