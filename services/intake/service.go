// SPDX-License-Identifier: AGPL-3.0-or-later

// Package intake is the room that takes segnalazioni in: it tells everything that is wrong with a
// document at once, recognises one that was sent before (submit.go), marks what looks like another of
// the same centre (similar.go), and takes revisions (revise.go).
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
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
	cfg *config.Config
}

// New makes the room.
func New(cfg *config.Config, d Deps) (*Service, error) {
	return &Service{Deps: d, cfg: cfg}, nil
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.Bus.Serve(ctx, "intake", "takes segnalazioni in, and their revisions",
		bus.Endpoint{Verb: "submit", Handle: s.submit},
		bus.Endpoint{Verb: "revise", Handle: s.revise},
	)
}

type segnalazione = contract.Event[palinsesto.Segnalazione]

// envelope says who, when and why.
func (s *Service) envelope(c palinsesto.Command, reason string) contract.Envelope {
	return contract.Envelope{Actor: c.Actor, At: s.Clock(), CommandID: c.ID, Reason: reason, Trace: c.Trace}
}

// taken is a document that was read and judged.
type taken struct {
	rules.Taken
	hash string // of what was written, see hashOf
}

// read judges a document of somebody, who may name the files that were there before. What is wrong with
// it stands in Problems; err means that it could not be judged.
func (s *Service) read(ctx context.Context, by palinsesto.Actor, doc []byte, before ...palinsesto.Media) (taken, error) {
	var broken error
	world := s.world(ctx, &broken)
	world.Media = s.usable(ctx, by, before, world.Media, &broken)
	t := taken{Taken: rules.Take(world, doc), hash: hashOf(doc)}
	if broken != nil {
		return t, fmt.Errorf("look up media: %w", broken)
	}
	if n, most := len(t.Content.Media), s.cfg.Media.PerItem; n > most {
		t.Problems = append(t.Problems, problem("V-MEDIA", "media",
			fmt.Sprintf("I file sono %d, il massimo è %d. Toglierne %d.", n, most, n-most),
			fmt.Sprintf("There are %d files, at most %d are taken. Remove %d.", n, most, n-most)))
	}
	return t, nil
}

// hashOf names what was written, before it was put right: so it depends neither on the moment, nor on
// what the store holds, nor on rules that grow from release to release, and a document that is sent
// again under its key is recognised for ever. How the JSON is laid out does not matter.
func hashOf(doc []byte) string {
	centre, content, _ := rules.Decode(doc)
	return palinsesto.HashContent(centre, content)
}

// world is what the rules must know of this house now. A store that does not answer is told in broken:
// its silence must not read as "this file does not exist".
func (s *Service) world(ctx context.Context, broken *error) rules.World {
	return rules.World{
		Now: s.Clock(), Location: s.cfg.Location(),
		Centre:   func(id string) bool { _, ok := s.cfg.Centre(id); return ok },
		Channels: s.resolve,
		Network:  func(id string) string { c, _ := s.cfg.Channel(id); return c.Network },
		Media: func(hash string) (palinsesto.Media, bool) {
			m, err := s.Bus.MediaInfo(ctx, hash)
			if err != nil && !errors.Is(err, bus.ErrNone) {
				*broken = errors.Join(*broken, err)
			}
			return m, err == nil
		},
	}
}

// usable hides the files that are not the actor's to publish: who names a file sees it from then on, so
// a referente names what the own centre brought, or what stood there before. A hash that one has only
// heard of says the same as one that does not exist.
func (s *Service) usable(ctx context.Context, by palinsesto.Actor, before []palinsesto.Media, look func(string) (palinsesto.Media, bool),
	broken *error) func(string) (palinsesto.Media, bool) {
	centre, everywhere, _ := by.Sees()
	return func(hash string) (palinsesto.Media, bool) {
		stood := slices.ContainsFunc(before, func(m palinsesto.Media) bool { return m.Hash == hash })
		if !everywhere && !stood {
			brought, err := s.Bus.Brought(ctx, hash, centre)
			*broken = errors.Join(*broken, err)
			if !brought {
				return palinsesto.Media{}, false
			}
		}
		return look(hash)
	}
}

// resolve finds the channels that are meant by a channel's id, or by a network's name: all of its
// channels that serve the centre.
func (s *Service) resolve(centre, wanted string) (ids []string, knownNetwork, knownChannel bool) {
	if c, ok := s.cfg.Channel(wanted); ok {
		if c.Serves(centre) {
			ids = []string{c.ID}
		}
		return ids, false, true
	}
	for _, c := range s.cfg.Channels {
		knownNetwork = knownNetwork || c.Network == wanted
	}
	for _, c := range s.cfg.ChannelsOf(wanted, centre) {
		ids = append(ids, c.ID)
	}
	return ids, knownNetwork, false
}

func problem(code, field, it, en string) palinsesto.Problem {
	return palinsesto.Problem{Code: code, Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en}
}

// refused tells everything that was found, marks and fixes too: who mends the document sees them all.
func refused(problems []palinsesto.Problem) error {
	return &palinsesto.Error{
		Code:     palinsesto.CodeInvalid,
		Text:     "La segnalazione non è stata presa: correggere quanto segue e inviarla di nuovo.",
		TextEN:   "The report was not taken: mend what follows and send it again.",
		Problems: problems,
	}
}

func malformed(err error) error {
	return palinsesto.Refuse(palinsesto.CodeInvalid, "Comando non leggibile.", "Malformed command: "+err.Error())
}

func forbidden() error {
	return palinsesto.Refuse(palinsesto.CodeForbidden,
		"Non è permesso inviare segnalazioni per questo centro: si può solo per il proprio, con un ruolo che invia.",
		"Reports for this centre may not be sent with this role.")
}
