// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// check asks the network whether a channel could be published to, without publishing.
func (s *Service) check(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeSetChannel(data)
	if err != nil {
		return nil, err
	}
	if !cmd.Actor.Can(palinsesto.ActPauseChannel, "") {
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden, "Il ruolo non permette di controllare i canali.", "This role may not check channels.")
	}
	adapter, ok := s.Channels[cmd.Channel]
	if !ok {
		return nil, palinsesto.Refuse(palinsesto.CodeNotFound, "Canale sconosciuto.", "Unknown channel.")
	}
	if c, ok := adapter.(channel.Checker); ok {
		if err := c.Check(ctx); err != nil {
			e := channel.Judge(err)
			return nil, palinsesto.Refuse(palinsesto.CodeConflict, e.Text, e.Error())
		}
	}
	return contract.EncodeChannelReply(contract.ChannelReply{Channel: palinsesto.Channel{ID: cmd.Channel}})
}
