// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/palinsesto/palinsesto/services/contract"
)

// asTable is what the path of a list's table ends with.
const asTable = ".csv"

// formats sends who wants CSV of a list to where it is made, by ?format=csv or Accept: text/csv, and
// gives a command without a body an empty one.
func formats(next http.Handler) http.Handler {
	lists := map[string]bool{}
	for _, r := range table() {
		if list, ok := strings.CutSuffix(r.path, asTable); ok {
			lists[list] = true
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && lists[r.URL.Path]:
			r = asCSV(r)
		case r.Method == http.MethodPost && r.ContentLength == 0 && strings.HasPrefix(r.URL.Path, "/api/"):
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(strings.NewReader("{}"))
		}
		next.ServeHTTP(w, r)
	})
}

func asCSV(r *http.Request) *http.Request {
	q := r.URL.Query()
	format := q.Get("format")
	wanted := format == "csv" || format == "" && strings.Contains(r.Header.Get("Accept"), "text/csv")
	if format != "csv" && format != "json" && !wanted {
		return r // another format is an unknown parameter's value: the route says so
	}
	q.Del("format")
	r = r.Clone(r.Context())
	if wanted {
		r.URL.Path += asTable
		q.Del("cursor")
		q.Del("limit")
	}
	r.URL.RawQuery = q.Encode()
	return r
}

// CSVInput says how a table is written.
type CSVInput struct {
	Order     string `query:"order" enum:"desc,asc" default:"desc"`
	Separator string `query:"separator" enum:"comma,semicolon" default:"comma" doc:"semicolon: as Italian spreadsheets open it, with a byte order mark"`
}

// rowsMost bounds one table: more than that is a matter for a program, page by page.
const rowsMost = 100_000

// table writes what a filter finds, all of it, as it is read.
func (s *Service) table(ctx context.Context, name, set string, f filter, in CSVInput, head []string, row func(body []byte) ([]string, error)) *streamOutput {
	return &streamOutput{Body: func(hc huma.Context) {
		out := s.csvTo(hc, name, in.Separator)
		_ = out.Write(head)
		rows, page := 0, PageInput{Limit: pageMost, Order: in.Order}
		for rows < rowsMost {
			got, err := s.find(ctx, set, f, page, func(body []byte) error {
				cells, err := row(body)
				if err != nil {
					return err
				}
				rows++
				return out.Write(harmless(cells))
			})
			if err != nil {
				// The status is out already: the connection is cut, so that nobody takes a part for the whole.
				s.Log.WarnContext(ctx, "table not finished", "request", requestID(ctx), "error", err)
				panic(http.ErrAbortHandler)
			}
			if page.Cursor = got.Next; page.Cursor == "" {
				break
			}
		}
		out.Flush()
	}}
}

// csvTo begins a table.
func (s *Service) csvTo(hc huma.Context, name, separator string) *csv.Writer {
	_, w := humago.Unwrap(hc)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+"-"+s.Clock().In(s.cfg.Location()).Format("2006-01-02")+asTable+`"`)
	out := csv.NewWriter(&patient{w, http.NewResponseController(w)})
	out.UseCRLF = true // RFC 4180
	if separator == "semicolon" {
		out.Comma = ';'
		_, _ = io.WriteString(w, "\ufeff")
	}
	return out
}

// sheet writes rows that are at hand: of lists that are never long.
func (s *Service) sheet(name, separator string, head []string, rows [][]string) *streamOutput {
	return &streamOutput{Body: func(hc huma.Context) {
		out := s.csvTo(hc, name, separator)
		_ = out.Write(head)
		for _, cells := range rows {
			_ = out.Write(harmless(cells)) // a client that left is told nothing
		}
		out.Flush()
	}}
}

// harmless keeps a spreadsheet from taking a text for a formula
// (https://owasp.org/www-community/attacks/CSV_Injection).
func harmless(cells []string) []string {
	for i, c := range cells {
		if c != "" && strings.ContainsAny(c[:1], "=+-@\t\r\n") || strings.HasPrefix(c, "＝") || strings.HasPrefix(c, "＋") ||
			strings.HasPrefix(c, "－") || strings.HasPrefix(c, "＠") {
			cells[i] = "'" + c
		}
	}
	return cells
}

type exportSegInput struct {
	SegFilter
	CSVInput
}

func (s *Service) exportSegnalazioni(ctx context.Context, in *exportSegInput) (*streamOutput, error) {
	if _, err := s.Index.Counts(ctx, "seg", ""); err != nil {
		return nil, err // while a problem can still be told
	}
	a := actorOf(ctx)
	v := s.viewerFor(a, inEnglish(ctx))
	f, err := s.segFilter(v, a, in.SegFilter)
	if err != nil {
		return nil, err
	}
	head := []string{"id", "centre", "kind", "state", "title", "submitted_at", "starts_at", "ends_at", "expires_at", "place", "link",
		"contact_email", "tags", "channels", "marks", "author", "reason"}
	return s.table(ctx, "segnalazioni", "seg", f, in.CSVInput, head, func(body []byte) ([]string, error) {
		_, full, err := contract.Segnalazioni.Decode(body)
		x := v.segBrief(full)
		email := ""
		if x.ContactEmail != nil {
			email = *x.ContactEmail
		}
		var marks []string
		for _, m := range x.Marks {
			marks = append(marks, m.Code)
		}
		return []string{x.ID, x.Centre, x.Kind, x.State, x.Title, stamp(x.SubmittedAt), stamp(x.StartsAt), stamp(x.EndsAt), stamp(x.ExpiresAt),
			x.Place, x.Link, email, strings.Join(x.Tags, " "), strings.Join(x.Channels, " "), strings.Join(marks, " "), x.Author.Name, x.Reason}, err
	}), nil
}

type exportPostsInput struct {
	PostFilter
	CSVInput
}

func (s *Service) exportPosts(ctx context.Context, in *exportPostsInput) (*streamOutput, error) {
	if _, err := s.Index.Counts(ctx, "post", ""); err != nil {
		return nil, err // while a problem can still be told
	}
	a := actorOf(ctx)
	v := s.viewerFor(a, inEnglish(ctx))
	f, err := s.postFilter(a, in.PostFilter)
	if err != nil {
		return nil, err
	}
	head := []string{"id", "segnalazione", "centre", "channel", "network", "kind", "title", "state", "due", "posted_at", "link", "cause", "problem", "attempts"}
	return s.table(ctx, "posts", "post", f, in.CSVInput, head, func(body []byte) ([]string, error) {
		_, full, err := contract.Posts.Decode(body)
		p := v.post(full)
		return []string{p.ID, p.Segnalazione, p.Centre, p.Channel, p.Network, p.Kind, p.Title, p.State, stamp(p.Due), stamp(p.PostedAt),
			p.Link, p.Cause, p.Problem, strconv.Itoa(p.Attempts)}, err
	}), nil
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}
