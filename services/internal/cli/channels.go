// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// channel is what people read of a channel.
type channel struct {
	ID, Network, Target, State, Reason, Spacing string
	NotBefore                                   *time.Time `json:"not_before"`
}

type channelsCmd struct{}

// Run lists the channels.
func (c *channelsCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/channels"}, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var list struct{ Items []channel }
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		return r.channelTable(list.Items)
	})
}

func (r *Run) channelTable(all []channel) error {
	var rows [][]string
	for _, x := range all {
		rows = append(rows, []string{x.ID, palinsesto.Word(x.State), x.Network, x.Target, moment(x.NotBefore), x.Reason})
	}
	return r.table([]string{"ID", "STATO", "RETE", "DOVE", "NON PRIMA", "PERCHÉ"}, rows, wrap)
}

type channelCmd struct {
	Test        testChannelCmd `cmd:"" help:"Pubblica un messaggio di prova, segnato come tale, una volta sola, e lo toglie (publish a marked test message, once, and remove it)."`
	Pause       setChannelCmd  `cmd:"" help:"In pausa: i suoi post aspettano (its posts wait)."`
	Resume      setChannelCmd  `cmd:"" help:"Riprende un canale in pausa (resume)."`
	Reconnected setChannelCmd  `cmd:"" help:"È di nuovo collegato, per esempio con un token nuovo: i post in attesa ripartono (it was reconnected: its posts go on)."`
}

type setChannelCmd struct {
	verb string
	ID   string `arg:"" help:"Id del canale, come in «channels»."`
	Reason
}

// AfterApply notes which of the three was asked for.
func (c *channelCmd) AfterApply() error {
	c.Pause.verb, c.Resume.verb, c.Reconnected.verb = "pause", "resume", "reconnected"
	return nil
}

// Run tells the house about a channel. It works with the local administrator's credential: by the table of
// roles nobody else may say that one was reconnected.
func (c *setChannelCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	call := Call{Method: http.MethodPost, Path: "/api/v1/channels/" + url.PathEscape(c.ID) + "/" + c.verb,
		Body: only(map[string]string{"reason": c.Reason.Reason})}
	if err := client.Do(r.Ctx, call, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var x channel
		if err := json.Unmarshal(raw, &x); err != nil {
			return err
		}
		return r.channelTable([]channel{x})
	})
}
