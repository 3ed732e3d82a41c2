// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Reason says why; it stays in the history.
type Reason struct {
	Reason string `help:"Perché; resta nella storia (why; stays in the history)."`
}

type requeueCmd struct {
	ID      string `arg:"" optional:"" help:"Id del post; senza, quelli del filtro (one post; else those of the filter)."`
	Cause   string `help:"Causa, come in «causes»."`
	State   string `help:"failed o missed."`
	Channel string `help:"Canale."`
	Centre  string `help:"Centro."`
	All     bool   `help:"Tutti quelli che si possono rimettere in coda (all that can be)."`
	Preview bool   `help:"Dice che cosa succederebbe e non cambia nulla (change nothing)."`
	At      string `help:"Quando, RFC 3339; se manca appena possibile. Solo per un post." placeholder:"2026-12-01T09:00:00+01:00"`
	Reason
}

// Run puts one post back, or many.
func (c *requeueCmd) Run(r *Run) error {
	filtered := c.Cause != "" || c.State != "" || c.Channel != "" || c.Centre != "" || c.All
	switch {
	case c.ID == "" && !filtered:
		return Usage("indicare un post, un filtro (--cause, --state, --channel, --centre), oppure --all (name a post, a filter, or --all)")
	case c.ID != "" && (filtered || c.Preview):
		return Usage("o un post, o un filtro (a post or a filter, not both)")
	case c.ID == "" && c.At != "":
		return Usage("--at vale per un post solo: molti escono con lo spazio fra l'uno e l'altro (only with one post)")
	}
	client, err := r.client(palinsesto.RoleOperatore)
	if err != nil {
		return err
	}
	if c.ID != "" {
		return r.onPost(client, c.ID, "requeue", only(map[string]string{"reason": c.Reason.Reason, "at": c.At}))
	}
	return c.many(r, client)
}

func (c *requeueCmd) many(r *Run, client *Client) error {
	body := only(map[string]string{"state": c.State, "channel": c.Channel, "centre": c.Centre, "cause": c.Cause, "reason": c.Reason.Reason})
	if c.Preview {
		body["preview"] = true
	}
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodPost, Path: "/api/v1/posts/requeue", Body: body}, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var out struct {
			Requeued, Refused int
			Items             []struct {
				Post, Title, Channel, Refused string
				Due                           *time.Time
			}
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, x := range out.Items {
			when := x.Refused
			if when == "" {
				when = moment(x.Due)
			}
			rows = append(rows, []string{x.Post, x.Channel, when, cut(x.Title, 50)})
		}
		if err := r.table([]string{"POST", "CANALE", "QUANDO", "TITOLO"}, rows); err != nil {
			return err
		}
		verb := "rimessi in coda"
		if c.Preview {
			verb = "tornerebbero in coda"
		}
		return r.say("%s %s, %s no", strconv.Itoa(out.Requeued), verb, strconv.Itoa(out.Refused))
	})
}

type resolveCmd struct {
	ID     string `arg:"" help:"Id del post incerto."`
	Out    bool   `help:"È uscito (it is out): indicare --link."`
	NotOut bool   `name:"not-out" help:"Non è uscito: si invia di nuovo (it is not: send it again)."`
	Link   string `help:"Dove si trova sul canale (where it is)."`
	Reason
}

// Run settles an uncertain post by a person's word.
func (c *resolveCmd) Run(r *Run) error {
	if c.Out == c.NotOut {
		return Usage("indicare --out oppure --not-out (one of the two)")
	}
	client, err := r.client(palinsesto.RoleOperatore)
	if err != nil {
		return err
	}
	outcome := "out"
	if c.NotOut {
		outcome = "not_out"
	}
	return r.onPost(client, c.ID, "resolve", only(map[string]string{"outcome": outcome, "link": c.Link, "reason": c.Reason.Reason}))
}

type cancelCmd struct {
	ID string `arg:"" help:"Id del post."`
	Reason
}

// Run takes a post back.
func (c *cancelCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleOperatore)
	if err != nil {
		return err
	}
	return r.onPost(client, c.ID, "cancel", only(map[string]string{"reason": c.Reason.Reason}))
}

func (r *Run) onPost(client *Client, id, verb string, body map[string]any) error {
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodPost, Path: "/api/v1/posts/" + url.PathEscape(id) + "/" + verb, Body: body}, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var p post
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		return r.say("%s  %s  %s  %s", p.ID, p.State, moment(p.Due), p.Title)
	})
}

type stopCmd struct {
	Scope string `enum:"all,network,channel,centre,tag" default:"all" help:"all, network, channel, centre, tag."`
	Value string `help:"Quale rete, canale, centro o tag (which one)."`
	Reason
}

// Run places a hold. It works with the local administrator's credential, so that a stop needs nothing
// that has to be made first.
func (c *stopCmd) Run(r *Run) error {
	if (c.Scope == "all") != (c.Value == "") {
		return Usage("--value serve con ogni --scope tranne all (--value goes with every scope but all)")
	}
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	body := only(map[string]string{"scope": c.Scope, "value": c.Value, "reason": c.Reason.Reason})
	if c.Reason.Reason == "" {
		body["reason"] = "fermo da riga di comando"
	}
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
	return r.table([]string{"ID", "AMBITO", "QUALE", "DA", "PERCHÉ"}, rows)
}

// only leaves out what was not given.
func only(fields map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range fields {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

// usageError is a command line that asks for something that does not go together.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// Usage makes an error of the command line itself.
func Usage(text string) error { return usageError{text} }

// IsUsage tells such an error.
func IsUsage(err error) bool {
	var u usageError
	return errors.As(err, &u)
}
