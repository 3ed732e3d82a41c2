// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestATestMessage(t *testing.T) {
	h := newHouse(t)
	const address = "/api/v1/channels/telegram-marche/test"
	r := h.ask("admin", "POST", address, map[string]any{"reason": "token nuovo"})
	require.Equal(t, http.StatusUnprocessableEntity, r.status, "without a key a client that tries again would send another")
	require.Equal(t, "Idempotency-Key", r.problem(t).Problems[0].Field)

	var first, again, other struct {
		Channel string
		Test    TestView
	}
	h.ask("admin", "POST", address, map[string]any{"reason": "token nuovo"}, "Idempotency-Key", "k1").json(t, &first)
	require.Equal(t, "telegram-marche", first.Channel)
	require.Equal(t, "posted", first.Test.Verdict)
	require.Equal(t, "https://t.me/prova/7", first.Test.Link)
	require.Equal(t, palinsesto.TestRemoved, first.Test.Afterwards)
	require.Equal(t, "Nome di admin", first.Test.By.Name)
	h.ask("admin", "POST", address, map[string]any{"reason": "token nuovo"}, "Idempotency-Key", "k1").json(t, &again)
	require.Equal(t, first.Test.ID, again.Test.ID, "the same command")
	h.ask("admin", "POST", address, map[string]any{"keep": true}, "Idempotency-Key", "k2").json(t, &other)
	require.NotEqual(t, first.Test.ID, other.Test.ID)
	require.Equal(t, palinsesto.TestKept, other.Test.Afterwards)

	r = h.ask("admin", "POST", "/api/v1/channels/nessuno/test", nil, "Idempotency-Key", "k3")
	require.Equal(t, http.StatusNotFound, r.status, r.body)
}

// The channel shows its newest test, and says of one whose process died that nobody knows.
func TestATestMessageThatBrokeOff(t *testing.T) {
	h := newHouse(t)
	h.append(contract.ChannelSubject("telegram-ancona"), palinsesto.ChannelWasTested, func() ([]byte, error) {
		return contract.Channels.Encode(envelope(), palinsesto.Channel{ID: "telegram-ancona",
			Test: &palinsesto.ChannelTest{ID: newID(), At: time.Now().Add(-time.Hour), Lasts: time.Minute}})
	})
	h.append(contract.ChannelSubject("telegram-marche"), palinsesto.ChannelWasTested, func() ([]byte, error) {
		return contract.Channels.Encode(envelope(), palinsesto.Channel{ID: "telegram-marche",
			Test: &palinsesto.ChannelTest{ID: newID(), At: time.Now().Add(-time.Hour), Lasts: time.Minute, Verdict: "posted", RemoteIDs: []string{"7"}}})
	})
	var list struct{ Items []ChannelView }
	h.ask("referente", "GET", "/api/v1/channels", nil).json(t, &list)
	require.Equal(t, palinsesto.TestLeft, list.Items[0].Test.Afterwards)
	require.Contains(t, list.Items[0].Test.Problem, "toglierlo a mano")
	require.Equal(t, "unknown", list.Items[1].Test.Verdict)
	require.Contains(t, list.Items[1].Test.Problem, "Guardare sul canale")
}

// By whom or by what an uncertain post was settled is told with its attempt, and in its history.
func TestHowADoubtWasSettled(t *testing.T) {
	h := newHouse(t)
	now := time.Now()
	doubt := func(p *palinsesto.Post) {
		p.State, p.Cause, p.Parts = palinsesto.PostUncertain, "crash", make([]palinsesto.PartState, 1)
		p.Attempt = &palinsesto.Attempt{Number: 1, Worker: "w", Intended: now.Add(-time.Hour), Verdict: "unknown",
			Check: &palinsesto.Check{Number: 3, Kind: palinsesto.CheckFind, At: now, Verdict: "nothing", Detail: "Non si vede."}}
	}
	p := h.post(doubt)
	var got struct {
		PostView
		History []HistoryEntry
	}
	h.ask("operatore", "GET", path("/posts/%s", p.ID), nil).json(t, &got)
	require.Equal(t, 3, got.Attempt.Check.Number)
	require.Equal(t, "Non si vede.", got.Attempt.Check.Detail)

	r := h.ask("operatore", "POST", path("/posts/%s/resolve", p.ID),
		map[string]any{"outcome": "out", "link": "https://t.me/prova/12", "reason": "visto sul canale"})
	require.Equal(t, http.StatusOK, r.status, r.body)
	h.ask("operatore", "GET", path("/posts/%s", p.ID), nil).json(t, &got)
	i := slices.IndexFunc(got.History, func(e HistoryEntry) bool { return e.Event == "resolved" })
	require.Positive(t, i)
	last := got.History[i]
	require.Equal(t, "Nome di operatore", last.By.Name)
	require.Equal(t, "visto sul canale", last.Reason)
	require.Equal(t, "person", last.Attempt.Settlement.By)
	require.Equal(t, "https://t.me/prova/12", last.Attempt.Settlement.Evidence)
	require.WithinDuration(t, time.Now(), *last.Attempt.Settlement.At, time.Minute)
	require.Equal(t, last.Attempt.Settlement, got.Attempt.Settlement)
}
