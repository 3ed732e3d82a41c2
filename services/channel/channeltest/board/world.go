// SPDX-License-Identifier: AGPL-3.0-or-later

package board

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel/channeltest"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// World is a board of its own for one test, as the suite wants it.
type World struct {
	t   testing.TB
	s   *sandbox.Sandbox
	api *Server
	url string
}

var _ channeltest.Lagging = (*World)(nil)

// Open starts one.
func Open(t testing.TB, o Options) *World {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	w := &World{t: t, s: s, api: NewServer(s, o)}
	srv := httptest.NewServer(s)
	// The sandbox first: it lets go of the calls that hang, and the server waits for them.
	t.Cleanup(func() { require.NoError(t, s.Close()); srv.Close() })
	w.url = srv.URL
	return w
}

// Base is the address of the API.
func (w *World) Base() string { return w.url + "/" + Network }

// Requests are the calls that arrived.
func (w *World) Requests() int { return len(w.s.Requests()) }

// Changed is closed at the next change.
func (w *World) Changed() <-chan struct{} { return w.s.Changed() }

// Recover ends all faults.
func (w *World) Recover() { w.s.Faults().Clear() }

// Lag has lists show late what is published from now on.
func (w *World) Lag(on bool) { w.api.Lag(on) }

// Fail has every call fail.
func (w *World) Fail(f channeltest.Fault) {
	_, err := w.s.Faults().Add(sandbox.Fault{Kind: sandbox.FaultKind(f.Kind), Applied: f.Applied, RetryAfter: f.RetryAfter})
	require.NoError(w.t, err)
}

// Wall is what the public sees.
func (w *World) Wall() []channeltest.Item {
	var out []channeltest.Item
	for _, i := range w.s.Wall() {
		item := channeltest.Item{ID: i.ID, Text: i.Text, ReplyTo: i.ReplyTo, Deleted: i.Deleted}
		for _, m := range i.Media {
			item.Media = append(item.Media, m.SHA256)
		}
		out = append(out, item)
	}
	return out
}
