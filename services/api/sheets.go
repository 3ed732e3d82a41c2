// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/palinsesto/palinsesto/services/contract"
)

// SheetInput says how the table of a list without an order of its own is written.
type SheetInput struct {
	Separator string `query:"separator" enum:"comma,semicolon" default:"comma" doc:"semicolon: as Italian spreadsheets open it, with a byte order mark"`
}

func (s *Service) exportTokens(ctx context.Context, in *CSVInput) (*streamOutput, error) {
	if _, err := s.Index.Counts(ctx, "token", ""); err != nil {
		return nil, err // while a problem can still be told
	}
	head := []string{"id", "name", "role", "centre", "made", "made_by", "revoked"}
	return s.table(ctx, "tokens", "token", filter{seen: true}, *in, head, func(body []byte) ([]string, error) {
		_, full, err := contract.Tokens.Decode(body)
		t := s.tokenView(full)
		return []string{t.ID, t.Name, t.Role, t.Centre, stamp(&t.Made), t.MadeBy, stamp(t.Revoked)}, err
	}), nil
}

func (s *Service) exportHolds(ctx context.Context, in *SheetInput) (*streamOutput, error) {
	list, err := s.listHolds(ctx, nil)
	if err != nil {
		return nil, err
	}
	rows := make([][]string, 0, len(list.Body.Items))
	for _, h := range list.Body.Items {
		rows = append(rows, []string{h.ID, h.Scope, h.Value, h.Reason, h.By.Name, h.By.Role, stamp(h.At)})
	}
	return s.sheet("holds", in.Separator, []string{"id", "scope", "value", "reason", "by", "role", "at"}, rows), nil
}

func (s *Service) exportChannels(ctx context.Context, in *SheetInput) (*streamOutput, error) {
	list, err := s.listChannels(ctx, nil)
	if err != nil {
		return nil, err
	}
	rows := make([][]string, 0, len(list.Body.Items))
	for _, c := range list.Body.Items {
		rows = append(rows, []string{c.ID, c.Network, c.Target, c.State, c.Reason, stamp(c.NotBefore), c.Spacing, strings.Join(c.Centres, " ")})
	}
	return s.sheet("channels", in.Separator, []string{"id", "network", "target", "state", "reason", "not_before", "spacing", "centres"}, rows), nil
}

func (s *Service) exportDeadLetters(ctx context.Context, in *SheetInput) (*streamOutput, error) {
	list, err := s.deadLetters(ctx, &deadLettersInput{Limit: deadLettersMost})
	if err != nil {
		return nil, err
	}
	zone := s.cfg.Location()
	rows := make([][]string, 0, len(list.Body.Items))
	for _, l := range list.Body.Items {
		at := l.At.In(zone)
		rows = append(rows, []string{l.Consumer, l.Subject, l.Event, strconv.FormatUint(l.Seq, 10), l.Reason, stamp(&at)})
	}
	return s.sheet("dead-letters", in.Separator, []string{"consumer", "subject", "event", "seq", "reason", "at"}, rows), nil
}

func (s *Service) exportCauses(ctx context.Context, in *SheetInput) (*streamOutput, error) {
	list, err := s.listCauses(ctx, nil)
	if err != nil {
		return nil, err
	}
	rows := make([][]string, 0, len(list.Body.Items))
	for _, c := range list.Body.Items {
		var channels []string
		for _, x := range c.Channels {
			channels = append(channels, x.Channel+"="+strconv.Itoa(x.Count))
		}
		rows = append(rows, []string{c.Cause, c.State, strconv.Itoa(c.Count), c.Problem, strings.Join(channels, " ")})
	}
	return s.sheet("causes", in.Separator, []string{"cause", "state", "count", "problem", "channels"}, rows), nil
}
