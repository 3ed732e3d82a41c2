// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func approvedBy(by palinsesto.Actor) func(*palinsesto.Segnalazione) {
	return func(s *palinsesto.Segnalazione) {
		s.State, s.Version, s.Ever = palinsesto.SegApproved, s.Version+1, []string{"telegram-marche"}
		s.Approval = &palinsesto.Approval{By: by}
	}
}

func TestRevise(t *testing.T) {
	h := newHouse(t)
	seg := h.submitted(ancona, offer(nil))
	h.put(palinsesto.SegWasChangesRequested, func(s *palinsesto.Segnalazione) {
		s.State, s.Version, s.Reason = palinsesto.SegChangesRequested, 2, "Manca il contratto"
	}, seg.ID)
	cmd := palinsesto.Revise{
		Command: palinsesto.Command{ID: uuid.NewString(), Actor: collega}, SegnalazioneID: seg.ID, Version: 2,
		Document: offer(fields{"body": "Contratto di sei mesi. Candidarsi con il curriculum.", "wanted_channels": []string{"telegram", "x"}}), Reason: "Aggiunto",
	}
	r, err := h.tryRevise(cmd)
	require.NoError(t, err)
	got := r.Segnalazione
	require.True(t, r.Created)
	require.Equal(t, palinsesto.SegSubmitted, got.State)
	require.EqualValues(t, 3, got.Version)
	require.Equal(t, "Contratto di sei mesi. Candidarsi con il curriculum.", got.Body)
	require.Empty(t, got.Reason)
	require.NotEqual(t, seg.ContentHash, got.ContentHash)
	require.Equal(t, seg.Author, got.Author)
	require.Equal(t, []string{collega.ID}, got.Revisers)
	require.Contains(t, codes(got.Marks), "V-RETE-ASSENTE")

	again, err := h.tryRevise(cmd)
	require.NoError(t, err)
	require.False(t, again.Created)
	require.Equal(t, r.Seq, again.Seq)

	h.put(palinsesto.SegWasApproved, approvedBy(redazione), seg.ID)
	again, err = h.tryRevise(cmd)
	require.NoError(t, err, "a repeat gets the answer of then, also after others came in between")
	require.Equal(t, r.Seq, again.Seq)

	cmd = palinsesto.Revise{Command: palinsesto.Command{ID: uuid.NewString(), Actor: redazione}, SegnalazioneID: seg.ID, Version: 4, Document: offer(nil)}
	r, err = h.tryRevise(cmd)
	require.NoError(t, err)
	require.Nil(t, r.Segnalazione.Approval, "a revision voids the approval")
	require.Equal(t, []string{"telegram-marche"}, r.Segnalazione.Ever, "where posts may be is not forgotten")
	require.Equal(t, []string{collega.ID, redazione.ID}, r.Segnalazione.Revisers)
}

func TestReviseRefuses(t *testing.T) {
	h := newHouse(t)
	in := func(st palinsesto.SegState) string {
		seg := h.submitted(ancona, offer(nil))
		if st != palinsesto.SegSubmitted {
			h.put(palinsesto.SegWasRejected, func(s *palinsesto.Segnalazione) { s.State = st }, seg.ID)
		}
		return seg.ID
	}
	open := in(palinsesto.SegSubmitted)
	for name, c := range map[string]struct {
		by     palinsesto.Actor
		id     string
		v      uint64
		doc    []byte
		reason string
		code   palinsesto.Code
		found  string
	}{
		"no such id":           {by: ancona, id: uuid.NewString(), v: 1, code: palinsesto.CodeNotFound},
		"no id":                {by: ancona, id: "*", v: 1, code: palinsesto.CodeNotFound},
		"another centre's":     {by: jesi, id: open, v: 1, code: palinsesto.CodeNotFound},
		"nobody":               {by: palinsesto.Actor{Role: palinsesto.RoleRedattore}, id: open, v: 1, code: palinsesto.CodeNotFound},
		"a reader":             {by: palinsesto.Actor{ID: "token:l", Role: palinsesto.RoleLettore}, id: open, v: 1, code: palinsesto.CodeForbidden},
		"an operator":          {by: palinsesto.Actor{ID: "token:o", Role: palinsesto.RoleOperatore}, id: open, v: 1, code: palinsesto.CodeForbidden},
		"no version":           {by: ancona, id: open, v: 0, code: palinsesto.CodeInvalid, found: "V-CAMPO"},
		"an older version":     {by: ancona, id: open, v: 7, code: palinsesto.CodeStale},
		"a wrong document":     {by: ancona, id: open, v: 1, doc: []byte("[]"), code: palinsesto.CodeInvalid, found: "V-TIPO"},
		"another centre":       {by: redazione, id: open, v: 1, doc: offer(fields{"centre": "jesi"}), code: palinsesto.CodeInvalid, found: "V-CENTRE"},
		"an endless reason":    {by: ancona, id: open, v: 1, reason: strings.Repeat("x", 5000), code: palinsesto.CodeInvalid, found: "V-CAMPO"},
		"what was rejected":    {by: ancona, id: in(palinsesto.SegRejected), v: 1, code: palinsesto.CodeConflict},
		"what was withdrawn":   {by: ancona, id: in(palinsesto.SegWithdrawn), v: 1, code: palinsesto.CodeConflict},
		"what has expired":     {by: ancona, id: in(palinsesto.SegExpired), v: 1, code: palinsesto.CodeConflict},
		"what has been erased": {by: ancona, id: in(palinsesto.SegErased), v: 1, code: palinsesto.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			if c.doc == nil {
				c.doc = offer(nil)
			}
			_, err := h.tryRevise(palinsesto.Revise{Command: palinsesto.Command{ID: uuid.NewString(), Actor: c.by}, SegnalazioneID: c.id, Version: c.v, Document: c.doc, Reason: c.reason})
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
			if c.found != "" {
				require.Contains(t, codes(problemsOf(t, err)), c.found)
			}
		})
	}
	h.pass(60 * 24 * time.Hour)
	_, err := h.tryRevise(palinsesto.Revise{Command: palinsesto.Command{Actor: ancona}, SegnalazioneID: open, Version: 1, Document: offer(nil)})
	require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err), "a revision is judged by the day it comes")
}

// Of many who revise the same page one wins; the others are told that it changed.
func TestReviseAtOnce(t *testing.T) {
	h := newHouse(t)
	seg := h.submitted(ancona, offer(nil))
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = h.tryRevise(palinsesto.Revise{Command: palinsesto.Command{ID: uuid.NewString(), Actor: ancona}, SegnalazioneID: seg.ID, Version: 1, Document: offer(nil)})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.Equal(t, palinsesto.CodeStale, palinsesto.CodeOf(err))
	}
	require.Equal(t, 1, won)
	require.Len(t, h.history(seg), 2)
}
