// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A lettore sees everything but contacts: in no answer, list, table or event.
func TestALettoreSeesNoContacts(t *testing.T) {
	h := newHouse(t)
	seg := h.submitted("Avviso con un contatto")
	h.ask("redattore", "POST", "/api/v1/segnalazioni/"+seg.ID+"/approve", map[string]any{"version": 1, "at": time.Now().Add(time.Hour).Format(time.RFC3339)})
	h.ask("referente", "POST", "/api/v1/segnalazioni/"+seg.ID+"/withdraw", map[string]any{"reason": "x"})
	h.indexed()
	everything := func(who string) string {
		var all strings.Builder
		for _, p := range []string{"/segnalazioni", "/segnalazioni/" + seg.ID, "/segnalazioni.csv", "/posts", "/posts.csv", "/posts/causes", "/counts", "/holds", "/channels"} {
			r := h.ask(who, "GET", "/api/v1"+p, nil)
			require.Equal(t, http.StatusOK, r.status, r.body)
			all.WriteString(r.body)
		}
		for _, e := range h.listen(who, "?from=0", "").until("seg.withdrawn") {
			all.WriteString(e.data)
		}
		return all.String()
	}
	for _, hidden := range []string{contact, "Nome di referente", h.ids["referente"]} {
		require.Contains(t, everything("operatore"), hidden, "the test looks where it stands")
		require.NotContains(t, everything("lettore"), hidden)
	}
	require.Contains(t, everything("lettore"), "Nome di redattore", "who decided is no contact")
}

// Secrets are told once and kept by nobody.
func TestTokens(t *testing.T) {
	h := newHouse(t)
	r := h.ask("admin", "POST", "/api/v1/tokens", map[string]any{"name": "Sportello di Jesi", "role": "referente", "centre": "jesi"})
	require.Equal(t, http.StatusCreated, r.status, r.body)
	token, _ := r.field(t, "token").(string)
	id, _ := r.field(t, "id").(string)
	_, secret, ok := splitToken(token)
	require.True(t, ok)
	require.Equal(t, http.StatusOK, h.ask(token, "GET", "/api/v1/counts", nil).status)
	h.indexed()
	list := h.ask("admin", "GET", "/api/v1/tokens", nil)
	require.Contains(t, list.body, id)
	require.Contains(t, list.body, "Nome di admin", "who made it")
	events := ""
	for _, e := range h.listen("admin", "?from=0", "").until("token.created") {
		events += e.data
	}
	for where, text := range map[string]string{"list": list.body, "events": events, "log lines": h.said.String(), "log": h.wholeLog()} {
		require.NotContains(t, text, secret, where)
		if where != "log" {
			require.NotContains(t, text, hashSecret(secret), where)
		}
	}
	require.Equal(t, http.StatusNoContent, h.ask("admin", "DELETE", "/api/v1/tokens/"+id, nil).status)
	require.Equal(t, http.StatusUnauthorized, h.ask(token, "GET", "/api/v1/counts", nil).status, "at once")
	require.Equal(t, http.StatusNoContent, h.ask("admin", "DELETE", "/api/v1/tokens/"+id, nil).status, "twice is once")
	require.Equal(t, http.StatusNotFound, h.ask("admin", "DELETE", "/api/v1/tokens/"+newID(), nil).status)
	require.Equal(t, http.StatusNotFound, h.ask("admin", "DELETE", "/api/v1/tokens/x", nil).status)

	for name, body := range map[string]map[string]any{
		"role":   {"name": "x", "role": "capo"},
		"centre": {"name": "x", "role": "referente"},
		"name":   {"name": " ", "role": "lettore"},
	} {
		r := h.ask("admin", "POST", "/api/v1/tokens", body)
		require.Equal(t, http.StatusUnprocessableEntity, r.status)
		require.Equal(t, name, r.problem(t).Problems[0].Field)
	}
	for _, c := range []map[string]any{{"name": "x", "role": "referente", "centre": "atlantide"}, {"name": "x", "role": "admin", "centre": "jesi"}} {
		require.Equal(t, http.StatusUnprocessableEntity, h.ask("admin", "POST", "/api/v1/tokens", c).status)
	}
}

// Under one Idempotency-Key there is one token: a second one, whose first answer was lost, would stay
// open without anybody knowing.
func TestATokenIsMadeOnceForAKey(t *testing.T) {
	h := newHouse(t)
	body := map[string]any{"name": "\x1b[31mAnna\u202e Rossi\n", "role": "lettore"}
	first := h.ask("admin", "POST", "/api/v1/tokens", body, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, "[31mAnna Rossi", first.field(t, "name"), "nothing that one does not see")
	id, _ := first.field(t, "id").(string)
	again := h.ask("admin", "POST", "/api/v1/tokens", body, "Idempotency-Key", "k")
	require.Equal(t, http.StatusConflict, again.status)
	require.Contains(t, again.problem(t).Detail, id)
	require.NotContains(t, again.body, "pal_")
	other := h.ask("admin", "POST", "/api/v1/tokens", body, "Idempotency-Key", "k2")
	require.Equal(t, http.StatusCreated, other.status)
	token, _ := first.field(t, "token").(string)
	require.Equal(t, http.StatusOK, h.ask(token, "GET", "/api/v1/counts", nil).status)
}

// wholeLog is every byte of it.
func (h *house) wholeLog() string {
	h.t.Helper()
	var all strings.Builder
	_, err := h.Bus.Snapshot(context.Background(), func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			all.Write(r.Data)
		}
		return nil
	})
	require.NoError(h.t, err)
	return all.String()
}

// A token that another copy revoked is refused here as soon as it is looked up again.
func TestRevokedElsewhere(t *testing.T) {
	h := newHouse(t)
	r := h.ask("lettore", "GET", "/api/v1/counts", nil)
	require.Equal(t, http.StatusOK, r.status)
	other := &Service{Deps: h.Deps, cfg: h.cfg, auth: newDoorkeeper(h.Deps)}
	ctx := context.WithValue(context.Background(), actorKey{}, palinsesto.Actor{ID: "token:x", Role: palinsesto.RoleAdmin})
	_, err := other.revokeToken(ctx, &revokeInput{IDInput: IDInput{ID: h.ids["lettore"]}})
	require.NoError(t, err)
	began := time.Now()
	eventually(t, "refused", func() bool { return h.ask("lettore", "GET", "/api/v1/counts", nil).status == http.StatusUnauthorized })
	require.Less(t, time.Since(began), 2*knownFor)
}

// Who guesses has to wait; a valid token enters also from such an address, since offices share one.
func TestGuessing(t *testing.T) {
	h := newHouse(t)
	var last reply
	for range failuresAtOnce + 1 {
		guess, _ := NewToken("", "", "")
		last = h.ask(guess, "GET", "/api/v1/counts", nil)
	}
	require.Equal(t, http.StatusTooManyRequests, last.status)
	require.Equal(t, "unauthorized", last.problem(t).Code)
	require.NotEmpty(t, last.header.Get("Retry-After"))
	require.Equal(t, 1, strings.Count(h.said.String(), "many requests without a valid token"))
	require.Equal(t, http.StatusOK, h.ask("lettore", "GET", "/api/v1/counts", nil).status)
	require.NotContains(t, h.said.String(), "pal_", "no token in the log")

	// A flood of guesses reaches the log no more; who was here before enters all the same.
	guess, _ := NewToken("", "", "")
	h.auth.bar("127.0.0.1", time.Minute)
	barred := false
	for range looksAtOnce + 1 {
		barred = h.auth.barred(t.Context(), "127.0.0.1", guess) > 0
	}
	require.True(t, barred)
	require.Zero(t, h.auth.barred(t.Context(), "127.0.0.1", h.tokens["lettore"]))
	require.Zero(t, h.auth.barred(t.Context(), "192.0.2.1", guess), "another address")
	require.Equal(t, http.StatusTooManyRequests, h.ask(guess, "GET", "/api/v1/counts", nil).status)
}

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER  abc ": "abc", "": "", "abc": "", "Basic abc": "", "Bearer": "",
	} {
		require.Equal(t, want, bearer(header), "%q", header)
	}
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::",
		"[fe80::1%eth0]:1": "fe80::", "": "unknown", "pipe": "unknown",
	} {
		require.Equal(t, want, addressOf(remote), "%q", remote)
	}
}

func FuzzSplitToken(f *testing.F) {
	secret, _ := NewToken("x", palinsesto.RoleAdmin, "")
	f.Add(secret)
	f.Add("pal_")
	f.Add(strings.Replace(secret, "-", ".", 1))
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, ok := splitToken(token)
		if ok && (tokenPrefix+id+"_"+secret != token || !palinsesto.ValidID(id)) {
			t.Fatalf("%q: %q %q", token, id, secret)
		}
	})
}
