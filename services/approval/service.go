// SPDX-License-Identifier: AGPL-3.0-or-later

// Package approval is the room where people decide about segnalazioni: yes to exactly what they saw
// (approve.go, variants.go), or no, or not yet, or not any more (decide.go).
package approval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus   *bus.Bus
	Index *index.Index
	Clock func() time.Time
	Log   *slog.Logger
}

// Service is the room.
type Service struct {
	Deps
	cfg   *config.Config
	actor palinsesto.Actor
}

// New makes the room.
func New(cfg *config.Config, d Deps) (*Service, error) {
	return &Service{Deps: d, cfg: cfg, actor: palinsesto.Room("approval")}, nil
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.Bus.Serve(ctx, "approval", "records what people decide about segnalazioni", s.endpoints()...)
}

func (s *Service) endpoints() []bus.Endpoint {
	return []bus.Endpoint{
		{Verb: "approve", Handle: s.approve},
		{Verb: "reject", Handle: s.onDecide(decision{event: palinsesto.SegWasRejected, act: palinsesto.ActReview, versioned: true})},
		{Verb: "request-changes", Handle: s.onDecide(decision{event: palinsesto.SegWasChangesRequested, act: palinsesto.ActReview, versioned: true})},
		{Verb: "withdraw", Handle: s.onDecide(decision{event: palinsesto.SegWasWithdrawn, act: palinsesto.ActSubmit})},
		{Verb: "comment", Handle: s.onDecide(decision{event: palinsesto.SegWasCommented, act: palinsesto.ActSubmit})},
	}
}

type segnalazione = contract.Event[palinsesto.Segnalazione]

// envelope says who, when and why.
func (s *Service) envelope(c palinsesto.Command, reason string) contract.Envelope {
	return contract.Envelope{Actor: c.Actor, At: s.Clock(), CommandID: c.ID, Reason: reason, Trace: c.Trace}
}

// find loads a segnalazione for an actor who may do act with it; what they may not see is not there.
func (s *Service) find(ctx context.Context, by palinsesto.Actor, act palinsesto.Action, id string) (segnalazione, error) {
	if !palinsesto.ValidID(id) {
		return segnalazione{}, notFound()
	}
	cur, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.AnySeg(id))
	switch {
	case errors.Is(err, bus.ErrNone):
		return cur, notFound()
	case err != nil:
		return cur, err
	case by.ID == "" || !by.Can(palinsesto.ActSee, cur.State.Centre):
		return cur, notFound()
	case !by.Can(act, cur.State.Centre):
		return cur, forbidden(act)
	default:
		return cur, nil
	}
}

// unlessDone gives, in place of a refusal, the outcome of a command that was carried out before: a
// repeat after a lost answer gets the answer of then, whatever happened since.
func (s *Service) unlessDone(ctx context.Context, cmd palinsesto.Command, subject string, refusal error) (segnalazione, error) {
	var e *palinsesto.Error
	if !errors.As(refusal, &e) {
		return segnalazione{}, refusal
	}
	was, err := bus.Done(ctx, s.Bus, contract.Segnalazioni, subject, cmd.ID, cmd.Actor.ID)
	if errors.Is(err, bus.ErrNone) {
		return segnalazione{}, refusal
	}
	return was, err
}

// fresh refuses what was decided on an older page.
func fresh(shown uint64, cur palinsesto.Segnalazione) error {
	if shown == 0 {
		return invalid([]palinsesto.Problem{problem("V-CAMPO", "version",
			"Manca la versione su cui si decide: indicare quella mostrata dalla pagina.",
			"The version that is decided on is missing: give the one that the page shows.")})
	}
	if shown != cur.Version {
		return palinsesto.Refuse(palinsesto.CodeStale,
			fmt.Sprintf("La segnalazione è cambiata nel frattempo: la versione attuale è la %d, questa pagina mostra la %d. Ricaricarla e decidere su ciò che c'è ora.", cur.Version, shown),
			fmt.Sprintf("The report has changed: its version is %d, this page shows %d. Reload it and decide on what is there now.", cur.Version, shown))
	}
	return nil
}

// may tells whether an event is allowed in the state that a segnalazione is in.
func may(event palinsesto.SegEvent, cur palinsesto.Segnalazione) error {
	if _, ok := event.To(cur.State); ok {
		return nil
	}
	return palinsesto.Refuse(palinsesto.CodeConflict,
		fmt.Sprintf("La segnalazione è nello stato «%s»: quello che è stato chiesto ora non si può fare. Ricaricare la pagina.", cur.State),
		fmt.Sprintf("The report is %s: this cannot be done now. Reload the page.", cur.State))
}

func problem(code, field, it, en string) palinsesto.Problem {
	return palinsesto.Problem{Code: code, Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en}
}

func invalid(problems []palinsesto.Problem) error {
	return &palinsesto.Error{
		Code:     palinsesto.CodeInvalid,
		Text:     "La decisione non è stata registrata: correggere quanto segue.",
		TextEN:   "The decision was not recorded: mend what follows.",
		Problems: problems,
	}
}

func malformed(err error) error {
	return palinsesto.Refuse(palinsesto.CodeInvalid, "Comando non leggibile.", "Malformed command: "+err.Error())
}

func notFound() error {
	return palinsesto.Refuse(palinsesto.CodeNotFound, "Nessuna segnalazione con questo codice.", "There is no such report.")
}

func forbidden(act palinsesto.Action) error {
	if act == palinsesto.ActReview {
		return palinsesto.Refuse(palinsesto.CodeForbidden,
			"Approvare, respingere e chiedere modifiche spetta alla redazione.", "Approving, rejecting and asking for changes is for the newsroom.")
	}
	return palinsesto.Refuse(palinsesto.CodeForbidden,
		"Il ruolo non permette di intervenire su questa segnalazione.", "This role may not act on this report.")
}
