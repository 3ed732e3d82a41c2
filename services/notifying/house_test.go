// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/indexing"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	patience = 20 * time.Second
	tg       = "telegram-marche"
)

// house is a log and an index that is kept up to date.
type house struct {
	t      testing.TB
	server *embednats.Server
	bus    *bus.Bus
	index  *index.Index
	cfg    *config.Config
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, server: bustest.Server(t)}
	h.bus = bustest.Connect(t, h.server)
	h.cfg = &config.Config{
		Organisation: config.Organisation{Name: "Ente di prova", Timezone: "Europe/Rome", Language: "it"},
		Channels:     []config.Channel{{ID: tg, Network: "telegram"}},
		Alerts:       config.Alerts{Quiet: time.Hour, Remind: 0},
	}
	var err error
	h.index, err = index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.index.Close()) })
	s, err := indexing.New(h.cfg, indexing.Deps{Bus: h.bus, Index: h.index, Clock: time.Now, Log: quiet()})
	require.NoError(t, err)
	inBackground(t, s.Run)
	return h
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// inBackground runs a room; the result stops it and waits for it, as does the end of the test.
func inBackground(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-ended)
		})
	}
	t.Cleanup(stop)
	return stop
}

// room makes a copy of notifying, hasty, that tells by these senders.
func (h *house) room(worker string, senders map[string]sender) *Service {
	s, err := New(h.cfg, Deps{Bus: bustest.Connect(h.t, h.server), Index: h.index, Clock: time.Now, Log: quiet(), Worker: worker,
		Report: func(context.Context) telemetry.Report {
			return telemetry.Report{Index: telemetry.IndexReport{Ready: true}}
		},
		PublicURL: func() string { return "https://palinsesto.example.org" }})
	require.NoError(h.t, err)
	s.pace = pace{look: 10 * time.Millisecond, rest: 10 * time.Millisecond, slow: 20 * time.Millisecond, settle: 60 * time.Millisecond, settleMost: 2 * time.Second, ill: 20 * time.Millisecond,
		well: 40 * time.Millisecond, lapse: 300 * time.Millisecond, first: 10 * time.Millisecond, last: 50 * time.Millisecond, send: time.Second}
	for name, x := range senders {
		s.ways = append(s.ways, newWay(name, x))
	}
	return s
}

// recorder is a sender that remembers, and fails while it is told to.
type recorder struct {
	mu   sync.Mutex
	told []message
	down bool
	hit  func() // called in the middle of a send
}

func (r *recorder) send(_ context.Context, m message) error {
	if r.hit != nil {
		r.hit()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		return errors.New("421 not now")
	}
	r.told = append(r.told, m)
	return nil
}

func (r *recorder) set(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

func (r *recorder) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, m := range r.told {
		all = append(all, m.body)
	}
	return all
}

// titles are the first lines of all paragraphs that were told.
func (r *recorder) titles() []string {
	var all []string
	for _, body := range r.messages() {
		for _, p := range strings.Split(body, "\n\n———\n\n") {
			title, _, _ := strings.Cut(p, "\n")
			all = append(all, title)
		}
	}
	return all
}

func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	require.Eventually(h.t, ok, patience, 5*time.Millisecond, what)
}

// post writes a post as it stands after an event; seq 0 for a new one.
func (h *house) post(n int, event palinsesto.PostEvent, state palinsesto.PostState, cause string, was uint64) uint64 {
	h.t.Helper()
	p := palinsesto.Post{ID: palinsesto.DeriveID("post", fmt.Sprint(n)), Segnalazione: palinsesto.DeriveID("seg", fmt.Sprint(n)),
		Centre: "ancona", Channel: tg, Network: "telegram", State: state, Cause: cause, Problem: "Il testo è troppo lungo.", Due: time.Now()}
	e, err := bus.Put(context.Background(), h.bus, contract.Posts,
		contract.Event[palinsesto.Post]{Subject: contract.PostSubject(tg, p.ID), Seq: was}, string(event), contract.Envelope{}, p)
	require.NoError(h.t, err)
	return e.Seq
}

func (h *house) fail(from, to int) []uint64 {
	var seqs []uint64
	for n := from; n < to; n++ {
		seqs = append(seqs, h.post(n, palinsesto.PostWasFailed, palinsesto.PostFailed, "content", 0))
	}
	return seqs
}

func (h *house) alert(kind palinsesto.AlertKind, scope, cause string) palinsesto.Alert {
	e, err := bus.Load(context.Background(), h.bus, contract.Alerts, contract.AlertSubject(palinsesto.AlertID(kind, scope, cause)))
	if errors.Is(err, bus.ErrNone) {
		return palinsesto.Alert{}
	}
	require.NoError(h.t, err)
	return e.State
}
