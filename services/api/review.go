// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// DecidedOutput is the state after a decision.
type DecidedOutput struct {
	Body struct {
		SegView
		InFlight []string `json:"in_flight,omitempty" doc:"After withdraw: posts that were being sent; their outcome is still to come"`
	}
}

// decided loads what a decision is about, so that one of another centre is not found, and sends it.
func (s *Service) decided(ctx context.Context, id string, needs palinsesto.Action, room, verb string, data []byte, err error) (*DecidedOutput, error) {
	if err != nil {
		return nil, err
	}
	e, err := s.segFor(ctx, id)
	if err != nil {
		return nil, err
	}
	a := actorOf(ctx)
	if !a.Can(needs, e.State.Centre) {
		return nil, forbidden()
	}
	reply, err := s.segReply(ctx, room, verb, data)
	if err != nil {
		return nil, err
	}
	out := &DecidedOutput{}
	out.Body.SegView, out.Body.InFlight = s.viewerFor(a, inEnglish(ctx)).seg(reply.Segnalazione), reply.InFlight
	return out, nil
}

type approveInput struct {
	IDInput
	Body struct {
		VersionBody
		At       *time.Time     `json:"at,omitempty" doc:"RFC 3339; absent: as soon as the channels' spacing allows"`
		Bend     bool           `json:"bend,omitempty" doc:"at may be moved by spacing; else a clash is told"`
		Variants []VariantInput `json:"variants,omitempty" maxItems:"50" doc:"In place of what the channel would get by default"`
	}
}

// VariantInput is what one channel gets instead.
type VariantInput struct {
	Channel string      `json:"channel" minLength:"1" maxLength:"40"`
	Parts   []PartInput `json:"parts" minItems:"1" maxItems:"10"`
}

// PartInput is one publishing request.
type PartInput struct {
	Text    string            `json:"text,omitempty" maxLength:"60000"`
	Spans   []palinsesto.Span `json:"spans,omitempty" maxItems:"500"`
	Media   []MediaInput      `json:"media,omitempty" maxItems:"20"`
	Preview bool              `json:"preview,omitempty"`
}

// MediaInput is a file of the segnalazione; what is left out is taken from there by approval.
type MediaInput struct {
	ID       string `json:"id" minLength:"64" maxLength:"64"`
	Filename string `json:"filename,omitempty" maxLength:"255"`
	Alt      string `json:"alt,omitempty" maxLength:"4000"`
	Kind     string `json:"kind,omitempty" maxLength:"20"`
	MIME     string `json:"mime,omitempty" maxLength:"100"`
	Bytes    int64  `json:"bytes,omitempty" minimum:"0"`
	Width    int    `json:"width,omitempty" minimum:"0" maximum:"100000"`
	Height   int    `json:"height,omitempty" minimum:"0" maximum:"100000"`
}

func (m MediaInput) media() palinsesto.Media {
	return palinsesto.Media{Hash: m.ID, Filename: m.Filename, Alt: m.Alt, Kind: m.Kind, MIME: m.MIME, Bytes: m.Bytes, Width: m.Width, Height: m.Height}
}

func (v VariantInput) variant() palinsesto.Variant {
	out := palinsesto.Variant{Channel: v.Channel, Parts: make([]palinsesto.Part, 0, len(v.Parts))}
	for _, p := range v.Parts {
		part := palinsesto.Part{Text: p.Text, Spans: p.Spans, Preview: p.Preview}
		for _, m := range p.Media {
			part.Media = append(part.Media, m.media())
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

func (s *Service) approve(ctx context.Context, in *approveInput) (*DecidedOutput, error) {
	at, err := s.given(in.Body.At)
	if err != nil {
		return nil, err
	}
	cmd := palinsesto.Approve{
		Command: in.command(ctx, "approve", in.ID, in.Body), SegnalazioneID: in.ID, Version: in.Body.Version,
		Due: at, Bend: in.Body.Bend, Reason: in.Body.Reason,
	}
	for _, v := range in.Body.Variants {
		cmd.Variants = append(cmd.Variants, v.variant())
	}
	data, err := contract.EncodeApprove(cmd)
	return s.decided(ctx, in.ID, palinsesto.ActReview, "approval", "approve", data, err)
}

type decideInput struct {
	IDInput
	Body VersionBody
}

func (s *Service) reject(ctx context.Context, in *decideInput) (*DecidedOutput, error) {
	return s.decide(ctx, in.command(ctx, "reject", in.ID, in.Body), in.ID, palinsesto.ActReview, "reject", in.Body)
}

func (s *Service) requestChanges(ctx context.Context, in *decideInput) (*DecidedOutput, error) {
	return s.decide(ctx, in.command(ctx, "request-changes", in.ID, in.Body), in.ID, palinsesto.ActReview, "request-changes", in.Body)
}

type withdrawInput struct {
	IDInput
	Body struct {
		Version uint64 `json:"version,omitempty" doc:"Absent: whatever the newest is"`
		Reason  string `json:"reason,omitempty" maxLength:"4000" doc:"Stays in the history"`
	}
}

func (s *Service) withdraw(ctx context.Context, in *withdrawInput) (*DecidedOutput, error) {
	return s.decide(ctx, in.command(ctx, "withdraw", in.ID, in.Body), in.ID, palinsesto.ActSubmit, "withdraw", VersionBody(in.Body))
}

type commentInput struct {
	IDInput
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
	}
}

func (s *Service) comment(ctx context.Context, in *commentInput) (*DecidedOutput, error) {
	return s.decide(ctx, in.command(ctx, "comment", in.ID, in.Body), in.ID, palinsesto.ActSubmit, "comment", VersionBody{Reason: in.Body.Text})
}

func (s *Service) decide(ctx context.Context, c palinsesto.Command, id string, needs palinsesto.Action, verb string, b VersionBody) (*DecidedOutput, error) {
	data, err := contract.EncodeDecide(palinsesto.Decide{Command: c, SegnalazioneID: id, Version: b.Version, Reason: b.Reason})
	return s.decided(ctx, id, needs, "approval", verb, data, err)
}

type reviseInput struct {
	IDInput
	Body struct {
		VersionBody
		Document json.RawMessage `json:"document" doc:"The whole segnalazione as it is to be, as in submit"`
	}
}

func (s *Service) revise(ctx context.Context, in *reviseInput) (*DecidedOutput, error) {
	data, err := contract.EncodeRevise(palinsesto.Revise{
		Command: in.command(ctx, "revise", in.ID, in.Body), SegnalazioneID: in.ID, Version: in.Body.Version,
		Document: in.Body.Document, Reason: in.Body.Reason,
	})
	return s.decided(ctx, in.ID, palinsesto.ActSubmit, "intake", "revise", data, err)
}
