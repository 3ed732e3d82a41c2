// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type stopCmd struct {
	All   bool   `help:"Tutto (everything)."`
	Scope string `enum:"all,network,channel,centre,tag," default:"" help:"network, channel, centre, tag: solo una parte (only a part)."`
	Value string `help:"Quale rete, canale, centro o tag (which one)."`
	Reason
}

// Run places a hold. It works with the local administrator's credential, so that a stop needs nothing
// that has to be made first.
func (c *stopCmd) Run(r *Run) error {
	if c.Scope == "" && c.All {
		c.Scope = "all"
	}
	switch {
	case c.Scope == "":
		return Usage("che cosa fermare? --all, oppure --scope e --value (say what to stop: --all, or --scope and --value)")
	case c.All && c.Scope != "all", (c.Scope == "all") != (c.Value == ""):
		return Usage("--value va con ogni --scope, --all da solo (--value goes with --scope, --all stands alone)")
	case c.Reason.Reason == "":
		return Usage("serve --reason: chi trova tutto fermo deve sapere perché (a stop needs --reason)")
	}
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	body := only(map[string]string{"scope": c.Scope, "value": c.Value, "reason": c.Reason.Reason})
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodPost, Path: "/api/v1/holds", Body: body}, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var out struct {
			Hold     struct{ ID string }
			InFlight []string `json:"in_flight"`
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return err
		}
		if err := r.say("Fermo %s: da ora nulla parte (nothing starts from now on). Per riprendere: palinsesto resume %s", out.Hold.ID, out.Hold.ID); err != nil {
			return err
		}
		for _, id := range out.InFlight {
			_ = r.say("era già in volo (was in flight): %s", id)
		}
		return nil
	})
}

type resumeCmd struct {
	ID  string `arg:"" optional:"" help:"Id del fermo; senza, li elenca (a hold; without: list them)."`
	All bool   `help:"Tutti."`
	Reason
}

type hold struct {
	ID, Scope, Value, Reason string
	At                       *time.Time
}

// Run lifts a hold, or all; without either it lists them.
func (c *resumeCmd) Run(r *Run) error {
	role := palinsesto.RoleOperatore
	if c.ID == "" && !c.All {
		role = palinsesto.RoleAdmin // only looks
	}
	client, err := r.client(role)
	if err != nil {
		return err
	}
	ids := []string{c.ID}
	if c.ID == "" {
		var raw json.RawMessage
		if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/holds"}, &raw); err != nil {
			return err
		}
		var list struct{ Items []hold }
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		if !c.All {
			return r.answer(raw, func() error { return r.holdTable(list.Items) })
		}
		ids = nil
		for _, h := range list.Items {
			ids = append(ids, h.ID)
		}
	}
	return r.lift(client, ids, c.Reason.Reason)
}

func (r *Run) lift(client *Client, ids []string, reason string) error {
	lifted := []string{}
	for _, id := range ids {
		q := url.Values{}
		if reason != "" {
			q.Set("reason", reason)
		}
		err := client.Do(r.Ctx, Call{Method: http.MethodDelete, Path: "/api/v1/holds/" + url.PathEscape(id), Query: q}, nil)
		if err != nil {
			return err
		}
		lifted = append(lifted, id)
	}
	raw, err := json.Marshal(map[string]any{"lifted": lifted})
	if err != nil {
		return err
	}
	return r.answer(raw, func() error {
		for _, id := range lifted {
			_ = r.say("tolto (lifted): %s", id)
		}
		return nil
	})
}

func (r *Run) holdTable(holds []hold) error {
	if len(holds) == 0 {
		return r.say("Nessun fermo (no holds).")
	}
	var rows [][]string
	for _, h := range holds {
		rows = append(rows, []string{h.ID, h.Scope, h.Value, moment(h.At), h.Reason})
	}
	return r.table([]string{"ID", "AMBITO", "QUALE", "DA", "PERCHÉ"}, rows, wrap)
}
