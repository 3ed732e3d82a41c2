// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
	PostedAt  *time.Time `json:"posted_at"`
	NeedsHand bool       `json:"needs_hand"`
	Attempts  int
}

type postsCmd struct {
	State   string `help:"Stato, come nell'elenco o nell'API: incerto, uncertain, … (as in the list or in the API)."`
	Channel string `help:"Canale."`
	Centre  string `help:"Centro."`
	Cause   string `help:"Causa, come in «causes»."`
	Hand    bool   `help:"Solo quelli che aspettano una persona (those that need a hand)."`
	Search
	Limit int `default:"50" help:"Al massimo tanti (at most so many)."`
}

// Run lists posts.
func (c *postsCmd) Run(r *Run) error {
	state, err := stateNamed(c.State, palinsesto.PostStates())
	if err != nil {
		return err
	}
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	q := c.Search.query(map[string]string{"state": state, "channel": c.Channel, "centre": c.Centre, "cause": c.Cause})
	if c.Hand {
		q.Set("hand", "true")
	}
	l, err := r.list(client, "/api/v1/posts", q, c.Limit)
	if err != nil {
		return err
	}
	return r.listed(l, "Nessun post (no posts).", r.postTable)
}

// stateNamed is the name of a state that people give by its name or by its word.
func stateNamed[S ~string](given string, all []S) (string, error) {
	if given == "" {
		return "", nil
	}
	var known []string
	for _, s := range all {
		if given == string(s) || strings.EqualFold(given, palinsesto.Word(string(s))) {
			return string(s), nil
		}
		known = append(known, fmt.Sprintf("%s (%s)", palinsesto.Word(string(s)), s))
	}
	return "", Usage("--state " + given + ": non è uno stato; sono (no such state; there are): " + strings.Join(known, ", "))
}

func (r *Run) postTable(items []json.RawMessage) error {
	rows := make([][]string, 0, len(items))
	for _, raw := range items {
		var p post
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		rows = append(rows, []string{p.ID, palinsesto.Word(p.State), p.Channel, p.Centre, p.when(), p.Cause, p.Title})
	}
	return r.table([]string{"ID", "STATO", "CANALE", "CENTRO", "QUANDO", "CAUSA", "TITOLO"}, rows, cut)
}

// when it went out, or else when it is to.
func (p post) when() string {
	if p.PostedAt != nil {
		return moment(p.PostedAt)
	}
	return moment(p.Due)
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
			rows = append(rows, []string{strconv.Itoa(x.Count), palinsesto.Word(x.State), x.Cause, nextAct(x.State, x.Cause, "ID"), x.Problem})
		}
		return r.table([]string{"QUANTI", "STATO", "CAUSA", "CHE COSA FARE", "PERCHÉ"}, rows, wrap)
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
	Edits                []struct{ Note string }
	Attempt              *struct {
		Number  int
		Verdict string
		Status  int
		Raw     string

		Settlement *struct{ By, Evidence string }
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
	if err := r.say("%s\n%s  %s  %s %s", x.Title, x.ID, palinsesto.Word(x.State), x.Channel, x.Centre); err != nil {
		return err
	}
	act := ""
	if x.NeedsHand {
		act = "Che cosa fare (what to do): " + nextAct(x.State, x.Cause, cmp.Or(x.ID, "ID"), x.Channel)
	}
	for _, line := range []string{x.Problem, act, x.Link} {
		if line != "" {
			_ = r.say("%s", line)
		}
	}
	var seg segnalazione
	if err := json.Unmarshal(raw, &seg); err != nil {
		return err
	}
	for _, line := range seg.toDecide() {
		_ = r.say("%s", line)
	}
	if len(x.Posts) > 0 {
		fmt.Fprintln(r.Term.Out)
		if err := r.postTable(x.Posts); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, h := range x.History {
		rows = append(rows, []string{moment(h.At), palinsesto.Word(h.Event), palinsesto.Word(h.State), who(h), edited(h)})
	}
	fmt.Fprintln(r.Term.Out)
	return r.table([]string{"QUANDO", "EVENTO", "STATO", "CHI", "PERCHÉ"}, rows, wrap)
}

func who(h history) string {
	if h.By.Role == "" {
		return h.By.Name
	}
	return h.By.Name + " (" + h.By.Role + ")"
}

// evidenceMost bounds what a table shows of an answer; the whole stands in --json.
const evidenceMost = 120

func told(h history) string {
	a := h.Attempt
	if settles := h.Event == "resolved" || h.Event == "posted" || h.Event == "prepared"; settles && a != nil && a.Settlement != nil {
		text := palinsesto.Word(a.Settlement.By)
		if e := []rune(a.Settlement.Evidence); len(e) > 0 {
			text += ": " + string(e[:min(evidenceMost, len(e))])
		}
		if h.Reason != "" {
			text = h.Reason + " — " + text
		}
		return text
	}
	if a == nil || a.Verdict == "" || h.Reason != "" {
		return h.Reason
	}
	if a.Status == 0 {
		return fmt.Sprintf("tentativo %d: %s", a.Number, palinsesto.Word(a.Verdict))
	}
	return fmt.Sprintf("tentativo %d: %s (HTTP %d)", a.Number, palinsesto.Word(a.Verdict), a.Status)
}

// edited says what the approver changed.
func edited(h history) string {
	why := told(h)
	for _, e := range h.Edits {
		why = strings.TrimSpace(why + " " + e.Note)
	}
	return why
}

// nextAct is the command that moves on what waits for a person.
func nextAct(state, cause, id string, channel ...string) string {
	switch {
	case state == string(palinsesto.PostUncertain):
		return "resolve " + id + " --out --link URL | --not-out"
	case state == string(palinsesto.PostHeld):
		return "channel reconnected " + strings.Join(append(channel, "CANALE")[:1], "")
	case strings.HasSuffix(cause, "_by_hand") || cause == "half_out" || cause == "channel_dropped":
		return "resolve " + id + " --done --reason …"
	case state == string(palinsesto.PostFailed) || state == string(palinsesto.PostMissed):
		return "requeue " + id + " | cancel " + id
	default:
		return "show " + id
	}
}
