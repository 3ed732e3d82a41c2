// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// PostView is a post.
type PostView struct {
	ID           string       `json:"id"`
	Segnalazione string       `json:"segnalazione"`
	Centre       string       `json:"centre"`
	Channel      string       `json:"channel"`
	Network      string       `json:"network"`
	Kind         string       `json:"kind"`
	Title        string       `json:"title"`
	State        string       `json:"state"`
	NeedsHand    bool         `json:"needs_hand"`
	Cause        string       `json:"cause,omitempty" doc:"A short code to group by"`
	Problem      string       `json:"problem,omitempty" doc:"The same as a sentence"`
	Due          *time.Time   `json:"due"`
	FirstDue     *time.Time   `json:"first_due"`
	Bend         bool         `json:"bend"`
	Expires      *time.Time   `json:"expires"`
	Hold         string       `json:"hold,omitempty"`
	Link         string       `json:"link,omitempty"`
	PostedAt     *time.Time   `json:"posted_at"`
	Attempts     int          `json:"attempts"`
	Retries      int          `json:"retries"`
	Parts        []PartView   `json:"parts"`
	Attempt      *AttemptView `json:"attempt,omitempty" doc:"The newest"`
	Change       *ChangeView  `json:"change,omitempty"`
}

// PartView is what became of one publishing request of a post.
type PartView struct {
	Posted    bool     `json:"posted"`
	RemoteIDs []string `json:"remote_ids"`
	Link      string   `json:"link,omitempty"`
}

// AttemptView is one try to publish one part.
type AttemptView struct {
	Number   int        `json:"number"`
	Part     int        `json:"part"`
	Intended *time.Time `json:"intended"`
	Verdict  string     `json:"verdict" doc:"Empty while it is open"`
	Status   int        `json:"status,omitempty" doc:"HTTP status of the network"`
	TookMS   int64      `json:"took_ms,omitempty"`
	Raw      string     `json:"raw,omitempty" doc:"The network's answer, bounded and without secrets"`
	Settled  string     `json:"settled,omitempty" doc:"How an uncertain attempt was settled, as a sentence"`

	Settlement *SettlementView `json:"settlement,omitempty" doc:"The same for programs"`
	Check      *CheckView      `json:"check,omitempty" doc:"The newest look for it on the network, while it is uncertain"`
}

// SettlementView is by what it became known what an uncertain attempt came to.
type SettlementView struct {
	By       string     `json:"by" doc:"person, found (the network showed it), same_key (the network answered the same idempotency key), late_answer or notes"`
	At       *time.Time `json:"at"`
	Evidence string     `json:"evidence,omitempty" doc:"The link that a person gave, or the network's answer, bounded and without secrets"`
}

// CheckView is one try of the house to find out what became of an uncertain attempt.
type CheckView struct {
	Number  int        `json:"number" doc:"From 1"`
	Kind    string     `json:"kind" doc:"find or resend"`
	At      *time.Time `json:"at"`
	Verdict string     `json:"verdict" doc:"Empty while it is under way"`
	Detail  string     `json:"detail,omitempty"`
}

// ChangeView is an edit or a removal on the network.
type ChangeView struct {
	Kind    string `json:"kind" doc:"edit or remove"`
	By      Person `json:"by"`
	Reason  string `json:"reason,omitempty"`
	Tries   int    `json:"tries"`
	Problem string `json:"problem,omitempty"`
	Cause   string `json:"cause,omitempty"`
}

func (v viewer) post(p palinsesto.Post) PostView {
	out := PostView{
		ID: p.ID, Segnalazione: p.Segnalazione, Centre: p.Centre, Channel: p.Channel, Network: p.Network,
		Kind: string(p.Kind), Title: p.Title, State: string(p.State), NeedsHand: p.NeedsHand(), Cause: p.Cause, Problem: p.Problem,
		Due: v.s.moment(p.Due), FirstDue: v.s.moment(p.FirstDue), Bend: p.Bend, Expires: v.s.moment(p.Expires),
		Hold: p.Hold, Link: p.Link, PostedAt: v.s.moment(p.PostedAt), Attempts: p.Attempts, Retries: p.Retries,
		Parts: make([]PartView, 0, len(p.Parts)), Attempt: v.attempt(p.Attempt),
	}
	for _, x := range p.Parts {
		out.Parts = append(out.Parts, PartView{Posted: x.Posted, RemoteIDs: listed(x.RemoteIDs), Link: x.Link})
	}
	if c := p.Change; c != nil {
		out.Change = &ChangeView{Kind: c.Kind, By: v.person(c.By), Reason: c.Reason, Tries: c.Tries, Problem: c.Problem, Cause: c.Cause}
	}
	return out
}

func (v viewer) attempt(a *palinsesto.Attempt) *AttemptView {
	if a == nil {
		return nil
	}
	out := &AttemptView{Number: a.Number, Part: a.Part, Intended: v.s.moment(a.Intended), Verdict: a.Verdict, Status: a.Status,
		TookMS: a.Took.Milliseconds(), Raw: a.Raw, Settled: a.Settled}
	if x := a.Settlement; x != nil {
		out.Settlement = &SettlementView{By: string(x.By), At: v.s.moment(x.At), Evidence: x.Evidence}
	}
	if x := a.Check; x != nil {
		out.Check = &CheckView{Number: x.Number, Kind: x.Kind, At: v.s.moment(x.At), Verdict: x.Verdict, Detail: x.Detail}
	}
	return out
}
