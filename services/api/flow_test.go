// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestFromSubmissionToTheQueue(t *testing.T) {
	h := newHouse(t)
	r := h.ask("referente", "POST", "/api/v1/segnalazioni", notice("Chiusura dello sportello"), "Idempotency-Key", "avviso-1")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	var seg SegView
	r.json(t, &seg)
	require.Equal(t, "/api/v1/segnalazioni/"+seg.ID, r.header.Get("Location"))
	require.Equal(t, "submitted", seg.State)
	require.Equal(t, uint64(1), seg.Version)
	require.Equal(t, contact, *seg.ContactEmail)
	one := "/api/v1/segnalazioni/" + seg.ID

	r = h.ask("redattore", "POST", one+"/request-changes", map[string]any{"version": 1, "reason": "Aggiungere l'orario."})
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = h.ask("redattore", "POST", one+"/approve", map[string]any{"version": 1})
	require.Equal(t, http.StatusConflict, r.status, r.body)
	r = h.ask("referente", "POST", one+"/revise", map[string]any{"version": 2, "document": notice("Chiusura dello sportello alle 12")})
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.InDelta(t, 3, r.field(t, "version"), 0)
	r = h.ask("redattore", "POST", one+"/approve", map[string]any{"version": 2})
	require.Equal(t, http.StatusConflict, r.status, r.body)
	require.Equal(t, "stale", r.problem(t).Code)
	at := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	r = h.ask("redattore", "POST", one+"/approve", map[string]any{"version": 3, "at": at.Format(time.RFC3339)})
	require.Equal(t, http.StatusOK, r.status, r.body)

	var whole struct {
		SegView
		Posts   []PostView
		History []HistoryEntry
	}
	eventually(t, "the post is queued", func() bool {
		h.ask("referente", "GET", one, nil).json(t, &whole)
		return len(whole.Posts) == 1
	})
	p := whole.Posts[0]
	require.Equal(t, "queued", p.State)
	require.True(t, p.Due.Equal(at), "%s", p.Due)
	require.Equal(t, rome().String() != "", p.Due.Format("-07:00") == at.In(rome()).Format("-07:00"), "in the organisation's zone")
	var happened []string
	for _, e := range whole.History {
		happened = append(happened, e.Event+" by "+e.By.Name)
	}
	require.Equal(t, []string{"submitted by Nome di referente", "changes_requested by Nome di redattore", "revised by Nome di referente", "approved by Nome di redattore"}, happened)
	require.Equal(t, "Aggiungere l'orario.", whole.History[1].Reason)
	require.NotEmpty(t, whole.Approval.Variants)

	h.indexed()
	var list struct {
		Total *int
		Items []PostView
	}
	h.ask("operatore", "GET", "/api/v1/posts?state=queued&channel=telegram-marche", nil).json(t, &list)
	require.Len(t, list.Items, 1)
	h.ask("referente", "GET", "/api/v1/posts?state=queued", nil).json(t, &list)
	require.Equal(t, 1, *list.Total, "a referente's list by state has a total")

	r = h.ask("operatore", "POST", "/api/v1/posts/"+p.ID+"/cancel", nil)
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, "cancelled", r.field(t, "state"))
	r = h.ask("referente", "POST", one+"/withdraw", map[string]any{"reason": "Non serve più."})
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, "withdrawn", r.field(t, "state"))
}

func TestARepeatIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	doc := notice("Una volta sola")
	first := h.ask("referente", "POST", "/api/v1/segnalazioni", doc, "Idempotency-Key", "k 1")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	again := h.ask("referente", "POST", "/api/v1/segnalazioni", doc, "Idempotency-Key", "k 1")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, first.field(t, "id"), again.field(t, "id"))
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	other := h.ask("referente", "POST", "/api/v1/segnalazioni", notice("Un'altra"), "Idempotency-Key", "k 1")
	require.Equal(t, http.StatusUnprocessableEntity, other.status)
	require.Equal(t, "key_reused", other.problem(t).Code)
	mine := h.ask("redattore", "POST", "/api/v1/segnalazioni", doc, "Idempotency-Key", "k 1")
	require.Equal(t, http.StatusCreated, mine.status, "a key is its actor's own: %s", mine.body)

	id, _ := first.field(t, "id").(string)
	comment := path("/segnalazioni/%s/comments", id)
	for range 3 {
		require.Equal(t, http.StatusOK, h.ask("redattore", "POST", comment, map[string]any{"text": "uno"}, "Idempotency-Key", "c1").status)
	}
	require.Equal(t, http.StatusOK, h.ask("redattore", "POST", comment, map[string]any{"text": "due"}, "Idempotency-Key", "c1").status)
	records, err := h.Bus.History(context.Background(), contract.SegSubject("ancona", id), 10)
	require.NoError(t, err)
	require.Len(t, records, 3, "submitted, and two comments")

	for name, key := range map[string]string{"too long": strings.Repeat("k", keyMost+1), "not ASCII": "chiàve"} {
		r := h.ask("referente", "POST", "/api/v1/segnalazioni", doc, "Idempotency-Key", key)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, name)
		require.Equal(t, "Idempotency-Key", r.problem(t).Problems[0].Field, name)
	}
}

func TestOperatorsFindByCause(t *testing.T) {
	h := newHouse(t)
	for range 3 {
		h.post(nil)
	}
	late := h.post(func(p *palinsesto.Post) {
		p.State, p.Cause, p.Problem, p.Channel = palinsesto.PostMissed, "late", "Troppo tardi.", "telegram-ancona"
		p.ID = palinsesto.PostID(p.Segnalazione, p.Channel, 0)
	})
	h.post(func(p *palinsesto.Post) { p.State, p.Cause, p.Problem = palinsesto.PostPosted, "", "" })
	var causes struct{ Items []CauseView }
	for _, who := range []string{"operatore", "referente"} {
		h.ask(who, "GET", "/api/v1/posts/causes", nil).json(t, &causes)
		require.Equal(t, []CauseView{
			{Cause: "chat_not_found", State: "failed", Problem: "Il canale non esiste.", Count: 3, Channels: []ChannelCount{{"telegram-marche", 3}}},
			{Cause: "late", State: "missed", Problem: "Troppo tardi.", Count: 1, Channels: []ChannelCount{{"telegram-ancona", 1}}},
		}, causes.Items, who)
	}
	h.ask("referente-jesi", "GET", "/api/v1/posts/causes", nil).json(t, &causes)
	require.Empty(t, causes.Items)
	var list struct {
		Total *int
		Items []PostView
	}
	h.ask("operatore", "GET", "/api/v1/posts?hand=true", nil).json(t, &list)
	require.Len(t, list.Items, 4)
	h.ask("operatore", "GET", "/api/v1/posts?cause=late", nil).json(t, &list)
	require.Equal(t, late.ID, list.Items[0].ID)
	h.ask("operatore", "GET", "/api/v1/posts?seg="+late.Segnalazione, nil).json(t, &list)
	require.Len(t, list.Items, 1)

	var many struct {
		Preview           bool
		Requeued, Refused int
		Items             []palinsesto.Requeued
	}
	r := h.ask("operatore", "POST", "/api/v1/posts/requeue", map[string]any{"cause": "chat_not_found", "preview": true, "reason": "canale creato"})
	require.Equal(t, http.StatusOK, r.status, r.body)
	r.json(t, &many)
	require.True(t, many.Preview)
	require.Equal(t, 3, many.Refused, "what they carried is approved no more: %s", r.body)
	require.Len(t, many.Items, 3)

	var counts struct {
		Segnalazioni, Posts map[string]int
		Hand                int
	}
	h.ask("referente", "GET", "/api/v1/counts", nil).json(t, &counts)
	require.Equal(t, map[string]int{"failed": 3, "missed": 1, "posted": 1}, counts.Posts)
	require.Equal(t, 4, counts.Hand)
	h.ask("admin", "GET", "/api/v1/counts", nil).json(t, &counts)
	require.Equal(t, 4, counts.Hand)
	counts.Posts, counts.Segnalazioni = nil, nil
	h.ask("referente-jesi", "GET", "/api/v1/counts", nil).json(t, &counts)
	require.Empty(t, counts.Posts)
	require.Zero(t, counts.Hand)
}

func TestStopsAndChannels(t *testing.T) {
	h := newHouse(t)
	r := h.ask("redattore", "POST", "/api/v1/holds", map[string]any{"scope": "centre", "value": "jesi", "reason": "Lutto cittadino"})
	require.Equal(t, http.StatusCreated, r.status, r.body)
	var placed struct {
		Hold     HoldView
		InFlight []string `json:"in_flight"`
	}
	r.json(t, &placed)
	require.NotNil(t, placed.InFlight)
	var holds struct{ Items []HoldView }
	for who, n := range map[string]int{"operatore": 1, "referente-jesi": 1, "referente": 0} {
		h.ask(who, "GET", "/api/v1/holds", nil).json(t, &holds)
		require.Len(t, holds.Items, n, who)
	}
	r = h.ask("operatore", "DELETE", "/api/v1/holds/"+placed.Hold.ID+"?reason=finito", nil)
	require.Equal(t, http.StatusOK, r.status, r.body)
	r = h.ask("operatore", "DELETE", "/api/v1/holds/"+placed.Hold.ID, nil)
	require.Equal(t, http.StatusNotFound, r.status, r.body)
	r = h.ask("operatore", "POST", "/api/v1/holds", map[string]any{"scope": "world", "reason": "x"})
	require.Equal(t, http.StatusUnprocessableEntity, r.status)
	require.Equal(t, "scope", r.problem(t).Problems[0].Field)

	r = h.ask("operatore", "POST", "/api/v1/channels/telegram-marche/pause", map[string]any{"reason": "manutenzione"})
	require.Equal(t, "paused", r.field(t, "state"), r.body)
	var channels struct{ Items []ChannelView }
	h.ask("referente-jesi", "GET", "/api/v1/channels", nil).json(t, &channels)
	require.Len(t, channels.Items, 1, "those that serve the own centre")
	require.Equal(t, "paused", channels.Items[0].State)
	require.Equal(t, "manutenzione", channels.Items[0].Reason)
	r = h.ask("operatore", "POST", "/api/v1/channels/telegram-marche/check", nil)
	require.Equal(t, "paused", r.field(t, "state"), r.body)
	r = h.ask("operatore", "POST", "/api/v1/channels/nessuno/pause", nil)
	require.Equal(t, http.StatusNotFound, r.status, r.body)
}

func TestPages(t *testing.T) {
	h := newHouse(t)
	for i := range 7 {
		h.post(func(p *palinsesto.Post) { p.Due = time.Now().Add(time.Duration(i) * time.Minute) })
	}
	seen, cursor := map[string]bool{}, ""
	for pages := 1; ; pages++ {
		r := h.ask("operatore", "GET", "/api/v1/posts?limit=3&channel=telegram-marche&state=failed&cursor="+cursor, nil)
		require.Equal(t, http.StatusOK, r.status, r.body)
		var list struct {
			Total *int
			Next  string
			Items []PostView
		}
		r.json(t, &list)
		require.Nil(t, list.Total, "two filters: not known")
		for _, p := range list.Items {
			require.False(t, seen[p.ID])
			seen[p.ID] = true
		}
		if cursor = list.Next; cursor == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Len(t, seen, 7)
	for _, bad := range []string{"limit=0", "limit=201", "limit=x", "order=up", "cursor=!!!", "colour=red", "state=" + strings.Repeat("x", 300), "hand=perhaps"} {
		r := h.ask("operatore", "GET", "/api/v1/posts?"+bad, nil)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%s: %s", bad, r.body)
		require.Equal(t, "invalid", r.problem(t).Code)
	}
}

// What a spreadsheet would take for a formula is kept from being one, and nobody gets rows of others.
func TestCSV(t *testing.T) {
	h := newHouse(t)
	for _, title := range []string{"=2+5+cmd|' /C calc'!A0", "+39 071 000000", "-1", "@SUM(A1)", "＝1+1", `Con "virgolette", e virgole`, "a\r\nb"} {
		h.post(func(p *palinsesto.Post) { p.Title = title })
	}
	for name, r := range map[string]reply{
		"by parameter": h.ask("operatore", "GET", "/api/v1/posts?format=csv&limit=1", nil),
		"by header":    h.ask("operatore", "GET", "/api/v1/posts", nil, "Accept", "text/csv"),
		"by name":      h.ask("operatore", "GET", "/api/v1/posts.csv", nil),
	} {
		require.Equal(t, http.StatusOK, r.status, name)
		require.Contains(t, r.header.Get("Content-Type"), "text/csv", name)
		require.Contains(t, r.header.Get("Content-Disposition"), "attachment", name)
		rows, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
		require.NoError(t, err, name)
		require.Len(t, rows, 8, name)
		for _, row := range rows[1:] {
			for _, cell := range row {
				require.False(t, cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r"), "%q", cell)
				require.False(t, strings.HasPrefix(cell, "＝"), "%q", cell)
			}
		}
	}
	semicolons := h.ask("operatore", "GET", "/api/v1/posts.csv?separator=semicolon", nil)
	require.True(t, strings.HasPrefix(semicolons.body, "\ufeffid;segnalazione;"), semicolons.body[:40])
	h.submitted("Per la tabella")
	own := h.ask("referente", "GET", "/api/v1/segnalazioni?format=csv&state=submitted", nil)
	require.Contains(t, own.body, contact)
	foreign := h.ask("referente-jesi", "GET", "/api/v1/segnalazioni?format=csv", nil)
	require.Equal(t, 1, strings.Count(foreign.body, "\n"), foreign.body)
	require.Equal(t, http.StatusUnprocessableEntity, h.ask("operatore", "GET", "/api/v1/posts?format=xls", nil).status)
}

// Every list is there as a table, with what a person may write in it kept from being a formula.
func TestEveryListAsCSV(t *testing.T) {
	h := newHouse(t)
	const formula = "=HYPERLINK(1)"
	h.post(func(p *palinsesto.Post) { p.Problem = formula })
	h.person("macchina", "@macchina", palinsesto.RoleLettore, "")
	require.Equal(t, http.StatusCreated, h.ask("operatore", "POST", "/api/v1/holds", map[string]any{"scope": "tag", "value": "-x", "reason": formula}).status)
	require.Equal(t, http.StatusOK, h.ask("operatore", "POST", "/api/v1/channels/telegram-ancona/pause", map[string]any{"reason": "\t" + formula}).status)
	h.alert(func(a *palinsesto.Alert) { a.Detail = "+1" })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- h.Bus.Consume(ctx, bus.Consumer{Name: "prova", Filters: []string{contract.HoldSubject}, Workers: 1, Lease: time.Second},
			func(context.Context, bus.Delivery) error { return bus.Drop(errors.New(formula)) })
	}()
	eventually(t, "an event is given up", func() bool {
		letters, err := h.Bus.DeadLetters(t.Context(), 1)
		return err == nil && len(letters) == 1
	})
	cancel()
	require.NoError(t, <-ended)
	h.indexed()
	for list, c := range map[string]struct {
		head string
		rows int
		has  string
	}{
		"posts/causes": {"cause,state,count,problem,channels", 1, "chat_not_found,failed,1,'=HYPERLINK(1),telegram-marche=1"},
		"tokens":       {"id,name,role,centre,made,made_by,revoked", 7, ",'@macchina,lettore,,"},
		"holds":        {"id,scope,value,reason,by,role,at", 1, ",tag,'-x,'=HYPERLINK(1),Nome di operatore,operatore,"},
		"channels":     {"id,network,target,state,reason,not_before,spacing,centres", 2, "telegram-ancona,telegram,'@ancona,paused,'=HYPERLINK(1),,"},
		"dead-letters": {"consumer,subject,event,seq,reason,at", 1, "prova,palinsesto.hold,placed,"},
		"alerts":       {"id,kind,state,scope,cause,count,title,detail,do,since,over", 1, "post.failed,open,telegram-marche,chat_not_found,3,"},
	} {
		for _, r := range []reply{h.ask("admin", "GET", path("/%s.csv", list), nil), h.ask("admin", "GET", path("/%s?format=csv", list), nil)} {
			require.Equal(t, http.StatusOK, r.status, r.body)
			require.Contains(t, r.header.Get("Content-Type"), "text/csv", list)
			require.Contains(t, r.header.Get("Content-Disposition"), "attachment", list)
			require.True(t, strings.HasPrefix(r.body, c.head+"\r\n"), r.body)
			require.Contains(t, r.body, c.has, list)
			rows, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
			require.NoError(t, err, list)
			require.Len(t, rows, c.rows+1, list)
			for _, cell := range slices.Concat(rows...) {
				require.False(t, cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r"), "%q", cell)
			}
		}
		semicolons := h.ask("admin", "GET", path("/%s.csv?separator=semicolon", list), nil)
		require.True(t, strings.HasPrefix(semicolons.body, "\ufeff"+strings.ReplaceAll(c.head, ",", ";")), semicolons.body)
	}
}

// Who approves may write other words: the answer, the page and the history say that nobody else has read them.
func TestApproverEditIsMarked(t *testing.T) {
	h := newHouse(t)
	plain, changed := h.submitted("Come scritto"), h.submitted("Riscritto")
	require.Equal(t, http.StatusOK, h.ask("redattore", "POST", path("/segnalazioni/%s/approve", plain.ID), map[string]any{"version": 1}).status)
	r := h.ask("redattore", "POST", path("/segnalazioni/%s/approve", changed.ID), map[string]any{"version": 1, "variants": []any{
		map[string]any{"channel": "telegram-marche", "parts": []any{map[string]any{"text": "Tutt'altro testo"}}}}})
	require.Equal(t, http.StatusOK, r.status, r.body)
	var v struct {
		SegView
		History []HistoryEntry
	}
	r.json(t, &v)
	require.Equal(t, "telegram-marche", v.Approval.Edits[0].Channel)
	require.Equal(t, http.StatusOK, h.ask("redattore", "POST", path("/segnalazioni/%s/comments", changed.ID), map[string]any{"text": "Visto"}).status)
	v.History = nil
	h.ask("lettore", "GET", path("/segnalazioni/%s", changed.ID), nil).json(t, &v)
	require.Contains(t, v.History[1].Edits[0].Note, "Testo modificato da chi approva su telegram-marche: testo")
	require.Empty(t, v.History[2].Edits, "a comment changed nothing")
	h.ask("lettore", "GET", path("/segnalazioni/%s", changed.ID), nil, "Accept-Language", "en").json(t, &v)
	require.Contains(t, v.History[1].Edits[0].Note, "Changed by the approver on telegram-marche: text")
	v.History = nil
	h.ask("lettore", "GET", path("/segnalazioni/%s", plain.ID), nil).json(t, &v)
	require.Empty(t, v.History[1].Edits)
}
