// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

const (
	codeDouble = "V-DOPPIONE"
	// lookBack is how many of a centre's newest are compared: more than any office sends in a month.
	lookBack = 200
	// maxAlike bounds what is named: a person looks at a few.
	maxAlike = 10
	// patience bounds how long a submission waits for the index to show the one just before it.
	patience = 500 * time.Millisecond
	glance   = 2 * time.Millisecond
)

// similar finds what looks like the same news from the same centre. It is marked, never refused; nor
// does an index that is away refuse anything: then the mark says that nobody has looked.
func (s *Service) similar(ctx context.Context, centre, self string, c palinsesto.Content) (ids []string, marks []palinsesto.Problem) {
	behind, err := s.caughtUp(ctx)
	var others []palinsesto.Segnalazione
	if err == nil {
		others, err = s.recent(ctx, centre)
	}
	switch {
	case err != nil:
		s.Log.Warn("near-duplicates not looked for", "error", err)
		return nil, []palinsesto.Problem{{Code: codeDouble, Level: palinsesto.LevelNote,
			Text:   "Non si è potuto controllare se una segnalazione simile c'è già: l'indice non rispondeva. Controllare a mano.",
			TextEN: "Whether there is a similar report already could not be checked: the index did not answer."}}
	case behind:
		marks = append(marks, palinsesto.Problem{Code: codeDouble, Level: palinsesto.LevelNote,
			Text:   "L'indice era in ritardo: le segnalazioni degli ultimi istanti potrebbero mancare dal confronto.",
			TextEN: "The index was behind: reports of the last moments may not have been compared."})
	}
	for _, o := range others {
		if o.ID == self || !open(o.State) {
			continue
		}
		why, alike := rules.Similar(c, o.Content)
		if !alike {
			continue
		}
		ids = append(ids, o.ID)
		marks = append(marks, palinsesto.Problem{Code: codeDouble, Level: palinsesto.LevelMark,
			Text:   fmt.Sprintf("Somiglia a «%s» dello stesso centro (%s). Controllare che non sia la stessa notizia.", short(o.Title), why),
			TextEN: fmt.Sprintf("It looks like %q of the same centre. Check that it is not the same news.", short(o.Title))})
		if len(ids) == maxAlike {
			break
		}
	}
	return ids, marks
}

// open tells whether a segnalazione in this state may still go out, or is out.
func open(st palinsesto.SegState) bool {
	return st == palinsesto.SegSubmitted || st == palinsesto.SegChangesRequested || st == palinsesto.SegApproved
}

// recent lists a centre's newest segnalazioni.
func (s *Service) recent(ctx context.Context, centre string) ([]palinsesto.Segnalazione, error) {
	page, err := s.Index.List(ctx, index.Query{Set: "seg", Facets: []string{"centre=" + centre}, Limit: lookBack})
	if err != nil {
		return nil, err
	}
	out := make([]palinsesto.Segnalazione, 0, len(page.Hits))
	for _, h := range page.Hits {
		_, seg, err := contract.Segnalazioni.Decode(h.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, seg)
	}
	return out, nil
}

// caughtUp waits until the index shows what the log had when we came: in a file of many lines the
// double stands right before. An index that is busy is not waited for: it is asked as it is.
func (s *Service) caughtUp(ctx context.Context) (behind bool, err error) {
	last, err := s.Bus.LastSeq(ctx)
	if err != nil {
		return false, err
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		m, err := s.Index.Meta(ctx)
		switch {
		case err != nil:
			return false, err
		case !m.Ready:
			return false, index.ErrNoIndex
		case m.Seq >= last:
			return false, nil
		}
		t := time.NewTimer(glance)
		select {
		case <-t.C:
		case <-patient.Done():
			t.Stop()
			return true, ctx.Err()
		}
	}
}

// short cuts a title for a sentence.
func short(s string) string {
	if utf8.RuneCountInString(s) <= 80 {
		return s
	}
	return string([]rune(s)[:80]) + "…"
}
