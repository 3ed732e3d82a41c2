// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// toy is a network of one method: every request puts an item on the wall.
type toy struct{ s *Sandbox }

func (n toy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.s.Serve(w, r, Call{
		Network: "net", Account: "@a", Aliases: []string{"-1"}, Caller: "@bot", Method: "post",
		Apply: func() Answer {
			id := strconv.Itoa(len(n.s.Wall()) + 1)
			n.s.Post(note(id, string(body)))
			return Answer{Status: http.StatusOK, Body: []byte(`{"ok":true,"id":"` + id + `"}`), Applied: true}
		},
		Refuse: func(f Fault) Answer {
			return Answer{Status: http.StatusTeapot, Body: []byte(`{"refused":"` + string(f.Kind) + `"}`)}
		},
	})
}

func serveToy(t *testing.T) (*Sandbox, *httptest.Server) {
	t.Helper()
	s := open(t, Options{})
	s.Mount("net", toy{s}, nil)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.NoError(t, s.Close()) }) // before the server, which waits for held calls
	return s, server
}

func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func post(ctx context.Context, c *http.Client, url string) (status int, body string, err error) {
	// No GetBody, as in the house: nothing resends by itself.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/net/post", io.MultiReader(strings.NewReader("testo")))
	if err != nil {
		return 0, "", err
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(data), errors.Join(err, response.Body.Close())
}

// TestFaultsOfTheWire holds what the client sees against what the public sees.
func TestFaultsOfTheWire(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		onWall int
		status int   // what the client reads, 0: nothing
		err    error // what breaks
		body   string
	}{
		{fault: Fault{Kind: FaultDrop, Applied: true}, onWall: 1, err: io.EOF},
		{fault: Fault{Kind: FaultDrop}, err: io.EOF},
		{fault: Fault{Kind: FaultReset, Applied: true}, onWall: 1, err: syscall.ECONNRESET},
		{fault: Fault{Kind: FaultReset}, err: syscall.ECONNRESET},
		{fault: Fault{Kind: FaultHalf, Applied: true}, onWall: 1, status: 200, err: io.ErrUnexpectedEOF, body: `{"ok":true`},
		{fault: Fault{Kind: FaultServerError, Applied: true}, onWall: 1, status: 418, body: `{"refused":"server_error"}`},
		{fault: Fault{Kind: FaultServerError}, status: 418, body: `{"refused":"server_error"}`},
		{fault: Fault{Kind: FaultBadGateway, Applied: true}, onWall: 1, status: 502, body: "<html>"},
		{fault: Fault{Kind: FaultBadGateway}, status: 502, body: "<html>"},
		{fault: Fault{Kind: FaultSlow, Delay: time.Millisecond}, onWall: 1, status: 200, body: `{"ok":true`},
		{fault: Fault{Kind: FaultSlow, Delay: time.Millisecond, Applied: true}, onWall: 1, status: 200, body: `{"ok":true`},
		{fault: Fault{Kind: FaultWrongJSON, Applied: true}, onWall: 1, status: 200, body: `{"ok":"si"`},
		{fault: Fault{Kind: FaultEndless, Bytes: 100 << 10, Applied: true}, onWall: 1, status: 200, err: io.ErrUnexpectedEOF, body: `{"ok":true,"result":{"text":"aaa`},
		{fault: Fault{Kind: FaultRedirect}, status: 307},
		{fault: Fault{Kind: FaultStale}, onWall: 1, status: 200, body: `{"ok":true,"id":"1"}`},
		{fault: Fault{Kind: FaultRateLimit, RetryAfter: 9}, status: 418, body: `{"refused":"rate_limit"}`},
		{fault: Fault{Kind: FaultUnauthorized}, status: 418, body: "unauthorized"},
		{fault: Fault{Kind: FaultKicked}, status: 418, body: "kicked"},
		{fault: Fault{Kind: FaultNoTarget}, status: 418, body: "chat_not_found"},
		{fault: Fault{Kind: FaultMigrate, MigrateTo: -5}, status: 418, body: "migrate"},
	} {
		name := string(c.fault.Kind) + " applied=" + strconv.FormatBool(c.fault.Applied)
		t.Run(name, func(t *testing.T) {
			s, server := serveToy(t)
			c.fault.Count = 1
			_, err := s.Faults().Add(c.fault)
			require.NoError(t, err)

			status, body, err := post(t.Context(), client(), server.URL)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.status, status)
			require.Contains(t, body, c.body)
			require.Len(t, s.Wall(), c.onWall)
			require.NoError(t, s.WaitRequests(t.Context(), func(a []Arrival) bool { return a[0].Done }))
			arrival := s.Requests()[0]
			require.Equal(t, c.fault.Kind, arrival.Fault)
			require.Equal(t, c.onWall == 1, arrival.Applied)

			status, _, err = post(t.Context(), client(), server.URL)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, status, "the fault is spent")
		})
	}
}

func TestHangLastsUntilTheClientLeaves(t *testing.T) {
	s, server := serveToy(t)
	_, err := s.Faults().Add(Fault{Kind: FaultHang, Applied: true})
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := post(ctx, client(), server.URL)
		left <- err
	}()
	require.NoError(t, s.Wait(t.Context(), func(items []Item) bool { return len(items) == 1 }))
	require.False(t, s.Requests()[0].Done)
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	require.NoError(t, s.WaitRequests(t.Context(), func(a []Arrival) bool { return a[0].Done }))
}

// An accepted request comes through although nobody waits for it any more.
func TestSlowAppliesAfterTheClientLeft(t *testing.T) {
	s, server := serveToy(t)
	_, err := s.Faults().Add(Fault{Kind: FaultSlow, Delay: 100 * time.Millisecond})
	require.NoError(t, err)
	ctx, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer leave()
	_, _, err = post(ctx, client(), server.URL)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, s.Wait(t.Context(), func(items []Item) bool { return len(items) == 1 }))
}

func TestCloseLetsHeldCallsGo(t *testing.T) {
	s, server := serveToy(t)
	_, err := s.Faults().Add(Fault{Kind: FaultSlow, Delay: 10 * time.Minute})
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		_, _, err := post(t.Context(), client(), server.URL)
		gone <- err
	}()
	require.NoError(t, s.WaitRequests(t.Context(), func(a []Arrival) bool { return len(a) == 1 }))
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-gone, io.EOF)
	require.Empty(t, s.Wall())
}

func TestFaultsMatch(t *testing.T) {
	call := Call{Network: "net", Account: "@a", Aliases: []string{"-1"}, Caller: "@bot", Method: "sendMessage"}
	for _, c := range []struct {
		fault Fault
		want  bool
	}{
		{Fault{}, true},
		{Fault{Account: "@A"}, true},
		{Fault{Account: "-1"}, true},
		{Fault{Account: "@bot"}, true},
		{Fault{Account: "@b"}, false},
		{Fault{Method: "SENDMESSAGE"}, true},
		{Fault{Method: "sendPhoto"}, false},
		{Fault{Network: "other"}, false},
	} {
		c.fault.Kind = FaultDrop
		var faults Faults
		_, err := faults.Add(c.fault)
		require.NoError(t, err)
		_, struck := faults.strike(call)
		require.Equal(t, c.want, struck, "%+v", c.fault)
	}
}

func TestFaultsCountSkipAndDice(t *testing.T) {
	hits := func(f Fault) (pattern string) {
		f.Kind = FaultDrop
		var faults Faults
		_, err := faults.Add(f)
		require.NoError(t, err)
		for range 40 {
			_, struck := faults.strike(Call{})
			pattern += strconv.Itoa(map[bool]int{true: 1}[struck])
		}
		return pattern
	}
	require.Equal(t, "0011100000", hits(Fault{Skip: 2, Count: 3})[:10])
	dice := hits(Fault{Probability: 0.5, Seed: 7})
	require.Equal(t, dice, hits(Fault{Probability: 0.5, Seed: 7}), "a seed repeats")
	require.NotEqual(t, dice, hits(Fault{Probability: 0.5, Seed: 8}))
	require.InDelta(t, 20, strings.Count(dice, "1"), 12)
}

func TestFaultsByHTTP(t *testing.T) {
	s := open(t, Options{})
	w := fetch(t, s, "POST", "/faults", `{"kind":"slow","delay":"1.5s","account":"@a","count":2}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	var listed []Fault
	require.NoError(t, json.Unmarshal(fetch(t, s, "GET", "/faults", "").Body.Bytes(), &listed))
	require.Equal(t, []Fault{{ID: 1, Kind: FaultSlow, Delay: 1500 * time.Millisecond, Account: "@a", Count: 2}}, listed)

	for body, want := range map[string]string{
		`{`:                                    "EOF",
		`{"kind":"drop","acount":"@a"}`:        "acount",
		`{"kind":"fuoco"}`:                     "non è un guasto",
		`{"kind":"slow"}`:                      "delay",
		`{"kind":"drop","delay":"ieri"}`:       "delay",
		`{"kind":"kicked","applied":true}`:     "applied",
		`{"kind":"drop","probability":1.5}`:    "probability",
		`{"kind":"migrate"}`:                   "migrate_to",
		`{"kind":"rate_limit","count":-1}`:     "count",
		`"` + strings.Repeat("x", 70000) + `"`: "large",
	} {
		w := fetch(t, s, "POST", "/faults", body)
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, body)
		require.Contains(t, w.Body.String(), want)
	}
	require.Equal(t, http.StatusNotFound, fetch(t, s, "DELETE", "/faults/9", "").Code)
	require.Equal(t, http.StatusNoContent, fetch(t, s, "DELETE", "/faults/1", "").Code)
	require.Equal(t, http.StatusCreated, fetch(t, s, "POST", "/faults", `{"kind":"drop"}`).Code)
	require.Equal(t, http.StatusNoContent, fetch(t, s, "DELETE", "/faults", "").Code)
	require.Empty(t, s.Faults().List())
}

func TestRequestsAreBounded(t *testing.T) {
	s := open(t, Options{MaxRequests: 4})
	s.Mount("net", toy{s}, nil)
	for range 9 {
		fetch(t, s, "POST", "/net/post", "x")
	}
	list := s.Requests()
	require.LessOrEqual(t, len(list), 4)
	require.True(t, list[len(list)-1].Done)
	require.Equal(t, http.StatusOK, list[0].Status)
	require.Positive(t, list[len(list)-1].At.Sub(list[0].At))
	require.Equal(t, http.StatusNoContent, fetch(t, s, "POST", "/reset", "").Code)
	require.Empty(t, s.Requests())
	require.Contains(t, fetch(t, s, "GET", "/requests.json", "").Body.String(), "[]")
}

func FuzzFaultScript(f *testing.F) {
	f.Add([]byte(`{"kind":"slow","delay":"1s","probability":0.5,"seed":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var fault Fault
		if strictFault(body, &fault) != nil || fault.Validate() != nil {
			return
		}
		out, err := json.Marshal(fault)
		require.NoError(t, err)
		var again Fault
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, fault, again)
	})
}
