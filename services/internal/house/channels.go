// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/telegram"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/internal/config"
)

// adapter makes the channel of one account.
type adapter func(c config.Channel, t *wire.Transport, clock func() time.Time) (channel.Channel, error)

// networks is the table of adapters: a new network is one folder under channel/ and one line here.
func networks() map[string]adapter {
	return map[string]adapter{
		"telegram": func(c config.Channel, t *wire.Transport, clock func() time.Time) (channel.Channel, error) {
			return telegram.New(telegram.Options{
				Token: c.Token, Target: c.Target, APIBase: c.APIBase, Transport: t, Clock: clock,
			})
		},
	}
}

// adapters makes the channels of a configuration; every one that cannot be is told.
func adapters(cfg *config.Config, clock func() time.Time) (map[string]channel.Channel, error) {
	table, all, transport := networks(), map[string]channel.Channel{}, wire.NewTransport()
	var errs []error
	for _, c := range cfg.Channels {
		build, ok := table[c.Network]
		if !ok {
			errs = append(errs, fmt.Errorf("canale %s: questa versione non pubblica ancora su %s: togliere il canale dalla configurazione (no adapter for this network yet)", c.ID, c.Network))
			continue
		}
		ch, err := build(c, transport, clock)
		if err != nil {
			errs = append(errs, fmt.Errorf("canale %s: %w", c.ID, err))
			continue
		}
		all[c.ID] = ch
	}
	return all, errors.Join(errs...)
}
