// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type countsOutput struct {
	Body struct {
		Segnalazioni map[string]int `json:"segnalazioni" doc:"By state"`
		Posts        map[string]int `json:"posts" doc:"By state"`
		Hand         int            `json:"hand" doc:"Posts that need a hand"`
	}
}

func (s *Service) counts(ctx context.Context, _ *struct{}) (*countsOutput, error) {
	centre, everywhere, ok := actorOf(ctx).Sees()
	if !ok {
		return nil, forbidden()
	}
	out := &countsOutput{}
	var err error
	if out.Body.Segnalazioni, err = s.byState(ctx, "seg", centre, everywhere); err != nil {
		return nil, err
	}
	if out.Body.Posts, err = s.byState(ctx, "post", centre, everywhere); err != nil {
		return nil, err
	}
	facet, value := "hand", "1"
	if !everywhere {
		facet, value = "hand-centre", centre
	}
	hand, err := s.Index.Counts(ctx, "post", facet)
	out.Body.Hand = hand[value]
	return out, err
}

func (s *Service) byState(ctx context.Context, set, centre string, everywhere bool) (map[string]int, error) {
	if everywhere {
		return s.Index.Counts(ctx, set, "state")
	}
	all, err := s.Index.Counts(ctx, set, "centre-state")
	own := map[string]int{}
	for value, n := range all {
		if state, ok := strings.CutPrefix(value, centre+"."); ok {
			own[state] = n
		}
	}
	return own, err
}

// deadLettersMost is the maximum of a page below.
const deadLettersMost = 1000

type deadLettersInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type deadLettersOutput struct {
	Body struct {
		Items []bus.DeadLetter `json:"items" doc:"Oldest first; the events themselves stay on the log"`
	}
}

func (s *Service) deadLetters(ctx context.Context, in *deadLettersInput) (*deadLettersOutput, error) {
	letters, err := s.Bus.DeadLetters(ctx, in.Limit)
	out := &deadLettersOutput{}
	out.Body.Items = listed(letters)
	return out, err
}

func (s *Service) rebuild(ctx context.Context, _ *struct{}) (*none, error) {
	_, err := s.Bus.Request(ctx, "indexing", "rebuild", nil)
	return nil, err
}

type checkOutput struct {
	Body struct {
		Holds    bool      `json:"holds" doc:"Nothing was found that must not be"`
		Findings []Finding `json:"findings"`
		At       time.Time `json:"at"`
	}
}

// checkWait: a long log takes longer to read than a command.
const checkWait = 80 * time.Second

func (s *Service) check(ctx context.Context, _ *struct{}) (*checkOutput, error) {
	if s.Check == nil {
		return nil, palinsesto.Refuse(palinsesto.CodeBusy, "Questo processo non può fare la verifica: chiederla al processo principale.",
			"This process cannot check: ask the main one.")
	}
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	found, err := s.Check(ctx)
	if err != nil {
		return nil, err
	}
	out := &checkOutput{}
	out.Body.Holds, out.Body.At = true, s.Clock().In(s.cfg.Location())
	for _, p := range found {
		out.Body.Holds = out.Body.Holds && p.Level != palinsesto.LevelError
	}
	out.Body.Findings = findings(found, inEnglish(ctx))
	return out, nil
}
