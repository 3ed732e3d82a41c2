// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// alert writes an alert straight to the log.
func (h *house) alert(change func(*palinsesto.Alert)) palinsesto.Alert {
	h.t.Helper()
	a := palinsesto.Alert{Kind: palinsesto.AlertFailed, Scope: "telegram-marche", Cause: "chat_not_found", State: palinsesto.AlertOpen, Count: 3,
		Examples: []string{newID()}, Detail: "Il canale non esiste.", Raised: time.Date(2026, 11, 20, 9, 0, 0, 0, rome()), Message: 1,
		Ways: []palinsesto.AlertWay{{Way: "telegram", Told: 1}, {Way: "mail"}}}
	change(&a)
	a.ID = palinsesto.AlertID(a.Kind, a.Scope, a.Cause)
	event := palinsesto.AlertWasRaised
	if a.State == palinsesto.AlertOver {
		event = palinsesto.AlertWasOver
	}
	h.append(contract.AlertSubject(a.ID), event, func() ([]byte, error) { return contract.Alerts.Encode(envelope(), a) })
	h.indexed()
	return a
}

func TestAlerts(t *testing.T) {
	h := newHouse(t)
	failed := h.alert(func(*palinsesto.Alert) {})
	h.alert(func(a *palinsesto.Alert) {
		a.Kind, a.Scope, a.Cause, a.Raised = palinsesto.AlertDisk, "", "", a.Raised.AddDate(0, 0, 1)
	})
	h.alert(func(a *palinsesto.Alert) {
		a.Kind, a.Cause, a.State, a.Raised = palinsesto.AlertReconnect, "", palinsesto.AlertOver, a.Raised.AddDate(0, 0, -1)
		a.Over = a.Raised.Add(time.Hour)
	})
	var list struct {
		Total *int
		Next  string
		Items []AlertView
	}
	for query, want := range map[string][]string{
		"":                        {"house.disk", "post.failed", "channel.needs_reconnect"},
		"?state=open":             {"house.disk", "post.failed"},
		"?state=over":             {"channel.needs_reconnect"},
		"?kind=post.failed":       {"post.failed"},
		"?text=telegram+ricolleg": {"channel.needs_reconnect"}, // words of its title
		"?from=2026-11-21":        {"house.disk"},
		"?order=asc&limit=1":      {"channel.needs_reconnect"},
	} {
		r := h.ask("operatore", "GET", "/api/v1/alerts"+query, nil)
		require.Equal(t, http.StatusOK, r.status, r.body)
		list.Items = nil
		r.json(t, &list)
		var got []string
		for _, a := range list.Items {
			got = append(got, a.Kind)
		}
		require.Equal(t, want, got, query)
	}
	require.NotEmpty(t, list.Items)

	r := h.ask("admin", "GET", "/api/v1/alerts?kind=post.failed&state=open", nil)
	r.json(t, &list)
	a := list.Items[0]
	require.Equal(t, failed.ID, a.ID)
	require.Equal(t, "3 post rifiutati su telegram-marche (chat_not_found)", a.Title)
	require.Contains(t, a.Do, "palinsesto requeue --cause chat_not_found")
	require.True(t, a.Since.Equal(failed.Raised))
	require.Nil(t, a.Over)
	require.Equal(t, []string{"telegram"}, a.Told)
	h.ask("admin", "GET", "/api/v1/alerts?kind=post.failed", nil, "Accept-Language", "en").json(t, &list)
	require.Contains(t, list.Items[0].Title, "3 posts refused")
	require.Equal(t, http.StatusUnprocessableEntity, h.ask("admin", "GET", "/api/v1/alerts?state=aperto", nil).status)
}

// Alerts go by in the stream to those who may list them, and what the house notes about the telling does not.
func TestAlertsInTheStream(t *testing.T) {
	h := newHouse(t)
	operator, editor := h.listen("operatore", "", ""), h.listen("redattore", "", "")
	a := h.alert(func(*palinsesto.Alert) {})
	_, err := bus.Update(t.Context(), h.Bus, contract.Alerts, contract.AlertSubject(a.ID), envelope(),
		func(cur contract.Event[palinsesto.Alert]) (bus.Decision[palinsesto.Alert], error) {
			return bus.Decision[palinsesto.Alert]{Event: palinsesto.AlertWasTold, State: cur.State}, nil
		})
	require.NoError(t, err)
	h.submitted("Dopo l'avviso")
	require.Equal(t, []string{"alert.raised", "seg.submitted"}, names(operator.until("seg.submitted")))
	require.Equal(t, []string{"seg.submitted"}, names(editor.until("seg.submitted")))
}
