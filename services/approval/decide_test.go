// SPDX-License-Identifier: AGPL-3.0-or-later

package approval_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestDecide(t *testing.T) {
	h := newHouse(t)
	for verb, c := range map[string]struct {
		by    palinsesto.Actor
		state palinsesto.SegState
		event string
	}{
		"reject":          {editor, palinsesto.SegRejected, "rejected"},
		"request-changes": {editor, palinsesto.SegChangesRequested, "changes_requested"},
		"withdraw":        {collega, palinsesto.SegWithdrawn, "withdrawn"},
	} {
		seg := h.submit(author, nil)
		cmd := palinsesto.Decide{Command: by(c.by), SegnalazioneID: seg.ID, Version: 1, Reason: " Perche\u0301 no\u200b "}
		r, err := h.decide(verb, cmd)
		require.NoError(t, err, verb)
		require.True(t, r.Created)
		require.Equal(t, c.state, r.Segnalazione.State)
		require.EqualValues(t, 2, r.Segnalazione.Version)
		require.Equal(t, "Perché no", r.Segnalazione.Reason)
		e := h.history(seg)[1]
		require.Equal(t, c.event, e.Name)
		require.Equal(t, "Perché no", e.Envelope.Reason)
		require.Equal(t, c.by, e.Envelope.Actor)

		again, err := h.decide(verb, cmd)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, r.Seq, again.Seq)
		_, err = h.decide("comment", palinsesto.Decide{Command: by(author), SegnalazioneID: seg.ID, Reason: "Capito"})
		require.NoError(t, err)
		again, err = h.decide(verb, cmd)
		require.NoError(t, err, "a repeat after a comment")
		require.Equal(t, r.Seq, again.Seq)
	}
}

func TestDecideRefuses(t *testing.T) {
	h := newHouse(t)
	open, approved, rejected := h.submit(author, nil), h.submit(author, nil), h.submit(author, nil)
	_, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: approved.ID, Version: 1})
	require.NoError(t, err)
	_, err = h.decide("reject", palinsesto.Decide{Command: by(editor), SegnalazioneID: rejected.ID, Version: 1, Reason: "No"})
	require.NoError(t, err)
	lettore := palinsesto.Actor{ID: "token:l", Role: palinsesto.RoleLettore}
	nobody := palinsesto.Actor{Role: palinsesto.RoleRedattore}
	for name, c := range map[string]struct {
		verb   string
		by     palinsesto.Actor
		id     string
		v      uint64
		reason string
		code   palinsesto.Code
	}{
		"reject by a referente":         {"reject", author, open.ID, 1, "x", palinsesto.CodeForbidden},
		"reject by a stranger":          {"reject", stranger, open.ID, 1, "x", palinsesto.CodeNotFound},
		"reject by nobody":              {"reject", nobody, open.ID, 1, "x", palinsesto.CodeNotFound},
		"reject what is not":            {"reject", editor, uuid.NewString(), 1, "x", palinsesto.CodeNotFound},
		"reject without a reason":       {"reject", editor, open.ID, 1, " \u200b\n", palinsesto.CodeInvalid},
		"reject without a version":      {"reject", editor, open.ID, 0, "x", palinsesto.CodeInvalid},
		"reject an old page":            {"reject", editor, open.ID, 9, "x", palinsesto.CodeStale},
		"reject what is approved":       {"reject", editor, approved.ID, 2, "x", palinsesto.CodeConflict},
		"reject twice":                  {"reject", editor, rejected.ID, 2, "x", palinsesto.CodeConflict},
		"endless reason":                {"reject", editor, open.ID, 1, strings.Repeat("x", 4001), palinsesto.CodeInvalid},
		"changes by an operator":        {"request-changes", operator, open.ID, 1, "x", palinsesto.CodeForbidden},
		"changes without words":         {"request-changes", editor, open.ID, 1, "", palinsesto.CodeInvalid},
		"changes to what is approved":   {"request-changes", editor, approved.ID, 2, "x", palinsesto.CodeConflict},
		"withdraw by a stranger":        {"withdraw", stranger, open.ID, 0, "x", palinsesto.CodeNotFound},
		"withdraw by an operator":       {"withdraw", operator, open.ID, 0, "x", palinsesto.CodeForbidden},
		"withdraw without a reason":     {"withdraw", author, open.ID, 0, "", palinsesto.CodeInvalid},
		"withdraw from an old page":     {"withdraw", author, approved.ID, 1, "x", palinsesto.CodeStale},
		"withdraw what is rejected":     {"withdraw", author, rejected.ID, 0, "x", palinsesto.CodeConflict},
		"comment by a reader":           {"comment", lettore, open.ID, 0, "x", palinsesto.CodeForbidden},
		"comment by an operator":        {"comment", operator, open.ID, 0, "x", palinsesto.CodeForbidden},
		"comment without words":         {"comment", author, open.ID, 0, "", palinsesto.CodeInvalid},
		"comment on another centre's":   {"comment", stranger, open.ID, 0, "x", palinsesto.CodeNotFound},
		"comment on what does not last": {"comment", author, "../x", 0, "x", palinsesto.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.last()
			_, err := h.decide(c.verb, palinsesto.Decide{Command: by(c.by), SegnalazioneID: c.id, Version: c.v, Reason: c.reason})
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
			require.Equal(t, before, h.last(), "nothing may be written")
		})
	}
	_, err = h.bus.Request(context.Background(), "approval", "withdraw", []byte{0xff, 0xff})
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
}

// A comment voids no approval and makes no page stale.
func TestComment(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(author, nil)
	r, err := h.decide("comment", palinsesto.Decide{Command: by(editor), SegnalazioneID: seg.ID, Version: 77, Reason: "Riga uno\nRiga due"})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Segnalazione.Version)
	require.Equal(t, palinsesto.SegSubmitted, r.Segnalazione.State)
	approved, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err, "the page that was open before the comment")
	r, err = h.decide("comment", palinsesto.Decide{Command: by(author), SegnalazioneID: seg.ID, Reason: "Grazie"})
	require.NoError(t, err)
	require.Equal(t, approved.Segnalazione, r.Segnalazione)
	require.Equal(t, "Riga uno\nRiga due", h.history(seg)[1].Envelope.Reason)
}

// A withdrawal lists what was at the network already, and nothing else.
func TestWithdrawListsWhatIsInFlight(t *testing.T) {
	h := newHouse(t)
	seg := h.submit(author, fields{"wanted_channels": []string{"telegram"}})
	approved, err := h.approve(palinsesto.Approve{Command: by(editor), SegnalazioneID: seg.ID, Version: 1})
	require.NoError(t, err)
	require.Len(t, approved.Segnalazione.Ever, 2)
	flying := h.put(seg, "telegram-marche", palinsesto.PostPublishing)
	h.put(seg, "telegram-altro", palinsesto.PostEditing) // asked for, without an intent: it will not be made
	other := h.submit(author, nil)
	h.put(other, "telegram-marche", palinsesto.PostPublishing)

	cmd := palinsesto.Decide{Command: by(author), SegnalazioneID: seg.ID, Reason: "Annullato"}
	r, err := h.decide("withdraw", cmd)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{flying.ID}, r.InFlight)
	require.NotNil(t, r.Segnalazione.Approval, "what was approved stays known: it may have to be removed")
	require.False(t, r.Segnalazione.Publishable("telegram-marche", r.Segnalazione.Approval.Variants[0].Hash, start))
	again, err := h.decide("withdraw", cmd)
	require.NoError(t, err)
	require.Equal(t, r.InFlight, again.InFlight)

	quietly := h.submit(author, nil)
	h.put(quietly, "telegram-marche", palinsesto.PostQueued)
	r, err = h.decide("withdraw", palinsesto.Decide{Command: by(author), SegnalazioneID: quietly.ID, Reason: "Annullato"})
	require.NoError(t, err)
	require.Empty(t, r.InFlight)
	h.pass(time.Hour)
}
