// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// who may do what, as the design's table says it: r referente, d redattore, o operatore, a admin,
// l lettore. Written here a second time, by route, and not derived from the program's own table.
var allowed = map[string]string{
	"submit": "rd", "list-segnalazioni": "rdoal", "export-segnalazioni": "rdoal", "get-segnalazione": "rdoal",
	"approve": "d", "reject": "d", "request-changes": "d", "revise": "rd", "withdraw": "rd", "comment": "rd",
	"upload-media": "rd", "get-media": "rdoal",
	"list-posts": "rdoal", "export-posts": "rdoal", "list-causes": "rdoal", "get-post": "rdoal",
	"requeue-many": "o", "requeue": "o", "cancel": "o", "resolve": "o", "remove": "o",
	"list-holds": "rdoal", "place-hold": "doa", "lift-hold": "o",
	"list-channels": "rdoal", "pause-channel": "oa", "resume-channel": "oa", "channel-reconnected": "a", "check-channel": "oa", "test-channel": "a",
	"counts": "rdoal", "events": "rdoal",
	"create-token": "a", "list-tokens": "a", "revoke-token": "a",
	"export-causes": "rdoal", "export-holds": "rdoal", "export-channels": "rdoal", "export-tokens": "a", "export-dead-letters": "oa",
	"list-alerts": "oa", "export-alerts": "oa",
	"dead-letters": "oa", "rebuild": "oa", "check": "oa",
}

var letters = map[string]string{"r": "referente", "d": "redattore", "o": "operatore", "a": "admin", "l": "lettore"}

// request is what a route is asked with: about things of ancona, fresh ones each time.
type request struct {
	path   string
	body   any
	header []string
}

func (h *house) requestFor(r route) request {
	const reason = "prova"
	reasoned := map[string]any{"reason": reason}
	path := r.path
	id := newID()
	switch {
	case strings.HasPrefix(path, "/api/v1/segnalazioni/{id}"):
		id = h.submitted("Avviso " + newID()).ID
	case strings.HasPrefix(path, "/api/v1/posts/{id}"):
		id = h.post(nil).ID
	case strings.HasPrefix(path, "/api/v1/channels/{id}"):
		id = "telegram-marche"
	case path == "/api/v1/holds/{id}":
		id = h.held()
	case path == "/api/v1/tokens/{id}":
		h.person("somebody", "Qualcuno", palinsesto.RoleLettore, "")
		id = h.ids["somebody"]
	}
	if r.id == "get-media" {
		path = strings.Replace(path, "{hash}", h.stored(), 1)
	}
	q := request{path: strings.Replace(path, "{id}", id, 1)}
	switch r.id {
	case "submit":
		q.body = notice("Avviso " + newID())
	case "approve", "reject", "request-changes":
		q.body = map[string]any{"version": 1, "reason": reason}
	case "revise":
		q.body = map[string]any{"version": 1, "reason": reason, "document": notice("Avviso rivisto " + newID())}
	case "comment":
		q.body = map[string]any{"text": "Manca l'orario?"}
	case "upload-media":
		q.path += "?filename=foto.png&alt=Ingresso+dello+sportello"
		q.body, q.header = picture(), []string{"Content-Type", "image/png"}
	case "resolve":
		q.body = map[string]any{"outcome": "out", "link": "https://t.me/prova/1", "reason": reason}
	case "place-hold":
		q.body = map[string]any{"scope": "tag", "value": "prova", "reason": reason}
	case "test-channel":
		q.body, q.header = reasoned, []string{"Idempotency-Key", newID()}
	case "create-token":
		q.body = map[string]any{"name": "Macchina", "role": "lettore"}
	default:
		if r.method == http.MethodPost {
			q.body = reasoned
		}
	}
	return q
}

// held places a hold that hurts nobody.
func (h *house) held() string {
	h.t.Helper()
	r := h.ask("operatore", "POST", "/api/v1/holds", map[string]any{"scope": "tag", "value": newID(), "reason": "prova"})
	require.Equal(h.t, http.StatusCreated, r.status, r.body)
	var v struct{ Hold HoldView }
	r.json(h.t, &v)
	return v.Hold.ID
}

// stored is a file that a segnalazione of ancona names.
func (h *house) stored() string {
	h.t.Helper()
	r := h.ask("referente", "POST", "/api/v1/media?filename=foto.png&alt=Ingresso+dello+sportello", picture(), "Content-Type", "image/png")
	require.Equal(h.t, http.StatusCreated, r.status, r.body)
	id, _ := r.field(h.t, "id").(string)
	doc := notice("Avviso con foto " + newID())
	doc["media"] = []any{map[string]any{"id": id, "filename": "foto.png", "alt": "Ingresso dello sportello con la rampa"}}
	r = h.ask("referente", "POST", "/api/v1/segnalazioni", doc)
	require.Equal(h.t, http.StatusCreated, r.status, r.body)
	h.indexed()
	return id
}

func (h *house) status(who string, r route, q request) reply {
	h.t.Helper()
	if r.id == "events" && (h.tokens[who] != "") {
		// A stream does not end: its head is enough.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		resp := h.send(ctx, who, r.method, q.path, q.body, q.header...)
		defer resp.Body.Close()
		return reply{status: resp.StatusCode, header: resp.Header}
	}
	return h.ask(who, r.method, q.path, q.body, q.header...)
}

// Every route with every role: rule 8 of what must always hold.
func TestEveryRouteWithEveryRole(t *testing.T) {
	h := newHouse(t, func(d *Deps) {
		d.Check = func(context.Context) ([]palinsesto.Problem, error) { return nil, nil }
	})
	revoked, tok := NewToken("Chi non c'è più", palinsesto.RoleAdmin, "")
	tok.Revoked = time.Now()
	require.NoError(t, AppendToken(context.Background(), h.Bus, envelope(), tok))
	stranger, _ := NewToken("Mai creato", palinsesto.RoleAdmin, "")
	wrong := h.tokens["admin"][:len(h.tokens["admin"])-4] + "AAAA"
	seen := map[string]bool{}
	for _, r := range table() {
		seen[r.id] = true
		who, known := allowed[r.id]
		require.True(t, known, "route %s is in no row of the test's table", r.id)
		t.Run(r.id, func(t *testing.T) {
			for letter, role := range letters {
				got := h.status(role, r, h.requestFor(r))
				if strings.Contains(who, letter) {
					require.NotContains(t, []int{401, 403, 404, 405}, got.status, "%s: %s", role, got.body)
					require.Less(t, got.status, 500, "%s: %s", role, got.body)
					continue
				}
				require.Equal(t, http.StatusForbidden, got.status, "%s: %s", role, got.body)
				require.Equal(t, "forbidden", got.problem(t).Code)
			}
			for name, token := range map[string]string{"no token": "", "revoked": revoked, "never made": stranger, "wrong secret": wrong, "no token of ours": "Bearer"} {
				got := h.status(token, r, request{path: strings.NewReplacer("{id}", newID(), "{hash}", strings.Repeat("a", 64)).Replace(r.path)})
				require.Contains(t, []int{http.StatusUnauthorized, http.StatusTooManyRequests}, got.status, "%s: %s", name, got.body)
				require.Equal(t, "unauthorized", got.problem(t).Code, name)
			}
		})
	}
	for id := range allowed {
		require.True(t, seen[id], "the test's table names %s, which is no route", id)
	}
}

// What another centre has is not there: neither seen, nor changed, nor hinted at.
func TestAnotherCentre(t *testing.T) {
	h := newHouse(t)
	for _, r := range table() {
		about := strings.Contains(r.path, "{id}") || strings.Contains(r.path, "{hash}")
		if !about || !strings.Contains(allowed[r.id], "r") {
			continue
		}
		q := h.requestFor(r)
		got := h.status("referente-jesi", r, q)
		require.Equal(t, http.StatusNotFound, got.status, "%s: %s", r.id, got.body)
		absent := h.status("referente-jesi", r, request{path: strings.NewReplacer("{id}", newID(), "{hash}", strings.Repeat("a", 64)).Replace(r.path), body: q.body})
		require.Equal(t, absent.problem(t).Detail, got.problem(t).Detail, "%s: as if it did not exist", r.id)
	}
	r := h.ask("referente-jesi", "POST", "/api/v1/segnalazioni", notice("Di Ancona"))
	require.Equal(t, http.StatusForbidden, r.status, r.body)
}

// Every route is described, with its problems; the description needs no token.
func TestDescription(t *testing.T) {
	h := newHouse(t)
	r := h.ask("", "GET", specPath, nil)
	require.Equal(t, http.StatusOK, r.status)
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	r.json(t, &doc)
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))
	for _, r := range table() {
		op, ok := doc.Paths[r.path][strings.ToLower(r.method)]
		require.True(t, ok, "%s %s", r.method, r.path)
		require.Contains(t, string(op), problemType)
		require.Contains(t, string(op), r.id)
	}
}
