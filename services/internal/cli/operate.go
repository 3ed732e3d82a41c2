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
	State   string `help:"failed (non riuscito) o missed (mancato)."`
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
	var err error
	if c.State, err = stateNamed(c.State, []palinsesto.PostState{palinsesto.PostFailed, palinsesto.PostMissed}); err != nil {
		return err
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
	if c.All {
		body["all"] = true
	}
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
			rows = append(rows, []string{x.Post, x.Channel, when, x.Title})
		}
		if err := r.table([]string{"POST", "CANALE", "QUANDO", "TITOLO"}, rows, cut); err != nil {
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
	ID     string `arg:"" help:"Id del post."`
	Out    bool   `help:"È uscito (it is out): indicare --link."`
	NotOut bool   `name:"not-out" help:"Non è uscito: si invia di nuovo (it is not: send it again)."`
	Done   bool   `help:"Ciò che restava da fare a mano sul canale è fatto: indicare --reason (what was left to a person is done)."`
	Link   string `help:"Dove si trova sul canale (where it is)."`
	Reason
}

// Run settles by a person's word what the house cannot know or do.
func (c *resolveCmd) Run(r *Run) error {
	outcome, err := c.outcome()
	if err != nil {
		return err
	}
	client, err := r.client(palinsesto.RoleOperatore)
	if err != nil {
		return err
	}
	return r.onPost(client, c.ID, "resolve", only(map[string]string{"outcome": outcome, "link": c.Link, "reason": c.Reason.Reason}))
}

func (c *resolveCmd) outcome() (string, error) {
	var said []string
	for name, is := range map[string]bool{"out": c.Out, "not_out": c.NotOut, "done": c.Done} {
		if is {
			said = append(said, name)
		}
	}
	switch {
	case len(said) != 1:
		return "", Usage("indicare --out, --not-out oppure --done (one of the three)")
	case c.Out != (c.Link != ""):
		return "", Usage("--link va con --out: dice dove il post si trova (--link goes with --out)")
	case c.Done && c.Reason.Reason == "":
		return "", Usage("--done vuole --reason: che cosa è stato fatto; resta nella storia (--done needs --reason)")
	}
	return said[0], nil
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
		return r.say("%s  %s  %s  %s", p.ID, palinsesto.Word(p.State), p.when(), p.Title)
	})
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
