// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"cmp"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// viewer turns states into JSON for one actor: what the role may not see is left out here, for
// answers, events and CSV alike.
type viewer struct {
	s        *Service
	contacts bool
	names    bool // of the people in the centres
	english  bool
}

func (s *Service) viewerFor(a palinsesto.Actor, english bool) viewer {
	may := reaches(a, palinsesto.ActSeeContacts)
	return viewer{s: s, contacts: may, names: may, english: english}
}

// Person is who did something.
type Person struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Role   string `json:"role,omitempty" doc:"Empty: the house itself"`
	Centre string `json:"centre,omitempty"`
}

// person leaves out who in a centre it was for those who see no contacts: the centre is enough.
func (v viewer) person(a palinsesto.Actor) Person {
	p := Person{ID: a.ID, Name: a.Name, Role: string(a.Role), Centre: a.Centre}
	if a.Role == palinsesto.RoleReferente && !v.names {
		p.ID, p.Name = "", ""
	}
	return p
}

// MediaView is one file of a segnalazione.
type MediaView struct {
	ID       string `json:"id" doc:"SHA-256 of the file: GET /api/v1/media/{id}"`
	Filename string `json:"filename"`
	Alt      string `json:"alt"`
	Kind     string `json:"kind" doc:"image, video or captions"`
	MIME     string `json:"mime"`
	Bytes    int64  `json:"bytes"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
}

func mediaView(m palinsesto.Media) MediaView {
	return MediaView{ID: m.Hash, Filename: m.Filename, Alt: m.Alt, Kind: m.Kind, MIME: m.MIME, Bytes: m.Bytes, Width: m.Width, Height: m.Height}
}

func mediaViews(in []palinsesto.Media) []MediaView {
	out := make([]MediaView, 0, len(in))
	for _, m := range in {
		out = append(out, mediaView(m))
	}
	return out
}

// SegView is a segnalazione.
type SegView struct {
	ID             string        `json:"id"`
	Centre         string        `json:"centre"`
	State          string        `json:"state"`
	Version        uint64        `json:"version"`
	Kind           string        `json:"kind"`
	Title          string        `json:"title"`
	Body           string        `json:"body,omitempty" doc:"Left out in lists"`
	StartsAt       *time.Time    `json:"starts_at"`
	EndsAt         *time.Time    `json:"ends_at"`
	ExpiresAt      *time.Time    `json:"expires_at"`
	Place          string        `json:"place"`
	Link           string        `json:"link"`
	ContactEmail   *string       `json:"contact_email,omitempty" doc:"Left out for a lettore"`
	Tags           []string      `json:"tags"`
	Media          []MediaView   `json:"media"`
	WantedChannels []string      `json:"wanted_channels"`
	Channels       []string      `json:"channels" doc:"Ids of the channels that the wanted ones came to"`
	Marks          []Finding     `json:"marks"`
	Similar        []string      `json:"similar"`
	Author         Person        `json:"author"`
	SubmittedAt    *time.Time    `json:"submitted_at"`
	Reason         string        `json:"reason,omitempty"`
	Approval       *ApprovalView `json:"approval,omitempty"`
}

// ApprovalView is a yes to exactly these variants.
type ApprovalView struct {
	By       Person               `json:"by"`
	At       *time.Time           `json:"at"`
	Due      *time.Time           `json:"due" doc:"null: as soon as spacing allows"`
	Bend     bool                 `json:"bend"`
	Hash     string               `json:"hash"`
	SelfMade bool                 `json:"self_made,omitempty" doc:"The approver wrote it, as the configuration of a one-person office allows"`
	Edits    []EditView           `json:"edits,omitempty" doc:"What the approver wrote in place of what the channels would have got; absent: nothing"`
	Variants []palinsesto.Variant `json:"variants,omitempty" doc:"Left out in lists"`
}

// EditView says that what goes out on a channel is the approver's own.
type EditView struct {
	Channel     string   `json:"channel"`
	What        []string `json:"what" doc:"text, formatting, media, alt, preview or parts"`
	DefaultHash string   `json:"default_hash" doc:"Of what the channel would have got"`
	Note        string   `json:"note" doc:"The same as a sentence"`
}

var editWords = map[string][2]string{
	palinsesto.EditedText: {"testo", "text"}, palinsesto.EditedFormatting: {"formattazione", "formatting"},
	palinsesto.EditedMedia: {"immagini e video", "pictures and videos"}, palinsesto.EditedAlt: {"testi alternativi", "alternative texts"},
	palinsesto.EditedPreview: {"anteprima del link", "link preview"}, palinsesto.EditedParts: {"numero delle parti", "number of parts"},
}

func (v viewer) edits(a *palinsesto.Approval) []EditView {
	if a == nil {
		return nil
	}
	out := make([]EditView, 0, len(a.Edits))
	for _, e := range a.Edits {
		words := make([]string, 0, len(e.What))
		for _, w := range e.What {
			said := editWords[w] // of a newer version's word, its name
			words = append(words, cmp.Or(pick(v.english, said[0], said[1]), w))
		}
		all := strings.Join(words, ", ")
		out = append(out, EditView{Channel: e.Channel, What: listed(e.What), DefaultHash: e.DefaultHash,
			Note: pick(v.english, "Testo modificato da chi approva su "+e.Channel+": "+all+".", "Changed by the approver on "+e.Channel+": "+all+".")})
	}
	return out
}

// seg is a whole segnalazione.
func (v viewer) seg(x palinsesto.Segnalazione) SegView {
	out := v.segBrief(x)
	out.Body = x.Body
	if x.Approval != nil {
		out.Approval.Variants = x.Approval.Variants
	}
	return out
}

// segBrief is a segnalazione as lists show it.
func (v viewer) segBrief(x palinsesto.Segnalazione) SegView {
	out := SegView{
		ID: x.ID, Centre: x.Centre, State: string(x.State), Version: x.Version, Kind: string(x.Kind), Title: x.Title,
		StartsAt: written(x.StartsAt), EndsAt: written(x.EndsAt), ExpiresAt: written(x.ExpiresAt),
		Place: x.Place, Link: x.Link, Tags: listed(x.Tags), Media: mediaViews(x.Media), WantedChannels: listed(x.WantedChannels),
		Channels: listed(x.Channels), Marks: v.marks(x.Marks), Similar: listed(x.Similar), Author: v.person(x.Author),
		SubmittedAt: v.s.moment(x.SubmittedAt), Reason: x.Reason,
	}
	if v.contacts {
		out.ContactEmail = &x.ContactEmail
	}
	if a := x.Approval; a != nil {
		out.Approval = &ApprovalView{By: v.person(a.By), At: v.s.moment(a.At), Due: v.s.moment(a.Due), Bend: a.Bend, Hash: a.Hash, SelfMade: a.SelfMade, Edits: v.edits(a)}
	}
	return out
}

// marks of the contact's field may quote it.
func (v viewer) marks(in []palinsesto.Problem) []Finding {
	out := findings(in, v.english)
	if v.contacts {
		return out
	}
	kept := out[:0]
	for _, f := range out {
		if f.Field != "contact_email" {
			kept = append(kept, f)
		}
	}
	return kept
}

// HistoryEntry is one event: what happened, when, who did it and why.
type HistoryEntry struct {
	Seq     uint64       `json:"seq"`
	Event   string       `json:"event"`
	At      *time.Time   `json:"at"`
	By      Person       `json:"by"`
	Reason  string       `json:"reason,omitempty"`
	State   string       `json:"state"`
	Version uint64       `json:"version,omitempty"`
	Due     *time.Time   `json:"due,omitempty"`
	Attempt *AttemptView `json:"attempt,omitempty"`
	Edits   []EditView   `json:"edits,omitempty" doc:"Of an approval: what the approver wrote in place of what the channels would have got"`
}

func entry[T any](v viewer, e contract.Event[T]) HistoryEntry {
	return HistoryEntry{Seq: e.Seq, Event: e.Name, At: v.s.moment(e.Time), By: v.person(e.Envelope.Actor), Reason: e.Envelope.Reason}
}
