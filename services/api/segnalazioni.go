// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type submitInput struct {
	CommandHeaders
	ContentType string `header:"Content-Type" doc:"application/json"`
	RawBody     []byte `contentType:"application/json"`
}

// Resolve looks at what huma does not where it leaves the body alone.
func (in *submitInput) Resolve(hc huma.Context) []error {
	errs := in.CommandHeaders.Resolve(hc)
	if kind, _, _ := mime.ParseMediaType(in.ContentType); in.ContentType != "" && kind != "application/json" {
		errs = append(errs, huma.Error415UnsupportedMediaType("unknown content type"))
	}
	return errs
}

type submitOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     SegView
}

// submit hands the document on as it came: intake tells all that is wrong with it at once.
func (s *Service) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	cmd := palinsesto.Submit{
		Command: palinsesto.Command{ID: newID(), Actor: actorOf(ctx), Trace: traceOf(in.Trace)},
		Key:     in.Key, Document: in.RawBody,
	}
	data, err := contract.EncodeSubmit(cmd)
	if err != nil {
		return nil, err
	}
	reply, err := s.segReply(ctx, "intake", "submit", data)
	if err != nil {
		return nil, err
	}
	out := &submitOutput{Status: http.StatusOK, Location: "/api/v1/segnalazioni/" + reply.Segnalazione.ID}
	if reply.Created {
		out.Status = http.StatusCreated
	}
	out.Body = s.viewerFor(actorOf(ctx), inEnglish(ctx)).seg(reply.Segnalazione)
	return out, nil
}

func (s *Service) segReply(ctx context.Context, room, verb string, data []byte) (contract.SegReply, error) {
	raw, err := s.Bus.Request(ctx, room, verb, data)
	if err != nil {
		return contract.SegReply{}, err
	}
	return contract.DecodeSegReply(raw)
}

// segFor loads a segnalazione that the actor sees; of another centre there is none.
func (s *Service) segFor(ctx context.Context, id string) (contract.Event[palinsesto.Segnalazione], error) {
	if !palinsesto.ValidID(id) {
		return contract.Event[palinsesto.Segnalazione]{}, notFound()
	}
	e, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.AnySeg(id))
	if err != nil {
		return e, err
	}
	if !actorOf(ctx).Can(palinsesto.ActSee, e.State.Centre) {
		return e, notFound()
	}
	return e, nil
}

// SegFilter narrows a list of segnalazioni.
type SegFilter struct {
	State  string `query:"state" enum:"submitted,changes_requested,approved,rejected,withdrawn,expired,erased"`
	Centre string `query:"centre" maxLength:"40"`
	Kind   string `query:"kind" maxLength:"40"`
	SearchInput
}

func (s *Service) segFilter(v viewer, a palinsesto.Actor, f SegFilter) (filter, error) {
	out := newFilter(a, f.Centre, f.State)
	out.add("kind", f.Kind)
	return s.narrowed(out, f.SearchInput, v.segTexts)
}

// segTexts are what is looked through for words: nothing that the role does not see, since a search that
// finds tells as much as a page that shows.
func (v viewer) segTexts(body []byte) ([]string, error) {
	_, x, err := contract.Segnalazioni.Decode(body)
	texts := append([]string{x.Title, x.Body, x.Place, x.Link, x.Centre, x.Reason, v.person(x.Author).Name, x.ID}, x.Tags...)
	if v.contacts {
		texts = append(texts, x.ContactEmail)
	}
	return texts, err
}

type listSegInput struct {
	SegFilter
	PageInput
}

type segListOutput struct {
	Body struct {
		Page
		Items []SegView `json:"items"`
	}
}

func (s *Service) listSegnalazioni(ctx context.Context, in *listSegInput) (*segListOutput, error) {
	a, out := actorOf(ctx), &segListOutput{}
	out.Body.Items = []SegView{}
	v := s.viewerFor(a, inEnglish(ctx))
	f, err := s.segFilter(v, a, in.SegFilter)
	if err != nil {
		return nil, err
	}
	out.Body.Page, err = s.find(ctx, "seg", f, in.PageInput, func(body []byte) error {
		_, x, err := contract.Segnalazioni.Decode(body)
		if err == nil {
			out.Body.Items = append(out.Body.Items, v.segBrief(x))
		}
		return err
	})
	return out, err
}

type oneInput struct {
	ID string `path:"id" maxLength:"64"`
}

type segOutput struct {
	Body struct {
		SegView
		Posts   []PostView     `json:"posts"`
		History []HistoryEntry `json:"history" doc:"Oldest first; at most 500 events"`
	}
}

// historyMost bounds what one answer tells of the past.
const historyMost = 500

func (s *Service) getSegnalazione(ctx context.Context, in *oneInput) (*segOutput, error) {
	e, err := s.segFor(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v := s.viewerFor(actorOf(ctx), inEnglish(ctx))
	out := &segOutput{}
	out.Body.SegView = v.seg(e.State)
	if out.Body.Posts, err = s.postsOf(ctx, v, e.State); err != nil {
		return nil, err
	}
	records, err := s.Bus.History(ctx, e.Subject, historyMost)
	if err != nil {
		return nil, err
	}
	out.Body.History = make([]HistoryEntry, 0, len(records))
	for _, r := range records {
		past, err := bus.Decode(contract.Segnalazioni, r)
		if err != nil {
			continue // told by the check; the rest of the history is still worth reading
		}
		h := entry(v, past)
		h.State, h.Version = string(past.State.State), past.State.Version
		if past.Name == string(palinsesto.SegWasApproved) {
			h.Edits = v.edits(past.State.Approval)
		}
		out.Body.History = append(out.Body.History, h)
	}
	return out, nil
}

// postsOf reads the posts of a segnalazione from the log: their ids follow from its channels.
func (s *Service) postsOf(ctx context.Context, v viewer, x palinsesto.Segnalazione) ([]PostView, error) {
	channels := map[string]bool{}
	for _, c := range x.Ever {
		channels[c] = true
	}
	if x.Approval != nil {
		for _, variant := range x.Approval.Variants {
			channels[variant.Channel] = true
		}
	}
	subjects := make([]string, 0, len(channels))
	for c := range channels {
		subjects = append(subjects, contract.PostSubject(c, palinsesto.PostID(x.ID, c, 0)))
	}
	out := []PostView{}
	if len(subjects) == 0 {
		return out, nil
	}
	records, err := s.Bus.Newest(ctx, 0, subjects...)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		p, err := bus.Decode(contract.Posts, r)
		if err != nil {
			return nil, err
		}
		out = append(out, v.post(p.State))
	}
	return out, nil
}
