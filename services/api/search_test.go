// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// found are the titles that a list has, page by page, and how many pages it took.
func (h *house) found(who, path string, q url.Values) (titles []string, pages int) {
	h.t.Helper()
	titles = []string{}
	for {
		var list struct {
			Total *int
			Next  string
			Items []struct{ Title string }
		}
		r := h.ask(who, "GET", path+"?"+q.Encode(), nil)
		require.Equal(h.t, http.StatusOK, r.status, r.body)
		r.json(h.t, &list)
		pages++
		for _, x := range list.Items {
			titles = append(titles, x.Title)
		}
		if list.Next == "" {
			return titles, pages
		}
		q.Set("cursor", list.Next)
	}
}

// seg writes a segnalazione straight to the log, submitted on a day of November 2026 at nine.
func (h *house) seg(day int, change func(*palinsesto.Segnalazione)) {
	h.t.Helper()
	x := palinsesto.Segnalazione{ID: newID(), Centre: "ancona", State: palinsesto.SegSubmitted, Version: 1,
		SubmittedAt: time.Date(2026, 11, day, 9, 0, 0, 0, rome()), Author: palinsesto.Actor{ID: "x", Name: "Marta Neri", Role: palinsesto.RoleReferente, Centre: "ancona"},
		Content: palinsesto.Content{Kind: palinsesto.KindAvviso, ContactEmail: "segreto@example.org"}}
	change(&x)
	h.append(contract.SegSubject(x.Centre, x.ID), "submitted", func() ([]byte, error) { return contract.Segnalazioni.Encode(envelope(), x) })
}

func TestSearchByWordsAndDays(t *testing.T) {
	h := newHouse(t)
	for i, c := range []struct{ title, body, centre string }{
		{"Orario estivo", "La città di Ancona è calda", "ancona"},
		{"Saldatori", "Offerta a Jesi, perché no?", "ancona"},
		{"Open Day", "Tutti in CITTA'!", "jesi"},
		{"Saldatrici", "Offerta a Falconara", "ancona"},
	} {
		h.seg(10+i, func(x *palinsesto.Segnalazione) {
			x.Title, x.Body, x.Centre, x.Tags = c.title, c.body, c.centre, []string{"OfferteDiLavoro"}
		})
	}
	h.indexed()
	for query, want := range map[string][]string{
		"text=citta":                           {"Open Day", "Orario estivo"},
		"text=CITTÀ&order=asc":                 {"Orario estivo", "Open Day"},
		"text=perche jesi":                     {"Saldatori"},
		"text=jesi":                            {"Open Day", "Saldatori"}, // the centre too
		"text=lavoro salda&limit=1":            {"Saldatrici", "Saldatori"},
		"text=salda&centre=ancona&kind=avviso": {"Saldatrici", "Saldatori"},
		"text=niente":                          {},
		"text=marta neri open":                 {"Open Day"},
		"text=segreto calda":                   {"Orario estivo"},
		"from=2026-11-12":                      {"Saldatrici", "Open Day"},
		"from=2026-11-11&to=2026-11-12":        {"Open Day", "Saldatori"}, // the last day too
		"to=2026-11-11&limit=1":                {"Saldatori", "Orario estivo"},
		"from=2026-11-11T09:00:00%2B01:00&to=2026-11-12T08:00:00Z": {"Saldatori"},
		"text=offerta&to=2026-11-12":                               {"Saldatori"},
		"state=rejected&from=2026-11-01":                           {},
	} {
		q, err := url.ParseQuery(query)
		require.NoError(t, err)
		got, _ := h.found("redattore", "/api/v1/segnalazioni", q)
		require.Equal(t, want, got, query)
		table := h.ask("redattore", "GET", "/api/v1/segnalazioni.csv?"+strings.ReplaceAll(strings.ReplaceAll(query, "&limit=1", ""), " ", "%20"), nil)
		require.Equal(t, http.StatusOK, table.status)
		require.Equal(t, len(want)+1, strings.Count(table.body, "\r\n"), "the table has the same rows: %s", query)
	}
	// Nobody finds by words what the role does not see.
	for who, n := range map[string]int{"lettore": 0, "referente-jesi": 1, "referente": 3, "operatore": 4} {
		for _, word := range []string{"segreto", "marta"} {
			got, _ := h.found(who, "/api/v1/segnalazioni", url.Values{"text": {word}})
			require.Len(t, got, n, "%s looks for %s", who, word)
		}
	}
}

func TestSearchPosts(t *testing.T) {
	h := newHouse(t)
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, rome())
	for i, title := range []string{"Fiera del lavoro", "Città aperta", "Fiera dell'artigianato"} {
		h.post(func(p *palinsesto.Post) { p.Title, p.Due = title, at.AddDate(0, 0, i) })
	}
	h.indexed()
	for query, want := range map[string][]string{
		"text=fiera":                   {"Fiera dell'artigianato", "Fiera del lavoro"},
		"text=fiera&to=2026-11-20":     {"Fiera del lavoro"},
		"from=2026-11-21&state=failed": {"Fiera dell'artigianato", "Città aperta"},
		"text=canale esiste&hand=true": {"Fiera dell'artigianato", "Città aperta", "Fiera del lavoro"},
	} {
		q, err := url.ParseQuery(query)
		require.NoError(t, err)
		got, _ := h.found("lettore", "/api/v1/posts", q)
		require.Equal(t, want, got, query)
	}
}

// One request looks at a bounded number of documents; who goes on by next misses nothing and sees nothing twice.
func TestSearchIsBounded(t *testing.T) {
	h := newHouse(t)
	h.scanMost = 10
	const all = 230
	want := []string{}
	for i := range all {
		title := fmt.Sprintf("avviso %03d", i)
		if i%40 == 7 {
			title = fmt.Sprintf("raro %03d", i)
			want = append(want, title)
		}
		h.seg(1, func(x *palinsesto.Segnalazione) {
			x.Title, x.SubmittedAt = title, x.SubmittedAt.Add(time.Duration(i)*time.Minute)
		})
	}
	h.indexed()
	for _, limit := range []string{"1", "2", "200"} {
		got, pages := h.found("redattore", "/api/v1/segnalazioni", url.Values{"text": {"raro"}, "order": {"asc"}, "limit": {limit}})
		require.Equal(t, want, got)
		require.Greater(t, pages, 1, "it takes several requests")
	}
	h.scanMost = scanMost
	got, pages := h.found("redattore", "/api/v1/segnalazioni", url.Values{"text": {"raro"}, "order": {"asc"}, "limit": {"200"}})
	require.Equal(t, want, got)
	require.Equal(t, 1, pages)
	h.searches = newPlaces(0, 0)
	r := h.ask("redattore", "GET", "/api/v1/segnalazioni?text=raro", nil)
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Contains(t, r.problem(t).Detail, "ricerche")
}

func TestSearchRefused(t *testing.T) {
	h := newHouse(t)
	for query, field := range map[string]string{
		"text=%21%3F":                      "text",
		"text=" + strings.Repeat("a", 201): "text",
		"from=ieri":                        "from",
		"to=22/11/2026":                    "to",
		"from=0202-11-22":                  "from",
		"from=2026-11-31":                  "from",
		"from=2026-11-22&to=2026-11-21":    "to",
	} {
		for _, list := range []string{"segnalazioni", "posts", "segnalazioni.csv", "posts.csv"} {
			r := h.ask("redattore", "GET", "/api/v1/"+list+"?"+query, nil)
			require.Equal(t, http.StatusUnprocessableEntity, r.status, r.body)
			require.Equal(t, field, r.problem(t).Problems[0].Field, query)
		}
	}
}

// BenchmarkTextSearch is the most that one request costs: it looks at scanMost and finds nothing.
func BenchmarkTextSearch(b *testing.B) {
	x, err := index.Open(context.Background(), index.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { _ = x.Close() })
	build, err := x.Rebuild(b.Context(), "log")
	require.NoError(b, err)
	docs := make([]index.Doc, scanMost)
	for i := range docs {
		seg := palinsesto.Segnalazione{ID: newID(), Content: palinsesto.Content{Title: "Un titolo", Body: strings.Repeat("Perché la città cresce e cerca persone capaci. ", 22)}}
		body, err := contract.Segnalazioni.Encode(contract.Envelope{}, seg)
		require.NoError(b, err)
		docs[i] = index.Doc{Set: "seg", ID: seg.ID, Seq: uint64(i + 1), Body: body, Score: int64(i + 1)}
	}
	require.NoError(b, build.Put(b.Context(), docs))
	_, err = build.Finish(b.Context(), scanMost)
	require.NoError(b, err)
	s := &Service{Deps: Deps{Index: x}, searches: newPlaces(1, 1), scanMost: scanMost}
	words := rules.NewSearch("saldatore pesaro")
	f := filter{seen: true, matches: func(body []byte) (bool, error) {
		texts, err := viewer{s: s}.segTexts(body)
		return words.In(texts...), err
	}}
	for b.Loop() {
		p, err := s.find(b.Context(), "seg", f, PageInput{Limit: 50}, func([]byte) error { return nil })
		require.NoError(b, err)
		require.Empty(b, p.Next)
	}
}
