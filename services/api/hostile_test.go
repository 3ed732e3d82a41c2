// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Whatever comes in, what goes out is a problem with every reason, and nothing of the sender's in it.
func TestHostileBodies(t *testing.T) {
	h := newHouse(t)
	seg := h.submitted("Bersaglio")
	one := "/api/v1/segnalazioni/" + seg.ID
	const bait = "SEGRETO-DA-NON-RIPETERE"
	for name, c := range map[string]struct {
		path, body string
		status     int
		field      string
	}{
		"no JSON":                {one + "/reject", "{" + bait, 400, ""},
		"a list":                 {one + "/reject", `["` + bait + `"]`, 422, ""},
		"a wrong type":           {one + "/reject", `{"version":"` + bait + `","reason":"x"}`, 422, "version"},
		"negative":               {one + "/reject", `{"version":-1,"reason":"x"}`, 422, "version"},
		"an unknown field":       {one + "/reject", `{"version":1,"reason":"x","` + bait + `":1}`, 422, bait},
		"a name in capitals":     {one + "/reject", `{"Version":1,"reason":"x"}`, 422, ""},
		"a name twice":           {one + "/reject", `{"version":1,"reason":"x","reason":"` + bait + `"}`, 400, ""},
		"a name twice, below":    {one + "/approve", `{"version":1,"variants":[{"channel":"a","channel":"b"}]}`, 400, ""},
		"a stop of two minds":    {"/api/v1/holds", `{"scope":"tag","Scope":"all","value":"zz","reason":"x"}`, 422, "Scope"},
		"a stop of all of a tag": {"/api/v1/holds", `{"scope":"all","value":"zz","reason":"x"}`, 422, "value"},
		"a missing field":        {one + "/reject", `{}`, 422, "version"},
		"null":                   {one + "/reject", `null`, 422, ""},
		"too much text":          {one + "/reject", `{"version":1,"reason":"` + strings.Repeat("x", 5000) + `"}`, 422, "reason"},
		"too large":              {one + "/reject", `{"version":1,"reason":"` + strings.Repeat("x", bodyMost) + `"}`, 413, ""},
		"deeply nested":          {one + "/revise", `{"version":1,"document":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, 400, ""},
		"a document too large":   {"/api/v1/segnalazioni", `{"title":"` + strings.Repeat("x", bodyMost) + `"}`, 413, ""},
		"a document of nothing":  {"/api/v1/segnalazioni", `{}`, 403, ""},
		"no document":            {"/api/v1/segnalazioni", bait, 422, ""},
		"not UTF-8":              {"/api/v1/segnalazioni", "{\"centre\":\"ancona\",\"title\":\"\xff\xfe\"}", 422, ""},
		"a time that is none":    {one + "/approve", `{"version":1,"at":"domani"}`, 422, "at"},
		"summer's in winter":     {one + "/approve", `{"version":1,"at":"2026-12-01T10:00:00+02:00"}`, 422, "at"},
		"everything, by a slip":  {"/api/v1/posts/requeue", `{}`, 422, "all"},
		"no such state":          {"/api/v1/posts/requeue", `{"state":"boh"}`, 422, "state"},
		"variants too many":      {one + "/approve", `{"version":1,"variants":[` + strings.TrimSuffix(strings.Repeat(`{"channel":"c","parts":[{}]},`, 60), ",") + `]}`, 422, "variants"},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.ask(map[bool]string{true: "operatore", false: "redattore"}[strings.Contains(c.path, "/posts/")], "POST", c.path, c.body)
			if c.status == 403 { // a redattore writes for every centre: what is missing is told
				c.status = 422
			}
			require.Equal(t, c.status, r.status, r.body)
			p := r.problem(t)
			if c.field != "" {
				require.Equal(t, c.field, p.Problems[0].Field, r.body)
			}
			if c.field != bait {
				require.NotContains(t, r.body, bait)
			}
			require.Less(t, len(r.body), 20_000)
		})
	}
	require.NotContains(t, h.said.String(), bait)
	r := h.ask("redattore", "POST", one+"/reject", []byte("x"), "Content-Type", "application/x-yaml")
	require.Equal(t, http.StatusUnsupportedMediaType, r.status, r.body)
	r.problem(t)
	r = h.ask("redattore", "POST", "/api/v1/segnalazioni", []byte("{}"), "Content-Type", "text/plain")
	require.Equal(t, http.StatusUnsupportedMediaType, r.status, r.body)
	r.problem(t)
	r = h.ask("redattore", "POST", one+"/reject", "", "Content-Type", "application/json")
	require.Equal(t, http.StatusUnprocessableEntity, r.status, "an empty body is an empty object: %s", r.body)
}

// What the framework refuses by itself is told as people speak, with the limit that was passed.
func TestRefusalsOfTheFrameworkAreItalian(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string]Finding{
		"limit=0":                            {Field: "limit", Text: "Serve un numero da 1 in su."},
		"limit=100000":                       {Field: "limit", Text: "Serve un numero fino a 200."},
		"limit=x":                            {Field: "limit", Text: "Valore non leggibile."},
		"order=giu":                          {Field: "order", Text: "Valore non previsto. Quelli possibili: desc, asc."},
		"colore=rosso":                       {Field: "colore", Text: "Parametro sconosciuto."},
		"channel=" + strings.Repeat("x", 50): {Field: "channel", Text: "È troppo lungo: al massimo 40 caratteri."},
	} {
		p := h.ask("operatore", "GET", "/api/v1/posts?"+query, nil).problem(t)
		require.Len(t, p.Problems, 1, query)
		require.Equal(t, want, Finding{Field: p.Problems[0].Field, Text: p.Problems[0].Text}, query)
	}
	for _, list := range []string{"posts", "segnalazioni", "posts.csv"} {
		p := h.ask("operatore", "GET", "/api/v1/"+list+"?state=boh", nil).problem(t)
		require.Contains(t, p.Problems[0].Text, "Quelli possibili: ", list)
	}
}

func TestProblemsSpeakTwoLanguages(t *testing.T) {
	h := newHouse(t)
	for accept, want := range map[string]string{"": "Non trovato", "it": "Non trovato", "en": "Not found", "en-GB,it;q=0.5": "Not found", "it-IT,en": "Non trovato", "de": "Non trovato"} {
		r := h.ask("admin", "GET", "/api/v1/posts/"+newID(), nil, "Accept-Language", accept)
		require.Equal(t, want, r.problem(t).Title, accept)
	}
	doc := notice("")
	doc["link"], doc["centre"] = "javascript:alert(1)", "ancona"
	it := h.ask("referente", "POST", "/api/v1/segnalazioni", doc).problem(t)
	en := h.ask("referente", "POST", "/api/v1/segnalazioni", doc, "Accept-Language", "en").problem(t)
	require.GreaterOrEqual(t, len(it.Problems), 2, "all at once: %v", it.Problems)
	require.Len(t, en.Problems, len(it.Problems))
	require.NotEqual(t, it.Detail, en.Detail)
	require.NotEqual(t, it.Problems[0].Text, en.Problems[0].Text)
	require.Equal(t, it.Problems[0].Code, en.Problems[0].Code)
}

func TestEveryCodeHasAStatus(t *testing.T) {
	for _, c := range []palinsesto.Code{palinsesto.CodeInvalid, palinsesto.CodeNotFound, palinsesto.CodeForbidden, palinsesto.CodeUnauthorized,
		palinsesto.CodeStale, palinsesto.CodeConflict, palinsesto.CodeKeyReused, palinsesto.CodeTooLarge, palinsesto.CodeBusy, palinsesto.CodeFull, palinsesto.CodeInternal} {
		require.Contains(t, kinds, c)
	}
	require.Equal(t, http.StatusInternalServerError, makeProblem(t.Context(), palinsesto.Refuse("of-a-later-version", "x", "x")).Status)
}

func TestAroundEveryAnswer(t *testing.T) {
	h := newHouse(t, func(d *Deps) {
		d.Extra = map[string]http.Handler{
			"GET /healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "bene") }),
			"GET /panics":  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret of ours") }),
		}
	})
	r := h.ask("", "GET", "/healthz", nil)
	require.Equal(t, "bene", r.body)
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": ""} {
		require.Equal(t, want, r.header.Get(name), name)
	}
	r = h.ask("", "GET", "/panics", nil)
	require.Equal(t, http.StatusInternalServerError, r.status)
	require.NotContains(t, r.body, "secret of ours")
	require.Equal(t, "internal", r.problem(t).Code)
	require.Contains(t, h.said.String(), r.header.Get("X-Request-Id"))
	require.Equal(t, http.StatusNotFound, h.ask("", "GET", "/api/v2/x", nil).status)
	require.Equal(t, http.StatusNotFound, h.ask("", "GET", "/x", nil).status)
	r = h.ask("", "DELETE", "/api/v1/segnalazioni", nil)
	require.Equal(t, http.StatusMethodNotAllowed, r.status, r.body)
	require.Equal(t, "method_not_allowed", r.problem(t).Code)
	require.Equal(t, "GET, POST", r.header.Get("Allow"))
	r.problem(t)
	h.ask("admin", "GET", "/api/v1/posts?cause=domanda-privata", nil)
	require.NotContains(t, h.said.String(), "domanda-privata", "no query in the access log")
	require.Contains(t, h.said.String(), "who=token:"+h.ids["admin"])
}

// A header that goes on for ever is cut off.
func TestHugeHeaders(t *testing.T) {
	h := newHouse(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = fmt.Fprintf(c, "GET /api/v1/counts HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}

// While the index is away people are told to wait, and that nothing is lost.
func TestWithoutAnIndexOrARoom(t *testing.T) {
	h := newHouse(t)
	_, err := h.Bus.Request(t.Context(), "nobody", "x", nil)
	p := h.problem(t.Context(), err)
	require.Equal(t, http.StatusServiceUnavailable, p.Status)
	require.Equal(t, "2", p.GetHeaders().Get("Retry-After"))
	r := h.ask("operatore", "GET", "/api/v1/check", nil)
	require.Equal(t, http.StatusServiceUnavailable, r.status, "this house was given no check")
}

func TestRebuildAndDeadLetters(t *testing.T) {
	h := newHouse(t)
	before, err := h.Index.Meta(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, h.ask("operatore", "POST", "/api/v1/rebuild", nil).status)
	after, err := h.Index.Meta(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before.Epoch, after.Epoch)
	require.JSONEq(t, `{"items":[]}`, h.ask("admin", "GET", "/api/v1/dead-letters", nil).body)
}

func TestNamedOnce(t *testing.T) {
	for body, ok := range map[string]bool{
		`{}`: true, `[]`: true, `"a"`: true, `1`: true, `{"a":"a","b":["a","a",{"a":{}}],"c":{"a":"a"}}`: true,
		`{"a":1,"a":1}`: false, `{"a":{},"a":[]}`: false, `[{"b":[],"b":1}]`: false, `{"x":{"a":1,"\u0061":2}}`: false, `{"a":[1],"b":{},"a":null}`: false,
	} {
		var into any
		require.Equal(t, ok, unmarshal([]byte(body), &into) == nil, body)
	}
}

func FuzzNamedOnce(f *testing.F) {
	f.Add([]byte(`{"a":[{"a":1},"a"],"b":{"a":"a"}}`))
	f.Add([]byte(`{"a":1,"a":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var into any
		if unmarshal(body, &into) != nil {
			return
		}
		again, err := json.Marshal(into)
		require.NoError(t, err)
		require.NoError(t, namedOnce(again))
	})
}
