// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// post is what people read of a post.
type post struct {
	ID        string
	Channel   string
	Centre    string
	Title     string
	State     string
	Cause     string
	Problem   string
	Link      string
	Due       *time.Time
	NeedsHand bool `json:"needs_hand"`
	Attempts  int
}

type postsCmd struct {
	State   string `help:"Stato: queued, posted, failed, uncertain, missed, held, …"`
	Channel string `help:"Canale."`
	Centre  string `help:"Centro."`
	Cause   string `help:"Causa, come in «causes»."`
	Hand    bool   `help:"Solo quelli che aspettano una persona (those that need a hand)."`
	Limit   int    `default:"50" help:"Al massimo tanti (at most so many)."`
}

// pageMost is the API's largest page.
const pageMost = 200

// Run lists posts.
func (c *postsCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	q := url.Values{}
	for k, v := range map[string]string{"state": c.State, "channel": c.Channel, "centre": c.Centre, "cause": c.Cause} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if c.Hand {
		q.Set("hand", "true")
	}
	var items []json.RawMessage
	for len(items) < c.Limit {
		q.Set("limit", strconv.Itoa(min(pageMost, c.Limit-len(items))))
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/posts", Query: q}, &page); err != nil {
			return err
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			break
		}
		q.Set("cursor", page.Next)
	}
	raw, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return err
	}
	return r.answer(raw, func() error { return r.postTable(items) })
}

func (r *Run) postTable(items []json.RawMessage) error {
	rows := make([][]string, 0, len(items))
	for _, raw := range items {
		var p post
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		rows = append(rows, []string{p.ID, p.State, p.Channel, p.Centre, moment(p.Due), p.Cause, cut(p.Title, 50)})
	}
	return r.table([]string{"ID", "STATO", "CANALE", "CENTRO", "MOMENTO", "CAUSA", "TITOLO"}, rows)
}

type causesCmd struct{}

// Run groups what needs a hand.
func (c *causesCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/posts/causes"}, &raw); err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var list struct {
			Items []struct {
				Cause, State, Problem string
				Count                 int
			}
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return r.say("Nessun post aspetta una persona (none).")
		}
		var rows [][]string
		for _, x := range list.Items {
			rows = append(rows, []string{strconv.Itoa(x.Count), x.State, x.Cause, cut(x.Problem, 100)})
		}
		return r.table([]string{"QUANTI", "STATO", "CAUSA", "PERCHÉ"}, rows)
	})
}

type showCmd struct {
	ID string `arg:"" help:"Id di un post o di una segnalazione."`
}

// history is one event as the API tells it.
type history struct {
	Event, State, Reason string
	At                   *time.Time
	By                   struct{ Name, Role string }
	Attempt              *struct {
		Number  int
		Verdict string
		Status  int
		Raw     string
	}
}

// Run shows a post, or else a segnalazione with that id.
func (c *showCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	for _, what := range []string{"posts", "segnalazioni"} {
		err = client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/" + what + "/" + url.PathEscape(c.ID)}, &raw)
		var no *Refusal
		if err == nil || !errors.As(err, &no) || no.Status != http.StatusNotFound {
			break
		}
	}
	if err != nil {
		return err
	}
	return r.answer(raw, func() error { return r.show(raw) })
}

func (r *Run) show(raw json.RawMessage) error {
	var x struct {
		post
		Posts   []json.RawMessage
		History []history
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return err
	}
	if err := r.say("%s\n%s  %s  %s %s", x.Title, x.ID, x.State, x.Channel, x.Centre); err != nil {
		return err
	}
	for _, line := range []string{x.Problem, x.Link} {
		if line != "" {
			_ = r.say("%s", line)
		}
	}
	if len(x.Posts) > 0 {
		fmt.Fprintln(r.Term.Out)
		if err := r.postTable(x.Posts); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, h := range x.History {
		rows = append(rows, []string{moment(h.At), h.Event, h.State, who(h), told(h)})
	}
	fmt.Fprintln(r.Term.Out)
	return r.table([]string{"QUANDO", "EVENTO", "STATO", "CHI", "PERCHÉ"}, rows)
}

func who(h history) string {
	if h.By.Role == "" {
		return h.By.Name
	}
	return h.By.Name + " (" + h.By.Role + ")"
}

func told(h history) string {
	if a := h.Attempt; a != nil && a.Verdict != "" && h.Reason == "" {
		return fmt.Sprintf("tentativo %d: %s %d", a.Number, a.Verdict, a.Status)
	}
	return cut(h.Reason, 100)
}
