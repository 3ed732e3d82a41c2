// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// none is an answer without a body.
type none struct{}

// CommandHeaders are what every command may carry. This and the like are exported because huma looks
// into exported embedded structs only.
type CommandHeaders struct {
	Key   string `header:"Idempotency-Key" doc:"At most 200 printable ASCII characters; the same command under the same key is done once"`
	Trace string `header:"traceparent" doc:"W3C trace context"`
}

const keyMost = 200

// Resolve checks what no schema says well: huma calls it.
func (h *CommandHeaders) Resolve(huma.Context) []error {
	if len(h.Key) > keyMost || strings.ContainsFunc(h.Key, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return []error{&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "invalid: at most 200 printable ASCII characters"}}
	}
	return nil
}

// command begins one: with an Idempotency-Key it has the same id whenever the same is sent again, so
// that it is done once; the same key with other words is another command.
func (h *CommandHeaders) command(ctx context.Context, what, target string, body any) palinsesto.Command {
	a := actorOf(ctx)
	c := palinsesto.Command{ID: newID(), Actor: a, Trace: traceOf(h.Trace)}
	if h.Key == "" {
		return c
	}
	words, err := json.Marshal(body)
	if err == nil {
		c.ID = palinsesto.DeriveID("http", a.ID, what, target, h.Key, string(words))
	}
	return c
}

// IDInput names what a request is about.
type IDInput struct {
	CommandHeaders
	ID string `path:"id" maxLength:"64"`
}

// ReasonQuery is a reason where there is no body.
type ReasonQuery struct {
	Reason string `query:"reason" maxLength:"2000"`
}

// ReasonBody is a command that needs nothing but a reason.
type ReasonBody struct {
	Reason string `json:"reason,omitempty" maxLength:"4000" doc:"Stays in the history"`
}

// VersionBody is a decision on what a page showed.
type VersionBody struct {
	Version uint64 `json:"version" doc:"That the page showed: 409 when it is not the newest"`
	Reason  string `json:"reason,omitempty" maxLength:"4000" doc:"Stays in the history"`
}

// moment is a time in the organisation's zone; nil for none.
func (s *Service) moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.In(s.cfg.Location())
	return &t
}

// written is a time with the offset that was written; nil for none.
func written(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// given is the moment that a request asks for, if any. An offset that is not the zone's there was a slip of
// an hour in a segnalazione, and is one here; universal time is what machines write, and nobody misreads.
func (s *Service) given(t *time.Time) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	it, en := rules.FaultOfOffset(*t, s.cfg.Location())
	if _, offset := t.Zone(); it == "" || offset == 0 {
		return *t, nil
	}
	e := invalid("at", it, en)
	e.Problems[0].Code = "V-OFFSET"
	return time.Time{}, e
}

// listed is a list that is never null.
func listed[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func documentBody(op *huma.Operation) {
	op.SkipValidateBody = true // intake reads the document as it came
	op.RequestBody = &huma.RequestBody{
		Description: "A segnalazione as a JSON object: centre, kind, title, body, starts_at, ends_at, expires_at, place, link, contact_email, tags, media[{id, filename, alt}], wanted_channels",
		Required:    true,
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object", AdditionalProperties: true}}},
	}
}

func uploadBody(op *huma.Operation) {
	op.SkipValidateBody = true
	file := &huma.Schema{Type: "string", Format: "binary"}
	op.RequestBody = &huma.RequestBody{
		Description: "multipart/form-data with file, alt and filename; or the bytes alone, with filename and alt in the query",
		Required:    true,
		Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: "object", Required: []string{"file"}, Properties: map[string]*huma.Schema{
				"file": file, "alt": {Type: "string"}, "filename": {Type: "string"},
			}}},
			"application/octet-stream": {Schema: file},
		},
	}
}

func answers(mediaType string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK),
			Content: map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: "string"}}}}
	}
}
