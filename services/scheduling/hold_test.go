// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (h *house) standing() palinsesto.Holds {
	e, err := bus.Load(context.Background(), h.Bus, contract.Holds, contract.HoldSubject)
	require.NoError(h.t, err)
	return e.State.Standing
}

// A stop lists what it meets in flight, and nothing that it does not stop; also while the index is away.
func TestHoldListsWhatIsInFlight(t *testing.T) {
	h := newHouse(t)
	one := h.put(palinsesto.PostWasPublishing, as(draft(h.report().State, time.Now()), palinsesto.PostPublishing))
	h.put(palinsesto.PostWasDue, as(draft(h.report().State, time.Now()), palinsesto.PostDue))
	// An edit whose intent stands; one that was only asked for will see the hold.
	two := h.put(palinsesto.PostWasEditing, as(draft(h.report(on(spaced, time.Time{}, true)).State, time.Now()), palinsesto.PostEditing))
	asked := as(draft(h.report().State, time.Now()), palinsesto.PostEditing)
	asked.Attempt.Verdict = "posted"
	h.put(palinsesto.PostWasEditing, asked)
	h.put(palinsesto.PostWasRemoving, as(draft(h.report().State, time.Now()), palinsesto.PostRemoving)) // allowed under a hold
	cases := []struct {
		scope palinsesto.Scope
		value string
		want  []string
	}{
		{palinsesto.ScopeAll, "", []string{one.State.ID, two.State.ID}},
		{palinsesto.ScopeNetwork, "telegram", []string{one.State.ID, two.State.ID}},
		{palinsesto.ScopeNetwork, "facebook", nil},
		{palinsesto.ScopeChannel, free, []string{one.State.ID}},
		{palinsesto.ScopeCentre, "ancona", []string{one.State.ID, two.State.ID}},
		{palinsesto.ScopeTag, "Lavoro", []string{one.State.ID, two.State.ID}},
		{palinsesto.ScopeTag, "eventi", nil},
	}
	s := h.room()
	for _, c := range cases {
		stopped, err := s.place(operatore, c.scope, c.value)
		require.NoError(t, err)
		require.ElementsMatch(t, c.want, stopped.InFlight, "%s %s", c.scope, c.value)
	}
	require.Len(t, h.standing(), len(cases))

	empty, err := index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, empty.Close()) })
	blind := h.room(func(d *Deps) { d.Index = empty })
	blind.indexWait = time.Millisecond
	stopped, err := blind.place(operatore, palinsesto.ScopeAll, "")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{one.State.ID, two.State.ID}, stopped.InFlight, "without an index")

	for name, of := range map[string]func(log string, last uint64) (string, uint64){
		"of another log":   func(_ string, last uint64) (string, uint64) { return index.NameOf("another"), last + 5 },
		"ahead of the log": func(log string, last uint64) (string, uint64) { return log, last + 1000 },
	} {
		id, err := h.Bus.LogID(t.Context())
		require.NoError(t, err)
		last, err := h.Bus.LastSeq(t.Context())
		require.NoError(t, err)
		log, seq := of(index.NameOf(id), last)
		build, err := empty.Rebuild(t.Context(), log)
		require.NoError(t, err)
		_, err = build.Finish(t.Context(), seq)
		require.NoError(t, err)
		stopped, err = blind.place(operatore, palinsesto.ScopeAll, "")
		require.NoError(t, err)
		require.ElementsMatch(t, []string{one.State.ID, two.State.ID}, stopped.InFlight, "with an index %s", name)
	}
}

// A post may pass from publishing to editing while the two lists are read: it is listed once all the same.
func TestOpenPostsOnce(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	p := as(draft(h.report().State, time.Now()), palinsesto.PostPublishing)
	data, err := contract.Posts.Encode(contract.Envelope{}, p)
	require.NoError(t, err)
	both, err := index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, both.Close()) })
	build, err := both.Rebuild(t.Context(), "log")
	require.NoError(t, err)
	require.NoError(t, build.Put(t.Context(), []index.Doc{{Set: "post", ID: p.ID, Seq: 1, Body: data, Facets: []string{"state=publishing", "state=editing"}}}))
	_, err = build.Finish(t.Context(), 1)
	require.NoError(t, err)
	s.Index = both
	open, err := s.openInIndex(t.Context())
	require.NoError(t, err)
	require.Len(t, open, 1)
}

func TestHoldRefused(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for name, c := range map[string]palinsesto.PlaceHold{
		"no reason":       {Scope: palinsesto.ScopeAll},
		"long reason":     {Scope: palinsesto.ScopeAll, Reason: strings.Repeat("a", 2000)},
		"unknown scope":   {Scope: "planet", Reason: "r"},
		"unknown channel": {Scope: palinsesto.ScopeChannel, Value: "none", Reason: "r"},
		"unknown centre":  {Scope: palinsesto.ScopeCentre, Value: "none", Reason: "r"},
		"no tag":          {Scope: palinsesto.ScopeTag, Value: " ", Reason: "r"},
		"long tag":        {Scope: palinsesto.ScopeTag, Value: strings.Repeat("t", 1000), Reason: "r"},
	} {
		c.Command = command(operatore)
		_, err := s.placeAs(c)
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err), name)
	}
	// However many stand, a stop of everything has room.
	for i := range holdsMost - 1 {
		_, err := s.placeAs(palinsesto.PlaceHold{Command: command(operatore), Scope: palinsesto.ScopeTag,
			Value: fmt.Sprint(i) + strings.Repeat("è", 95), Reason: strings.Repeat("è", reasonMost)})
		require.NoError(t, err)
	}
	_, err := s.place(operatore, palinsesto.ScopeAll, "")
	require.NoError(t, err)
	_, err = s.place(operatore, palinsesto.ScopeTag, "uno di troppo")
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
}

// A command that is sent again stops once, also when others came in between, and does not come back
// after it was lifted.
func TestHoldTwice(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	cmd := palinsesto.PlaceHold{Command: command(operatore), Scope: palinsesto.ScopeAll, Reason: "prova"}
	first, err := s.placeAs(cmd)
	require.NoError(t, err)
	_, err = s.place(operatore, palinsesto.ScopeTag, "altro")
	require.NoError(t, err)
	again, err := s.placeAs(cmd)
	require.NoError(t, err)
	require.Equal(t, first.Hold.ID, again.Hold.ID)
	require.Len(t, h.standing(), 2)

	lift := palinsesto.LiftHold{Command: command(operatore), HoldID: first.Hold.ID}
	require.NoError(t, s.lift(lift))
	require.Len(t, h.standing(), 1)
	_, err = s.place(operatore, palinsesto.ScopeTag, "terzo")
	require.NoError(t, err)
	require.NoError(t, s.lift(lift), "it was lifted by this very command")
	other := lift
	other.ID = "another"
	require.Equal(t, palinsesto.CodeNotFound, palinsesto.CodeOf(s.lift(other)))
	_, err = s.placeAs(cmd)
	require.NoError(t, err)
	require.Len(t, h.standing(), 2, "placed again by a command that was done")
}

// Many place and lift at once: what was placed and not lifted stands, and nothing else.
func TestHoldsOfManyActors(t *testing.T) {
	h := newHouse(t)
	rooms := []*Service{h.room(), h.room()}
	var mu sync.Mutex
	want := map[string]bool{}
	var wg sync.WaitGroup
	for actor := range 6 {
		wg.Go(func() {
			for i := range 4 {
				s := rooms[(actor+i)%2]
				stopped, err := s.place(operatore, palinsesto.ScopeTag, fmt.Sprintf("%d-%d", actor, i))
				if err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					if err := s.lift(palinsesto.LiftHold{Command: command(operatore), HoldID: stopped.Hold.ID}); err != nil {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				want[stopped.Hold.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, h.standing(), len(want))
	for _, hold := range h.standing() {
		require.True(t, want[hold.ID])
	}
}

// A lifted hold lets go what it kept, and only that; a sweep finds what its event missed.
func TestLiftLetsGo(t *testing.T) {
	h := newHouse(t)
	held := func(hold string) post {
		p := as(draft(h.report().State, time.Now()), palinsesto.PostHeld)
		p.Hold, p.Cause = hold, "x"
		return h.put(palinsesto.PostWasHeld, p)
	}
	s := h.room()
	hold, err := s.place(operatore, palinsesto.ScopeTag, "x")
	require.NoError(t, err)
	standing, err := s.place(operatore, palinsesto.ScopeTag, "y")
	require.NoError(t, err)
	mine, other, channel := held(hold.Hold.ID), held(standing.Hold.ID), held("channel:"+free)
	require.NoError(t, s.lift(palinsesto.LiftHold{Command: command(operatore), HoldID: hold.Hold.ID}))
	stop := inBackground(t, func(ctx context.Context) error { return s.Bus.Consume(ctx, s.stops(), s.onStop) })
	got := h.until(mine.Subject, palinsesto.PostQueued)
	require.Empty(t, got.State.Hold)
	require.True(t, got.State.FirstDue.Equal(mine.State.FirstDue), "the grace counts on")
	_, err = s.turnChannel("pause", palinsesto.SetChannel{Command: command(operatore), Channel: free})
	require.NoError(t, err)
	_, err = s.turnChannel("resume", palinsesto.SetChannel{Command: command(operatore), Channel: free})
	require.NoError(t, err)
	h.until(channel.Subject, palinsesto.PostQueued)
	stop()

	lost := held(hold.Hold.ID) // held just as the hold was lifted
	h.shown()
	require.NoError(t, s.sweepHeld(context.Background()))
	require.Equal(t, palinsesto.PostQueued, h.load(lost.Subject).State.State)
	require.Equal(t, palinsesto.PostHeld, h.load(other.Subject).State.State)
}

// A pause and a broken connection do not hide each other.
func TestChannelTurns(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	admin := palinsesto.Actor{ID: "token:a", Name: "Admin", Role: palinsesto.RoleAdmin}
	turn := func(verb string) error {
		_, err := s.turnChannel(verb, palinsesto.SetChannel{Command: command(admin), Channel: free, Reason: "r"})
		return err
	}
	require.NoError(t, turn("pause"))
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(turn("reconnected")))
	require.NoError(t, turn("resume"))
	_, err := bus.Update(context.Background(), h.Bus, contract.Channels, contract.ChannelSubject(free), h.env(),
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			cur.State.State = palinsesto.ChannelNeedsReconnect
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasNeedsReconnect, State: cur.State}, nil
		})
	require.NoError(t, err)
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(turn("pause")))
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(turn("resume")))
	require.NoError(t, turn("reconnected"))
	require.True(t, h.channel(free).Takes())
	_, err = s.turnChannel("pause", palinsesto.SetChannel{Command: command(admin), Channel: "none"})
	require.Equal(t, palinsesto.CodeNotFound, palinsesto.CodeOf(err))
}
