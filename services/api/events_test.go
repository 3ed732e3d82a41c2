// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// heard is one event as a browser would get it.
type heard struct{ id, event, data string }

// listener is an open stream.
type listener struct {
	t      testing.TB
	events chan heard
	ended  chan struct{}
	hangUp func()
}

func (h *house) listen(who, query, last string) *listener {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var header []string
	if last != "" {
		header = []string{"Last-Event-ID", last}
	}
	resp := h.send(ctx, who, "GET", "/api/v1/events"+query, nil, header...)
	require.Equal(h.t, http.StatusOK, resp.StatusCode)
	require.Contains(h.t, resp.Header.Get("Content-Type"), "text/event-stream")
	l := &listener{t: h.t, events: make(chan heard, 10_000), ended: make(chan struct{}), hangUp: cancel}
	go func() {
		defer close(l.ended)
		defer resp.Body.Close()
		var e heard
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.event = value
			case "data":
				e.data = value
			case "":
				if e.event != "" {
					l.events <- e
				}
				e = heard{}
			}
		}
	}()
	h.t.Cleanup(func() { cancel(); <-l.ended })
	return l
}

// until gives what came, up to the first event of a name.
func (l *listener) until(event string) []heard {
	l.t.Helper()
	var out []heard
	limit := time.After(30 * time.Second)
	for {
		select {
		case e := <-l.events:
			if out = append(out, e); e.event == event {
				return out
			}
		case <-limit:
			require.FailNow(l.t, "no event "+event, "%v", out)
		}
	}
}

func names(in []heard) []string {
	var out []string
	for _, e := range in {
		out = append(out, e.event)
	}
	return out
}

func TestEventsByRole(t *testing.T) {
	h := newHouse(t)
	live := h.listen("operatore", "", "")
	seg := h.submitted("Per gli eventi")
	doc := notice("Di Jesi")
	doc["centre"] = "jesi"
	require.Equal(t, http.StatusCreated, h.ask("redattore", "POST", "/api/v1/segnalazioni", doc).status)
	h.ask("operatore", "POST", "/api/v1/channels/telegram-ancona/pause", map[string]any{"reason": "prova"})
	h.append(contract.ChannelSubject("telegram-marche"), palinsesto.ChannelWasBudget, func() ([]byte, error) {
		return contract.Channels.Encode(envelope(), palinsesto.Channel{ID: "telegram-marche"})
	})
	h.append(contract.PostSubject("telegram-marche", newID()), "posted", func() ([]byte, error) { return []byte("unreadable"), nil })
	h.append(contract.PostSubject("telegram-marche", newID()), "x\ndata: forged", func() ([]byte, error) {
		return contract.Posts.Encode(envelope(), palinsesto.Post{Centre: "ancona"})
	})
	h.ask("operatore", "POST", "/api/v1/holds", map[string]any{"scope": "centre", "value": "ancona", "reason": "prova"})
	h.ask("operatore", "POST", "/api/v1/holds", map[string]any{"scope": "all", "reason": "fine"})

	last := "hold.placed"
	got := live.until(last)
	got = append(got, live.until(last)...)
	require.Equal(t, []string{"seg.submitted", "seg.submitted", "channel.paused", last, last}, names(got))
	require.Contains(t, got[0].data, `"segnalazione":{"id":"`+seg.ID)
	require.Contains(t, got[0].data, `"by":{"id":"token:`)

	ofAncona := h.listen("referente", "?from=1", "")
	all := append(ofAncona.until(last), ofAncona.until(last)...)
	require.Equal(t, []string{"seg.submitted", "channel.paused", last, last}, names(all))
	ofJesi := h.listen("referente-jesi", "?from=1", "")
	all = ofJesi.until(last)
	require.Equal(t, []string{"seg.submitted", last}, names(all))
	require.Contains(t, all[0].data, "Di Jesi")
	require.Contains(t, all[1].data, `"scope":"all"`)
	require.NotContains(t, all[1].data, "ancona", "nor among those that stand")
	admin := h.listen("admin", "?from=1", "").until(last)
	require.Equal(t, "token.created", admin[0].event)
	require.NotContains(t, admin[0].data, "hash")
}

func TestEventsGoOnWhereTheyWere(t *testing.T) {
	h := newHouse(t)
	var ids []string
	first := h.listen("operatore", "", "")
	for i := range 5 {
		h.submitted("Evento " + strconv.Itoa(i))
		ids = append(ids, first.until("seg.submitted")[0].id)
	}
	first.hangUp()
	<-first.ended
	again := h.listen("operatore", "?from=1", ids[2]) // the header wins: a browser repeats the first address
	require.Equal(t, ids[3], again.until("seg.submitted")[0].id)
	require.Equal(t, ids[4], again.until("seg.submitted")[0].id)
	from := h.listen("operatore", "?from="+ids[4], "")
	require.Equal(t, ids[4], from.until("seg.submitted")[0].id)
	for _, bad := range []string{"?from=-1", "?from=x", "?from=99999999999999999999", "?since=1"} {
		r := h.ask("operatore", "GET", "/api/v1/events"+bad, nil)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, bad)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	h := newHouse(t)
	var open []*listener
	for range streamsOfOne {
		open = append(open, h.listen("lettore", "", ""))
	}
	r := h.ask("lettore", "GET", "/api/v1/events", nil)
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.Equal(t, "busy", r.problem(t).Code)
	h.listen("operatore", "", "") // others are not concerned
	open[0].hangUp()
	eventually(t, "a place is free again", func() bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		resp := h.send(ctx, "lettore", "GET", "/api/v1/events", nil)
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// A stream ends with its token and with the server; what the server stops for is not waited for.
func TestStreamsEnd(t *testing.T) {
	h := newHouse(t)
	l := h.listen("lettore", "", "")
	require.Equal(t, http.StatusNoContent, h.ask("admin", "DELETE", "/api/v1/tokens/"+h.ids["lettore"], nil).status)
	h.submitted("Dopo la revoca")
	<-l.ended
	require.Empty(t, l.events, "nothing after the revocation")
	o := h.listen("operatore", "", "")
	began := time.Now()
	h.stop()
	<-o.ended
	require.Less(t, time.Since(began), shutdownWait/2)
}

// A heartbeat moves the client past what it may not see, so that it is not gone through again.
func TestHeartbeat(t *testing.T) {
	h := newHouse(t)
	h.streams.every = 5 * time.Millisecond
	h.submitted("Di Ancona, che Jesi non vede")
	last, err := h.Bus.LastSeq(context.Background())
	require.NoError(t, err)
	resp := h.send(context.Background(), "referente-jesi", "GET", "/api/v1/events?from=1", nil)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		require.False(t, strings.HasPrefix(lines.Text(), "data:"), lines.Text())
		if lines.Text() == "id: "+strconv.FormatUint(last, 10) {
			return
		}
	}
	require.FailNow(t, "the stream ended before the id came", lines.Err())
}
