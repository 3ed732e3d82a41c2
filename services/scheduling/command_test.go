// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func postCommand(by palinsesto.Actor, verb, id string) palinsesto.PostCommand {
	c := palinsesto.PostCommand{Command: command(by), PostID: id, Reason: "prova"}
	if verb == "resolve" {
		c.Outcome = "not_out"
	}
	return c
}

var verbs = []string{"requeue", "cancel", "resolve", "remove"}

func TestWhoMayCommand(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for _, role := range append([]palinsesto.Role{""}, palinsesto.Roles...) {
		by := palinsesto.Actor{ID: "token:x", Role: role, Centre: "ancona"}
		is := func(may bool, err error, what string) {
			t.Helper()
			require.Equal(t, may, palinsesto.CodeOf(err) != palinsesto.CodeForbidden, "%s may %s: %v", role, what, err)
		}
		operates := role == palinsesto.RoleOperatore
		for _, verb := range verbs {
			_, err := s.command(verb, postCommand(by, verb, palinsesto.DeriveID("none")))
			is(operates, err, verb)
			if operates {
				require.Equal(t, palinsesto.CodeNotFound, palinsesto.CodeOf(err))
			}
		}
		for _, preview := range []bool{true, false} {
			_, err := s.many(palinsesto.RequeueMany{Command: command(by), Preview: preview})
			is(operates, err, "requeue-many")
		}
		_, err := s.place(by, palinsesto.ScopeTag, "x")
		is(role == palinsesto.RoleRedattore || operates || role == palinsesto.RoleAdmin, err, "hold")
		is(operates, s.lift(palinsesto.LiftHold{Command: command(by), HoldID: "none"}), "lift")
		for verb, may := range map[string]bool{
			"pause": operates || role == palinsesto.RoleAdmin, "resume": operates || role == palinsesto.RoleAdmin, "reconnected": role == palinsesto.RoleAdmin,
		} {
			_, err := s.turnChannel(verb, palinsesto.SetChannel{Command: command(by), Channel: free})
			is(may, err, verb)
		}
	}
}

func (s *Service) many(c palinsesto.RequeueMany) ([]palinsesto.Requeued, error) {
	data, err := contract.EncodeRequeueMany(c)
	if err != nil {
		return nil, err
	}
	raw, err := s.endpoint("requeue-many")(context.Background(), data)
	if err != nil {
		return nil, err
	}
	return contract.DecodeRequeued(raw)
}

// What each command makes of a post in each state; what is not here is refused and changes nothing.
var outcomes = map[string]map[palinsesto.PostState]palinsesto.PostState{
	"requeue": {"failed": "queued", "missed": "queued"},
	"cancel": {"planned": "cancelled", "queued": "cancelled", "due": "cancelled", "retrying": "cancelled",
		"held": "cancelled", "missed": "cancelled", "failed": "cancelled"},
	"resolve": {"uncertain": "queued"},
	"remove":  {"posted": "removing", "edited": "removing", "editing": "removing", "removing": "removing"},
}

func TestCommandsInEveryState(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for _, state := range states {
		for _, verb := range verbs {
			seg := h.report(on(spaced, time.Time{}, true))
			was := h.put(palinsesto.PostEvent(state), as(draft(seg.State, time.Now()), state))
			cmd := postCommand(operatore, verb, was.State.ID)
			got, err := s.command(verb, cmd)
			want, may := outcomes[verb][state]
			if !may {
				require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err), "%s in %s", verb, state)
				require.Equal(t, was.Seq, h.load(was.Subject).Seq)
				continue
			}
			require.NoError(t, err, "%s in %s", verb, state)
			require.Equal(t, want, got.State)
			after := h.load(was.Subject)
			require.Equal(t, cmd.ID, after.Envelope.CommandID)
			require.Equal(t, operatore.ID, after.Envelope.Actor.ID)
			require.Equal(t, "prova", after.Envelope.Reason)

			// The same command again: also when other things have happened since.
			_, err = s.command(verb, cmd)
			require.NoError(t, err)
			later := h.put(palinsesto.PostEvent(state), as(after.State, state))
			_, err = s.command(verb, cmd)
			require.NoError(t, err)
			require.Equal(t, later.Seq, h.load(was.Subject).Seq, "%s in %s was done twice", verb, state)
		}
	}
}

// A refused command leaves the moments of the channel alone; one that cancels gives its own back.
func TestMomentsAfterCommands(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	soon := time.Now().Add(time.Minute)
	seg := h.report(on(spaced, soon, true))
	require.NoError(t, h.tell(s, seg))
	p := h.load(subjectOf(seg.State))
	require.Len(t, h.channel(spaced).Reserved, 1)
	_, err := s.command("remove", postCommand(operatore, "remove", p.State.ID))
	require.Error(t, err)

	out := h.put(palinsesto.PostWasPosted, as(p.State, palinsesto.PostPosted))
	_, err = s.command("cancel", postCommand(operatore, "cancel", p.State.ID))
	require.Error(t, err)
	require.Len(t, h.channel(spaced).Reserved, 1, "what is out keeps others at a distance")

	h.put(palinsesto.PostWasQueued, as(out.State, palinsesto.PostQueued))
	_, err = s.command("cancel", postCommand(operatore, "cancel", p.State.ID))
	require.NoError(t, err)
	require.Empty(t, h.channel(spaced).Reserved)

	late := h.report(on(spaced, soon, true), func(s *palinsesto.Segnalazione) { s.ExpiresAt = time.Now().Add(time.Minute) })
	missed := h.put(palinsesto.PostWasMissed, as(draft(late.State, soon), palinsesto.PostMissed))
	cmd := postCommand(operatore, "requeue", missed.State.ID)
	cmd.Due = time.Now().Add(time.Hour)
	_, err = s.command("requeue", cmd)
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err))
	require.Empty(t, h.channel(spaced).Reserved)
}

func TestRequeueRefused(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for name, change := range map[string]func(segnalazione){
		"withdrawn":          func(x segnalazione) { h.happens(x, palinsesto.SegWasWithdrawn, nil) },
		"revised":            func(x segnalazione) { h.happens(x, palinsesto.SegWasRevised, nil) },
		"expired":            func(x segnalazione) { h.happens(x, palinsesto.SegWasExpired, nil) },
		"approved otherwise": func(x segnalazione) { h.approveAgain(x, "altro") },
	} {
		seg := h.report()
		p := h.put(palinsesto.PostWasFailed, as(draft(seg.State, time.Now()), palinsesto.PostFailed))
		change(seg)
		_, err := s.command("requeue", postCommand(operatore, "requeue", p.State.ID))
		require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err), name)
	}
	p := h.put(palinsesto.PostWasFailed, as(draft(h.report().State, time.Now()), palinsesto.PostFailed))
	cmd := postCommand(operatore, "requeue", p.State.ID)
	cmd.Due = time.Now().Add(-time.Hour)
	_, err := s.command("requeue", cmd)
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	cmd.Due, cmd.Reason = time.Time{}, strings.Repeat("a", 2000)
	_, err = s.command("requeue", cmd)
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	_, err = s.command("requeue", postCommand(operatore, "requeue", "*"))
	require.Equal(t, palinsesto.CodeNotFound, palinsesto.CodeOf(err))
}

// uncertain appends a post whose attempt began so long ago.
func (h *house) uncertain(seg segnalazione, ago time.Duration) post {
	p := attempt(draft(seg.State, time.Now()), ago)
	p.State = palinsesto.PostUncertain
	return h.put(palinsesto.PostWasUncertain, p)
}

func TestResolve(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	resolve := func(p post, outcome, link string) (palinsesto.Post, error) {
		c := postCommand(operatore, "resolve", p.State.ID)
		c.Outcome, c.Link = outcome, link
		return s.command("resolve", c)
	}
	p := h.uncertain(h.report(), time.Minute)
	_, err := resolve(p, "not_out", "")
	require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err), "the call may still be under way")
	for _, link := range []string{"", "javascript:alert(1)", "https://a b", "https://" + strings.Repeat("a", 3000), "http://t.me/m/3", "https://example.org/m/3"} {
		_, err = resolve(p, "out", link)
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err), link)
	}
	_, err = resolve(p, "forse", "")
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	got, err := resolve(p, "out", "https://t.me/m/3")
	require.NoError(t, err)
	require.Equal(t, palinsesto.PostPosted, got.State)
	require.Equal(t, "https://t.me/m/3", got.Link)
	require.Equal(t, []string{"3"}, got.Parts[0].RemoteIDs, "what it is called on the network: to correct it, to take it down")
	require.Contains(t, got.Attempt.Settled, operatore.Name)
	h.shown()
	other := h.uncertain(h.report(), time.Minute)
	_, err = resolve(other, "out", "https://t.me/m/3?single")
	require.ErrorContains(t, err, "link", "another post is there")

	got, err = resolve(h.uncertain(h.report(), long), "not_out", "")
	require.NoError(t, err)
	require.Equal(t, palinsesto.PostQueued, got.State)
	require.WithinDuration(t, time.Now(), got.FirstDue, 5*time.Second, "the grace counts anew")
}

// While nobody knew whether it was out, the segnalazione was taken back or approved otherwise: the word of
// a person settles the doubt all the same, and the post is brought in line.
func TestResolveWhatChangedMeanwhile(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	withdraw := func(x segnalazione) { h.happens(x, palinsesto.SegWasWithdrawn, nil) }
	revise := func(x segnalazione) { h.happens(x, palinsesto.SegWasRevised, nil) }
	expire := func(x segnalazione) { h.happens(x, palinsesto.SegWasExpired, nil) }
	again := func(x segnalazione) { h.approveAgain(x, "nuovo") }
	cases := []struct {
		name    string
		change  func(segnalazione)
		outcome string
		want    palinsesto.PostState
	}{
		{"withdrawn", withdraw, "out", palinsesto.PostRemoving},
		{"withdrawn", withdraw, "not_out", palinsesto.PostCancelled},
		{"revised", revise, "out", palinsesto.PostPosted},
		{"revised", revise, "not_out", palinsesto.PostCancelled},
		{"expired", expire, "out", palinsesto.PostPosted},
		{"expired", expire, "not_out", palinsesto.PostCancelled},
		{"approved otherwise", again, "out", palinsesto.PostEditing},
		{"approved otherwise", again, "not_out", palinsesto.PostQueued},
	}
	message := 0
	for _, crash := range []bool{false, true} {
		for _, c := range cases {
			seg := h.report()
			message++
			p := h.uncertain(seg, long)
			c.change(seg)
			cmd := postCommand(operatore, "resolve", p.State.ID)
			cmd.Outcome, cmd.Link = c.outcome, fmt.Sprintf("https://t.me/m/%d", message)
			if crash { // right after the append
				_, err := s.carryOut(context.Background(), cmd, s.resolve)
				require.NoError(t, err)
				h.shown()
				require.NoError(t, s.sweepOutdated(context.Background()))
			} else {
				_, err := s.command("resolve", cmd)
				require.NoError(t, err, "%s, %s", c.name, c.outcome)
			}
			require.Equal(t, c.want, h.load(p.Subject).State.State, "%s, %s", c.name, c.outcome)
		}
	}
}

// What was left to a person and made by hand leaves their list.
func TestDoneByHand(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	for _, state := range states {
		p := as(draft(h.report().State, time.Now()), state)
		cmd := postCommand(operatore, "resolve", h.put(palinsesto.PostEvent(state), p).State.ID)
		cmd.Outcome, cmd.Reason = "done", "tolto dall'app"
		_, err := s.command("resolve", cmd)
		require.Equal(t, palinsesto.CodeConflict, palinsesto.CodeOf(err), "nothing was left to a person: %s", state)
	}
	for kind, want := range map[string]palinsesto.PostState{"edit": palinsesto.PostEdited, "remove": palinsesto.PostRemoved} {
		p := as(draft(h.report().State, time.Now()), palinsesto.PostPosted)
		p.Change = &palinsesto.Change{Kind: kind, Hash: variant(free, "nuovo").Hash, Problem: "non si può"}
		p.Cause = kind + "_by_hand"
		cmd := postCommand(operatore, "resolve", h.put(palinsesto.PostWasFailed, p).State.ID)
		cmd.Outcome, cmd.Reason = "done", ""
		_, err := s.command("resolve", cmd)
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err), "who and why")
		cmd.Reason = "fatto dall'app"
		got, err := s.command("resolve", cmd)
		require.NoError(t, err)
		require.Equal(t, want, got.State)
		require.False(t, got.NeedsHand())
		require.Equal(t, kind == "edit", got.Hash == variant(free, "nuovo").Hash)
	}
	dropped := as(draft(h.report().State, time.Now()), palinsesto.PostPosted)
	dropped.Cause = causeDropped
	for _, p := range []palinsesto.Post{half(h.report().State, palinsesto.PostFailed).Cancel(), dropped} {
		cmd := postCommand(operatore, "resolve", h.put(palinsesto.PostWasFailed, p).State.ID)
		cmd.Outcome, cmd.Reason = "done", "tolto dall'app"
		got, err := s.command("resolve", cmd)
		require.NoError(t, err, p.Cause)
		require.Equal(t, palinsesto.PostRemoved, got.State)
		require.False(t, got.NeedsHand())
	}
}

// A preview says the moments that the command then gives, and changes nothing.
func TestRequeueMany(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	var ids []string
	for i := range 6 {
		seg := h.report(on(spaced, time.Time{}, true))
		p := as(draft(seg.State, time.Now().Add(-time.Hour)), []palinsesto.PostState{"failed", "missed"}[i%2])
		ids = append(ids, h.put(palinsesto.PostWasFailed, p).State.ID)
	}
	other := h.report()
	p := as(draft(other.State, time.Now()), palinsesto.PostFailed)
	p.Cause = "altra"
	h.put(palinsesto.PostWasFailed, p)
	gone := h.report(on(spaced, time.Time{}, true))
	h.put(palinsesto.PostWasFailed, as(draft(gone.State, time.Now()), palinsesto.PostFailed))
	h.happens(gone, palinsesto.SegWasWithdrawn, nil)
	h.shown()

	last, err := h.LastSeq(context.Background())
	require.NoError(t, err)
	cmd := palinsesto.RequeueMany{Command: command(operatore), Filter: palinsesto.PostFilter{Cause: "rete.prova"}, Preview: true}
	would, err := s.many(cmd)
	require.NoError(t, err)
	unchanged, err := h.LastSeq(context.Background())
	require.NoError(t, err)
	require.Equal(t, last, unchanged, "a preview wrote something")
	cmd.Preview = false
	did, err := s.many(cmd)
	require.NoError(t, err)
	require.Len(t, did, len(ids)+1)
	for i, line := range did {
		require.Equal(t, would[i].Post, line.Post)
		require.Equal(t, would[i].Refused, line.Refused)
		require.WithinDuration(t, would[i].Due, line.Due, 10*time.Second)
		require.Equal(t, line.Refused != "", line.Due.IsZero(), fmt.Sprint(line))
	}
	_, err = s.many(cmd)
	require.NoError(t, err)
	for _, id := range ids {
		require.Equal(t, []string{"failed", "requeued"}, h.events(contract.PostSubject(spaced, id)), "queued by one command twice")
	}
	require.LessOrEqual(t, requeueMost, contract.MaxRequeued)
}
