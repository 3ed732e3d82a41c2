// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type alertsCmd struct {
	State string `enum:"open,over,all" default:"open" help:"open: quelli aperti; over: i conclusi; all: tutti."`
	Kind  string `help:"Tipo, come nel manuale degli operatori: post.failed, house.disk, … (kind, as in the handbook)."`
	Search
	Limit int `default:"50" help:"Al massimo tanti (at most so many)."`
}

// Run lists what operators are told of.
func (c *alertsCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	state := c.State
	if state == "all" {
		state = ""
	}
	l, err := r.list(client, "/api/v1/alerts", c.Search.query(map[string]string{"state": state, "kind": c.Kind}), c.Limit)
	if err != nil {
		return err
	}
	return r.listed(l, "Nessun avviso (no alerts).", r.alertTable)
}

func (r *Run) alertTable(items []json.RawMessage) error {
	rows := make([][]string, 0, len(items))
	for _, raw := range items {
		var a struct {
			Kind, State, Title, Do string
			Count                  int
			Since, Over            *time.Time
		}
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		do := a.Do
		if a.Over != nil {
			do = "concluso il " + moment(a.Over)
		}
		rows = append(rows, []string{moment(a.Since), palinsesto.Word(a.State), strconv.Itoa(a.Count), a.Kind, a.Title, do})
	}
	return r.table([]string{"DAL", "STATO", "QUANTI", "TIPO", "AVVISO", "CHE COSA FARE"}, rows, wrap)
}
