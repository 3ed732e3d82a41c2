// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Problem is every error of this API: RFC 9457 (application/problem+json), with the house's code and
// all findings at once.
type Problem struct {
	Type     string    `json:"type" doc:"A URI that names the kind of problem"`
	Title    string    `json:"title"`
	Status   int       `json:"status"`
	Detail   string    `json:"detail" doc:"What happened, what it means, what to do: in Italian, or in English by Accept-Language"`
	Code     string    `json:"code" doc:"invalid, not_found, forbidden, unauthorized, stale, conflict, key_reused, too_large, busy, full, method_not_allowed or internal"`
	Instance string    `json:"instance,omitempty" doc:"This very answer, as it stands in the log of the house"`
	Problems []Finding `json:"problems,omitempty"`

	retry int // seconds, for Retry-After
}

// Finding is one thing that is wrong, or to be known.
type Finding struct {
	Code  string `json:"code" example:"V-URL"`
	Level string `json:"level" enum:"error,mark,fix,note"`
	Field string `json:"field" example:"media[0].alt" doc:"Empty: the whole document"`
	Text  string `json:"text"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders tells huma what else belongs to the answer.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="palinsesto"`)
	}
	return h
}

const (
	problemType = "application/problem+json"
	retryAfter  = 2 // seconds, for what is busy
)

// kind is what the codes are to HTTP and to people.
type kind struct {
	status int
	it, en string
}

var kinds = map[palinsesto.Code]kind{
	palinsesto.CodeInvalid:      {http.StatusUnprocessableEntity, "Dati non validi", "Invalid data"},
	palinsesto.CodeNotFound:     {http.StatusNotFound, "Non trovato", "Not found"},
	palinsesto.CodeForbidden:    {http.StatusForbidden, "Non permesso", "Forbidden"},
	palinsesto.CodeUnauthorized: {http.StatusUnauthorized, "Accesso non riconosciuto", "Unauthorized"},
	palinsesto.CodeStale:        {http.StatusConflict, "Pagina non aggiornata", "Stale page"},
	palinsesto.CodeConflict:     {http.StatusConflict, "Non possibile in questo stato", "Conflict"},
	palinsesto.CodeKeyReused:    {http.StatusUnprocessableEntity, "Chiave già usata", "Idempotency-Key reused"},
	palinsesto.CodeTooLarge:     {http.StatusRequestEntityTooLarge, "Troppo grande", "Too large"},
	palinsesto.CodeBusy:         {http.StatusServiceUnavailable, "Servizio occupato", "Busy"},
	palinsesto.CodeFull:         {http.StatusInsufficientStorage, "Spazio esaurito", "Storage full"},
	palinsesto.CodeInternal:     {http.StatusInternalServerError, "Errore interno", "Internal error"},
}

// problem turns any error into what people get. What is not meant for them is logged and not told.
func (s *Service) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *palinsesto.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, bus.ErrNone):
		e = notFound()
	case errors.Is(err, index.ErrNoIndex):
		e = palinsesto.Refuse(palinsesto.CodeBusy,
			"Gli elenchi si stanno ricostruendo: riprovare fra qualche secondo. Nulla è andato perso.",
			"The lists are being rebuilt: try again in a few seconds. Nothing is lost.")
	case errors.Is(err, index.ErrQuery):
		e = invalid("cursor", "Il cursore non è di questo elenco: ricominciare dalla prima pagina.", "The cursor is not of this list: start again.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e = palinsesto.Refuse(palinsesto.CodeBusy, "La risposta non è arrivata in tempo: riprovare.", "No answer in time: try again.")
	default:
		s.Log.ErrorContext(ctx, "request failed", "request", requestID(ctx), "error", err)
		e = faultOfOurs()
	}
	return makeProblem(ctx, e)
}

func makeProblem(ctx context.Context, e *palinsesto.Error) *Problem {
	k, known := kinds[e.Code]
	if !known {
		k = kinds[palinsesto.CodeInternal]
	}
	english := inEnglish(ctx)
	p := &Problem{
		Type: "urn:palinsesto:problem:" + string(e.Code), Title: pick(english, k.it, k.en), Status: k.status,
		Detail: pick(english, e.Text, e.TextEN), Code: string(e.Code), Problems: findings(e.Problems, english),
	}
	if id := requestID(ctx); id != "" {
		p.Instance = "urn:uuid:" + id
	}
	if e.Code == palinsesto.CodeBusy {
		p.retry = retryAfter
	}
	return p
}

func findings(in []palinsesto.Problem, english bool) []Finding {
	out := make([]Finding, 0, len(in))
	for _, p := range in {
		out = append(out, Finding{Code: p.Code, Level: string(p.Level), Field: p.Field, Text: pick(english, p.Text, p.TextEN)})
	}
	return out
}

func pick(english bool, it, en string) string {
	if english && en != "" || it == "" {
		return en
	}
	return it
}

func notFound() *palinsesto.Error {
	return palinsesto.Refuse(palinsesto.CodeNotFound,
		"Non c'è nulla con questo codice, o non è visibile con questo accesso.",
		"There is nothing with this id, or this access does not see it.")
}

func faultOfOurs() *palinsesto.Error {
	return palinsesto.Refuse(palinsesto.CodeInternal,
		"Qualcosa non ha funzionato da parte nostra: riprovare; se si ripete, comunicare il codice della risposta a chi gestisce il servizio.",
		"Something failed on our side: try again; if it happens again, tell whoever runs the service the id of this answer.")
}

func invalid(field, it, en string) *palinsesto.Error {
	return &palinsesto.Error{
		Code: palinsesto.CodeInvalid, Text: "La richiesta ha un campo non valido.", TextEN: "A field of the request is invalid.",
		Problems: []palinsesto.Problem{{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en}},
	}
}

// ours is a transformer of huma: what it refuses by itself (a wrong type, a body too large) becomes a
// Problem like all others. Values are not echoed: they may be secrets, and are as hostile as their sender.
func (s *Service) ours(hc huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx := hc.Context()
	e := &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "La richiesta non è valida.", TextEN: "The request is invalid."}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		e = palinsesto.Refuse(palinsesto.CodeTooLarge, "La richiesta è troppo grande: al massimo "+bodyWords+".",
			"The request is too large: at most "+bodyWords+".")
	case http.StatusRequestTimeout:
		e = palinsesto.Refuse(palinsesto.CodeBusy, "La richiesta è arrivata troppo lentamente.", "The request came in too slowly.")
	case http.StatusUnsupportedMediaType:
		e.Text, e.TextEN = "Serve un corpo JSON (Content-Type: application/json).", "A JSON body is needed (Content-Type: application/json)."
	default:
		if m.Status >= http.StatusInternalServerError {
			s.Log.ErrorContext(ctx, "request failed", "request", requestID(ctx), "error", m.Detail)
			e = faultOfOurs()
		}
	}
	if m.Status < http.StatusInternalServerError {
		for _, d := range m.Errors {
			e.Problems = append(e.Problems, translate(d))
		}
	}
	p := makeProblem(ctx, e)
	p.Status = m.Status
	return p, nil
}

// sentences are what huma says, in Italian: the first that begins so counts, and %s is what stands between
// its beginning and its end.
var sentences = []struct{ begins, ends, it string }{
	{missingProperty, " to be present", "Campo obbligatorio mancante."},
	{"unexpected property", "", "Campo sconosciuto."},
	{"unknown query parameter", "", "Parametro sconosciuto."},
	{"unknown content type", "", "Tipo di contenuto non previsto: serve application/json."},
	{"name twice: ", "", "Lo stesso nome è scritto due volte, e non si sa quale valga. Lasciarne uno: %s."},
	{`expected value to be one of "`, `"`, "Valore non previsto. Quelli possibili: %s."},
	{"expected number >= ", "", "Serve un numero da %s in su."},
	{"expected number <= ", "", "Serve un numero fino a %s."},
	{"expected length >= ", "", "È troppo corto: almeno %s caratteri."},
	{"expected length <= ", "", "È troppo lungo: al massimo %s caratteri."},
	{"expected array length >= ", "", "Sono troppo pochi: almeno %s."},
	{"expected array length <= ", "", "Sono troppi: al massimo %s."},
	{"expected string to be RFC 3339 date-time", "", "Serve un momento con lo scarto, come 2026-12-01T09:00:00+01:00."},
	{"expected string", "", "Serve un testo."},
	{"expected integer", "", "Serve un numero intero."},
	{"expected number", "", "Serve un numero."},
	{"expected boolean", "", "Serve vero o falso (true o false)."},
	{"expected array", "", "Serve un elenco."},
	{"expected object", "", "Serve un oggetto JSON."},
	{"required", "", "Parametro mancante."},
	{"invalid", "", "Valore non leggibile."},
}

const missingProperty = "expected required property "

func translate(d *huma.ErrorDetail) palinsesto.Problem {
	field := d.Location
	for _, where := range []string{"body.", "query.", "header.", "path."} {
		field = strings.TrimPrefix(field, where)
	}
	if field == "body" {
		field = ""
	}
	p := palinsesto.Problem{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: field, TextEN: d.Message,
		Text: "Valore non valido: " + d.Message}
	for _, x := range sentences {
		rest, found := strings.CutPrefix(d.Message, x.begins)
		if !found {
			continue
		}
		rest = strings.TrimSuffix(rest, x.ends)
		if x.begins == missingProperty { // huma names what it should be in
			p.Field = strings.TrimPrefix(field+"."+rest, ".")
		}
		p.Text = strings.ReplaceAll(x.it, "%s", rest)
		break
	}
	return p
}

// fail answers with a problem where huma is not at hand.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r.Context(), err)
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		s.Log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}
