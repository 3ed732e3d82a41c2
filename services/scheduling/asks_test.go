// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"

	"github.com/google/uuid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Commands as they come over the wire.

func command(by palinsesto.Actor) palinsesto.Command {
	return palinsesto.Command{ID: uuid.NewString(), Actor: by}
}

// onPost sends a command on one post.
func (s *Service) command(verb string, c palinsesto.PostCommand) (palinsesto.Post, error) {
	data, err := contract.EncodePostCommand(c)
	if err != nil {
		return palinsesto.Post{}, err
	}
	raw, err := s.endpoint(verb)(context.Background(), data)
	if err != nil {
		return palinsesto.Post{}, err
	}
	r, err := contract.DecodePostReply(raw)
	return r.Post, err
}

func (s *Service) endpoint(verb string) func(context.Context, []byte) ([]byte, error) {
	for _, e := range s.endpoints() {
		if e.Verb == verb {
			return e.Handle
		}
	}
	panic("no endpoint " + verb)
}

func (s *Service) place(by palinsesto.Actor, scope palinsesto.Scope, value string) (palinsesto.Stopped, error) {
	return s.placeAs(palinsesto.PlaceHold{Command: command(by), Scope: scope, Value: value, Reason: "prova"})
}

func (s *Service) placeAs(c palinsesto.PlaceHold) (palinsesto.Stopped, error) {
	data, err := contract.EncodePlaceHold(c)
	if err != nil {
		return palinsesto.Stopped{}, err
	}
	raw, err := s.endpoint("hold")(context.Background(), data)
	if err != nil {
		return palinsesto.Stopped{}, err
	}
	return contract.DecodeStopped(raw)
}

func (s *Service) lift(c palinsesto.LiftHold) error {
	data, err := contract.EncodeLiftHold(c)
	if err != nil {
		return err
	}
	_, err = s.endpoint("lift")(context.Background(), data)
	return err
}

func (s *Service) turnChannel(verb string, c palinsesto.SetChannel) (palinsesto.Channel, error) {
	data, err := contract.EncodeSetChannel(c)
	if err != nil {
		return palinsesto.Channel{}, err
	}
	raw, err := s.endpoint(verb)(context.Background(), data)
	if err != nil {
		return palinsesto.Channel{}, err
	}
	r, err := contract.DecodeChannelReply(raw)
	return r.Channel, err
}
