// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/indexing"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	patience = 20 * time.Second
	theOne   = "telegram-marche"
)

// house is a log, an index and what publishing needs of a configuration.
type house struct {
	t      testing.TB
	server *embednats.Server
	*bus.Bus
	index *index.Index
	cfg   *config.Config
	net   *fake
	segs  int

	projected bool
}

func newHouse(t testing.TB, change ...func(*config.Config)) *house {
	t.Helper()
	h := &house{t: t, server: bustest.Server(t), net: &fake{}}
	h.Bus = bustest.Connect(t, h.server)
	h.cfg = &config.Config{
		Centres:  []config.Centre{{ID: "ancona"}},
		Channels: []config.Channel{{ID: theOne, Network: "telegram", Options: config.Options{Workers: 8}}},
		Publishing: config.Publishing{
			Grace: time.Minute, Lease: time.Second, CallDeadline: 10 * time.Second, CallTimeout: 10 * time.Second,
			Retry: config.Retry{First: 30 * time.Second, Max: 30 * time.Second, Factor: 1},
		},
	}
	for _, f := range change {
		f(h.cfg)
	}
	var err error
	h.index, err = index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	own := h.index // a test may take another one
	t.Cleanup(func() { require.NoError(t, own.Close()) })
	return h
}

// project runs the indexing room, once.
func (h *house) project() *house {
	if h.projected {
		return h
	}
	h.projected = true
	s, err := indexing.New(h.cfg, indexing.Deps{Bus: h.Bus, Index: h.index, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	inBackground(h.t, s.Run)
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

// room makes a copy of publishing with a connection of its own.
func (h *house) room(worker string, change ...func(*Deps)) *Service {
	d := Deps{
		Bus: bustest.Connect(h.t, h.server), Index: h.index, Channels: map[string]channel.Channel{},
		Clock: time.Now, Log: quiet(), Worker: worker,
	}
	for _, c := range h.cfg.Channels {
		d.Channels[c.ID] = full{h.net}
	}
	for _, f := range change {
		f(&d)
	}
	s, err := New(h.cfg, d)
	require.NoError(h.t, err)
	return s
}

// start runs a copy of publishing.
func (h *house) start(worker string, change ...func(*Deps)) (stop func()) {
	h.project() // where to begin stands in the index
	return inBackground(h.t, h.room(worker, change...).Run)
}

// worker is the one of a channel, to be called by hand.
func (h *house) worker(name string, change ...func(*Deps)) *worker {
	s := h.room(name, change...)
	return s.worker(h.cfg.Channels[0], nil)
}

func (h *house) env() contract.Envelope {
	return contract.Envelope{Actor: palinsesto.Actor{ID: "token:1", Name: "Prova"}, At: time.Now()}
}

func variant(ch string, texts ...string) palinsesto.Variant {
	v := palinsesto.Variant{Channel: ch, Network: "telegram"}
	for _, t := range texts {
		v.Parts = append(v.Parts, palinsesto.Part{Text: t})
	}
	v.Hash = palinsesto.HashParts(v.Parts)
	return v
}

// approve appends an approved segnalazione with one text per part.
func (h *house) approve(texts ...string) contract.Event[palinsesto.Segnalazione] {
	h.segs++
	seg := palinsesto.Segnalazione{
		ID: palinsesto.DeriveID("seg", fmt.Sprint(h.segs)), Centre: "ancona", State: palinsesto.SegApproved, Version: 2,
		Content: palinsesto.Content{Kind: palinsesto.KindAvviso, Title: "Avviso", Tags: []string{"lavoro"}},
		Ever:    []string{theOne},
	}
	seg.Approval = &palinsesto.Approval{Variants: []palinsesto.Variant{variant(theOne, texts...)}}
	was := contract.Event[palinsesto.Segnalazione]{Subject: contract.SegSubject(seg.Centre, seg.ID)}
	e, err := bus.Put(context.Background(), h.Bus, contract.Segnalazioni, was, "approved", h.env(), seg)
	require.NoError(h.t, err)
	return e
}

// changeSeg appends what happened to a segnalazione.
func (h *house) changeSeg(subject, event string, change func(*palinsesto.Segnalazione)) contract.Event[palinsesto.Segnalazione] {
	e, err := bus.Update(context.Background(), h.Bus, contract.Segnalazioni, subject, h.env(),
		func(cur contract.Event[palinsesto.Segnalazione]) (bus.Decision[palinsesto.Segnalazione], error) {
			next := cur.State
			if event != string(palinsesto.SegWasCommented) {
				next.Version++
			}
			change(&next)
			return bus.Decision[palinsesto.Segnalazione]{Event: event, State: next}, nil
		})
	require.NoError(h.t, err)
	return e
}

// draft is a post that is due, not yet on the log.
func draft(seg palinsesto.Segnalazione, due time.Time) palinsesto.Post {
	v := seg.Approval.Variants[0]
	return palinsesto.Post{
		ID: palinsesto.PostID(seg.ID, v.Channel, 0), Segnalazione: seg.ID, Centre: seg.Centre, Channel: v.Channel,
		Network: v.Network, Kind: seg.Kind, Title: seg.Title, State: palinsesto.PostDue, Approved: seg.Version,
		Hash: v.Hash, Due: due, FirstDue: due, Expires: seg.ExpiresAt, Parts: make([]palinsesto.PartState, len(v.Parts)),
	}
}

// put appends a post in a state of the test's choosing.
func (h *house) put(event palinsesto.PostEvent, p palinsesto.Post) post {
	subject := contract.PostSubject(p.Channel, p.ID)
	cur, err := bus.Load(context.Background(), h.Bus, contract.Posts, subject)
	if err != nil {
		require.ErrorIs(h.t, err, bus.ErrNone)
		cur = post{Subject: subject}
	}
	e, err := bus.Put(context.Background(), h.Bus, contract.Posts, cur, string(event), h.env(), p)
	require.NoError(h.t, err)
	return e
}

// due appends a post of a new segnalazione that is due now.
func (h *house) due(texts ...string) post {
	return h.put(palinsesto.PostWasDue, draft(h.approve(texts...).State, time.Now()))
}

func (h *house) load(subject string) post {
	p, err := bus.Load(context.Background(), h.Bus, contract.Posts, subject)
	require.NoError(h.t, err)
	return p
}

// until waits for a post to come into a state.
func (h *house) until(subject string, state palinsesto.PostState) post {
	h.t.Helper()
	var p post
	require.Eventually(h.t, func() bool {
		p = h.load(subject)
		return p.State.State == state
	}, patience, 2*time.Millisecond, "%s never became %s", subject, state)
	return p
}

// events are the names of what happened to a post, in order.
func (h *house) events(subject string) []string {
	records, err := h.History(context.Background(), subject, 100)
	require.NoError(h.t, err)
	var names []string
	for _, r := range records {
		names = append(names, r.Event)
	}
	return names
}

// hold places a hold and gives the sequence of it.
func (h *house) hold(scope palinsesto.Scope, value string) contract.Event[contract.HoldChange] {
	hold := palinsesto.Hold{ID: palinsesto.DeriveID("hold", string(scope), value), Scope: scope, Value: value, Reason: "prova"}
	e, err := bus.Update(context.Background(), h.Bus, contract.Holds, contract.HoldSubject, h.env(),
		func(cur contract.Event[contract.HoldChange]) (bus.Decision[contract.HoldChange], error) {
			return bus.Decision[contract.HoldChange]{Event: palinsesto.HoldWasPlaced,
				State: contract.HoldChange{Standing: append(cur.State.Standing, hold), Changed: hold}}, nil
		})
	require.NoError(h.t, err)
	return e
}

// setChannel appends a state of the channel.
func (h *house) setChannel(event string, change func(*palinsesto.Channel)) {
	_, err := bus.Update(context.Background(), h.Bus, contract.Channels, contract.ChannelSubject(theOne), h.env(),
		func(cur contract.Event[palinsesto.Channel]) (bus.Decision[palinsesto.Channel], error) {
			c := cur.State
			c.ID = theOne
			change(&c)
			return bus.Decision[palinsesto.Channel]{Event: event, State: c}, nil
		})
	require.NoError(h.t, err)
}

func (h *house) channel() (contract.Event[palinsesto.Channel], []string) {
	subject := contract.ChannelSubject(theOne)
	c, err := bus.Load(context.Background(), h.Bus, contract.Channels, subject)
	if err != nil {
		require.ErrorIs(h.t, err, bus.ErrNone)
		return c, nil
	}
	return c, h.events(subject)
}

// within waits for a signal.
func within[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case x := <-ch:
		return x
	case <-time.After(patience):
		require.FailNow(t, "the signal did not come")
		panic("not reached")
	}
}
