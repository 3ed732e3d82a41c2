// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// segnalazione is what people read of one.
type segnalazione struct {
	ID          string
	Centre      string
	State       string
	Version     uint64
	Kind        string
	Title       string
	Body        string
	Channels    []string
	Marks       []palinsesto.Problem
	SubmittedAt *time.Time `json:"submitted_at"`
}

type segnalazioniCmd struct {
	State  string `help:"Stato, come nell'elenco o nell'API: da rivedere, submitted, … (as in the list or in the API)."`
	Centre string `help:"Centro."`
	Kind   string `help:"Tipo: offerta_lavoro, evento, attivita, avviso, misura, testimonianza, diretta."`
	Search
	Limit int `default:"50" help:"Al massimo tante (at most so many)."`
}

// Run lists segnalazioni.
func (c *segnalazioniCmd) Run(r *Run) error {
	state, err := stateNamed(c.State, palinsesto.SegStates())
	if err != nil {
		return err
	}
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	q := c.Search.query(map[string]string{"state": state, "centre": c.Centre, "kind": c.Kind})
	l, err := r.list(client, "/api/v1/segnalazioni", q, c.Limit)
	if err != nil {
		return err
	}
	return r.listed(l, "Nessuna segnalazione (no segnalazioni).", r.segTable)
}

func (r *Run) segTable(items []json.RawMessage) error {
	rows := make([][]string, 0, len(items))
	for _, raw := range items {
		var x segnalazione
		if err := json.Unmarshal(raw, &x); err != nil {
			return err
		}
		rows = append(rows, []string{x.ID, palinsesto.Word(x.State), fmt.Sprint(x.Version), x.Centre, x.Kind, moment(x.SubmittedAt), x.Title})
	}
	return r.table([]string{"ID", "STATO", "VERSIONE", "CENTRO", "TIPO", "INVIATA", "TITOLO"}, rows, cut)
}

// toDecide is what the newsroom reads and types, of one that waits for it; nothing of others.
func (x segnalazione) toDecide() []string {
	if x.State != string(palinsesto.SegSubmitted) {
		return nil
	}
	lines := append(append([]string{""}, strings.Split(x.Body, "\n")...), "")
	for _, m := range x.Marks {
		lines = append(lines, string(m.Level)+" "+Line(m))
	}
	return append(lines, fmt.Sprintf("Versione %[1]d, per %[2]s. Che cosa fare (what to do): approve %[3]s --version %[1]d | request-changes %[3]s --version %[1]d --comment … | reject %[3]s --version %[1]d --reason …",
		x.Version, strings.Join(x.Channels, ", "), x.ID))
}

// Seen is what somebody decides about.
type Seen struct {
	ID      string `arg:"" help:"Id della segnalazione, come in «segnalazioni»."`
	Version uint64 `help:"Versione che si è letta, come in «show»; se manca, quella di adesso. Se intanto è cambiata non succede nulla (the version that was read; absent: the newest)." placeholder:"N"`
}

type approveCmd struct {
	Seen
	At   string `help:"Quando esce, come 2026-12-01T09:00:00+01:00; se manca, appena si può (when it goes out)." placeholder:"MOMENTO"`
	Bend bool   `help:"--at si può spostare per la distanza fra i post (may be moved by spacing)."`
	Reason
}

// Run says yes to exactly the version that was read.
func (c *approveCmd) Run(r *Run) error {
	more := map[string]any{}
	if c.At != "" {
		more["at"] = c.At
	}
	if c.Bend {
		more["bend"] = true
	}
	return r.decide(c.Seen, "approve", c.Reason.Reason, more)
}

type rejectCmd struct {
	Seen
	Reason string `required:"" help:"Perché; chi l'ha inviata lo legge (why; whoever sent it reads it)."`
}

// Run says no.
func (c *rejectCmd) Run(r *Run) error { return r.decide(c.Seen, "reject", c.Reason, nil) }

type requestChangesCmd struct {
	Seen
	Comment string `required:"" help:"Che cosa cambiare; chi l'ha inviata lo legge (what to change)."`
}

// Run sends it back.
func (c *requestChangesCmd) Run(r *Run) error {
	return r.decide(c.Seen, "request-changes", c.Comment, nil)
}

type withdrawCmd struct {
	Seen
	Reason string `required:"" help:"Perché; resta nella storia (why; stays in the history)."`
}

// Run takes it back: what is not out is cancelled, what is out is removed.
func (c *withdrawCmd) Run(r *Run) error { return r.decide(c.Seen, "withdraw", c.Reason, nil) }

// decide sends a decision about the version that was read; without one, about the newest, which is shown.
func (r *Run) decide(seen Seen, verb, reason string, more map[string]any) error {
	client, err := r.client(palinsesto.RoleRedattore)
	if err != nil {
		return err
	}
	one := "/api/v1/segnalazioni/" + url.PathEscape(seen.ID)
	if seen.Version == 0 {
		var x segnalazione
		if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: one}, &x); err != nil {
			return err
		}
		seen.Version = x.Version
		if !r.Flags.JSON {
			for _, line := range append([]string{x.Title, ""}, strings.Split(x.Body+"\n", "\n")...) {
				_ = r.say("%s", line)
			}
		}
	}
	body := map[string]any{"version": seen.Version}
	if reason != "" {
		body["reason"] = reason
	}
	for k, v := range more {
		body[k] = v
	}
	var raw json.RawMessage
	if err := client.Do(r.Ctx, Call{Method: http.MethodPost, Path: one + "/" + verb, Body: body}, &raw); err != nil {
		return told409(err, seen)
	}
	return r.answer(raw, func() error { return r.decided(raw) })
}

// told409 says what to do about a page that is not the newest.
func told409(err error, seen Seen) error {
	var no *Refusal
	if !errors.As(err, &no) || no.Code != string(palinsesto.CodeStale) {
		return err
	}
	return fmt.Errorf("%w\nSi era letta la versione %d: non è stato deciso nulla. Rileggerla con «palinsesto show %s», poi decidere di nuovo (nothing was decided: read it again).",
		err, seen.Version, seen.ID)
}

func (r *Run) decided(raw json.RawMessage) error {
	var x struct {
		segnalazione
		Approval *struct{ Due *time.Time }
		InFlight []string `json:"in_flight"`
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return err
	}
	if err := r.say("%s: %s (versione %d).", x.ID, palinsesto.Word(x.State), x.Version); err != nil {
		return err
	}
	if a := x.Approval; a != nil && x.State == string(palinsesto.SegApproved) {
		when := "appena si può (as soon as possible)"
		if a.Due != nil {
			when = moment(a.Due)
		}
		_ = r.say("Esce su %s: %s. I suoi post: palinsesto show %s", strings.Join(x.Channels, ", "), when, x.ID)
	}
	for _, id := range x.InFlight {
		_ = r.say("era già in volo (was in flight): %s", id)
	}
	return nil
}
