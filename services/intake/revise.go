// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// revise replaces what was written, by somebody who saw its newest version. An approval is void from
// here on, and whoever revised may not give the next one.
func (s *Service) revise(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeRevise(data)
	if err != nil {
		return nil, malformed(err)
	}
	cur, err := s.find(ctx, cmd)
	if err != nil {
		return nil, err
	}
	if done, err := s.done(ctx, cmd, cur, mayRevise(cmd, cur.State)); err != nil || done.Seq > 0 {
		return encode(done, false, err)
	}
	t, err := s.read(ctx, cmd.Actor, cmd.Document, cur.State.Media...)
	if err != nil {
		return nil, err
	}
	if t.Centre != cur.State.Centre && t.Centre != "" {
		t.Problems = append(t.Problems, problem("V-CENTRE", "centre",
			fmt.Sprintf("Il centro non si può cambiare: resta «%s». Per un altro centro inviare una nuova segnalazione.", cur.State.Centre),
			fmt.Sprintf("The centre cannot be changed: it stays %q. Send a new report for another centre.", cur.State.Centre)))
	}
	if about := rules.Reason("reason", &cmd.Reason); rules.Refused(about) {
		t.Problems = append(t.Problems, about...)
	}
	if rules.Refused(t.Problems) {
		return nil, refused(t.Problems)
	}
	return s.replace(ctx, cmd, cur.Subject, t)
}

func (s *Service) replace(ctx context.Context, cmd palinsesto.Revise, subject string, t taken) ([]byte, error) {
	alike, marks := s.similar(ctx, t.Centre, cmd.SegnalazioneID, t.Content)
	t.Problems = append(t.Problems, marks...)
	mine := false
	done, err := bus.Update(ctx, s.Bus, contract.Segnalazioni, subject, s.envelope(cmd.Command, cmd.Reason),
		func(cur segnalazione) (bus.Decision[palinsesto.Segnalazione], error) {
			if err := mayRevise(cmd, cur.State); err != nil {
				return bus.Decision[palinsesto.Segnalazione]{}, err
			}
			mine = true
			return bus.Decision[palinsesto.Segnalazione]{
				Event: string(palinsesto.SegWasRevised), State: revised(cur.State, cmd.Actor, t, alike),
			}, nil
		})
	return encode(done, mine, err)
}

// revised is the segnalazione after a revision. Who revised is never forgotten: what one wrote may
// stand in the text through all later revisions.
func revised(was palinsesto.Segnalazione, by palinsesto.Actor, t taken, alike []string) palinsesto.Segnalazione {
	next := was
	next.State, _ = palinsesto.SegWasRevised.To(was.State)
	next.Version++
	next.Content, next.Channels, next.Marks = t.Content, t.Channels, t.Problems
	next.Similar, next.ContentHash = alike, t.hash
	next.Approval, next.Reason = nil, ""
	if !slices.Contains(was.Revisers, by.ID) {
		next.Revisers = append(slices.Clone(was.Revisers), by.ID)
	}
	return next
}

// find loads what is to be revised; what the actor may not see is not there.
func (s *Service) find(ctx context.Context, cmd palinsesto.Revise) (segnalazione, error) {
	if !palinsesto.ValidID(cmd.SegnalazioneID) {
		return segnalazione{}, notFound()
	}
	cur, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.AnySeg(cmd.SegnalazioneID))
	switch {
	case errors.Is(err, bus.ErrNone):
		return cur, notFound()
	case err != nil:
		return cur, err
	case cmd.Actor.ID == "" || !cmd.Actor.Can(palinsesto.ActSee, cur.State.Centre):
		return cur, notFound()
	case !cmd.Actor.Can(palinsesto.ActSubmit, cur.State.Centre):
		return cur, palinsesto.Refuse(palinsesto.CodeForbidden,
			"Il ruolo non permette di modificare le segnalazioni.", "This role may not revise reports.")
	default:
		return cur, nil
	}
}

// done looks, when a command is to be refused, whether it was carried out before: then its answer is
// that of then.
func (s *Service) done(ctx context.Context, cmd palinsesto.Revise, cur segnalazione, refusal error) (segnalazione, error) {
	if refusal == nil {
		return segnalazione{}, nil
	}
	was, err := bus.Done(ctx, s.Bus, contract.Segnalazioni, cur.Subject, cmd.ID, cmd.Actor.ID)
	if errors.Is(err, bus.ErrNone) {
		return segnalazione{}, refusal
	}
	return was, err
}

// mayRevise refuses what was decided on an older page, and what is over.
func mayRevise(cmd palinsesto.Revise, cur palinsesto.Segnalazione) error {
	if cmd.Version == 0 {
		return refused([]palinsesto.Problem{problem("V-CAMPO", "version",
			"Manca la versione che si sta modificando: indicare quella mostrata dalla pagina.",
			"The version that is being revised is missing: give the one that the page shows.")})
	}
	if cmd.Version != cur.Version {
		return palinsesto.Refuse(palinsesto.CodeStale,
			fmt.Sprintf("La segnalazione è cambiata nel frattempo: la versione attuale è la %d, questa pagina mostra la %d. Ricaricarla e rifare la modifica.", cur.Version, cmd.Version),
			fmt.Sprintf("The report has changed: its version is %d, this page shows %d. Reload it and make the change again.", cur.Version, cmd.Version))
	}
	if _, ok := palinsesto.SegWasRevised.To(cur.State); !ok {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			fmt.Sprintf("La segnalazione è nello stato «%s»: non si modifica più. Se serve ancora, inviarne una nuova.", cur.State),
			fmt.Sprintf("The report is %s: it can no longer be revised. Send a new one if needed.", cur.State))
	}
	return nil
}

func notFound() error {
	return palinsesto.Refuse(palinsesto.CodeNotFound, "Nessuna segnalazione con questo codice.", "There is no such report.")
}
