// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestNearDuplicatesAreMarked(t *testing.T) {
	h := newHouse(t)
	h.indexed()
	code := fields{"body": "Codice offerta: ANC-2026-1187. Si cerca personale per il magazzino."}
	first := h.submitted(ancona, offer(code))
	require.Empty(t, first.Similar)
	require.False(t, first.HasMark(codeDouble))

	second := h.submitted(collega, offer(fields{"title": "Magazzino", "body": "codice offerta anc-2026-1187: testo del tutto diverso dal primo, che ne parla altrimenti."}))
	require.Equal(t, []string{first.ID}, second.Similar)
	require.True(t, second.HasMark(codeDouble))
	require.Contains(t, second.Marks[0].Text, first.Title)
	require.Contains(t, second.Marks[0].Text, "ANC-2026-1187")

	elsewhere := h.submitted(jesi, offer(fields{"centre": "jesi", "body": code["body"]}))
	require.Empty(t, elsewhere.Similar, "other centres' texts are theirs")

	h.put(palinsesto.SegWasWithdrawn, func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegWithdrawn }, first.ID)
	h.put(palinsesto.SegWasRejected, func(s *palinsesto.Segnalazione) { s.State = palinsesto.SegRejected }, second.ID)
	third := h.submitted(ancona, offer(code))
	require.Empty(t, third.Similar, "what will not go out is no double")

	revised, err := h.tryRevise(palinsesto.Revise{Command: palinsesto.Command{Actor: ancona}, SegnalazioneID: third.ID, Version: 1, Document: offer(code)})
	require.NoError(t, err)
	require.Empty(t, revised.Segnalazione.Similar, "nothing is its own double")
}

// An index that is away refuses nothing: that nobody has looked is told.
func TestNearDuplicatesWithoutIndex(t *testing.T) {
	h := newHouse(t)
	seg := h.submitted(ancona, offer(nil))
	require.Empty(t, seg.Similar)
	require.Len(t, seg.Marks, 1)
	require.Equal(t, codeDouble, seg.Marks[0].Code)
	require.Equal(t, palinsesto.LevelNote, seg.Marks[0].Level)

	require.NoError(t, h.Index.Close())
	_, err := h.recent(context.Background(), "ancona")
	require.Error(t, err)
	h.submitted(collega, offer(nil))
}

// An index that is behind is asked as it is, and the mark says that it was.
func TestNearDuplicatesWithIndexBehind(t *testing.T) {
	h := newHouse(t)
	stop := h.indexed()
	first := h.submitted(ancona, offer(nil))
	h.submitted(ancona, offer(fields{"title": "Cucina", "body": "Servizio in sala e in cucina per la stagione, vitto compreso."}))
	stop()
	h.submitted(jesi, offer(fields{"centre": "jesi"}))
	late := h.submitted(collega, offer(nil))
	require.Equal(t, []string{first.ID}, late.Similar)
	require.Equal(t, palinsesto.LevelNote, late.Marks[0].Level)
	require.Contains(t, late.Marks[0].Text, "in ritardo")
	require.Equal(t, palinsesto.LevelMark, late.Marks[1].Level)
}
