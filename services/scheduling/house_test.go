// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"fmt"
	"log/slog"
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
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	patience = 20 * time.Second
	free     = "telegram-marche" // a channel without spacing
	spaced   = "telegram-ancona" // one with
	spacing  = time.Minute
)

var operatore = palinsesto.Actor{ID: "token:op", Name: "Operatore", Role: palinsesto.RoleOperatore}

// house is a log and an index that is kept up to date, with what scheduling needs of a configuration.
type house struct {
	t      testing.TB
	server *embednats.Server
	*bus.Bus
	index *index.Index
	cfg   *config.Config
	mu    sync.Mutex
	segs  int
}

func newHouse(t testing.TB, change ...func(*config.Config)) *house {
	t.Helper()
	h := &house{t: t, server: bustest.Server(t)}
	h.Bus = bustest.Connect(t, h.server)
	h.cfg = &config.Config{
		Organisation: config.Organisation{Timezone: "Europe/Rome"},
		Centres:      []config.Centre{{ID: "ancona"}},
		Channels: []config.Channel{
			{ID: free, Network: "telegram"}, {ID: spaced, Network: "telegram", Spacing: spacing},
		},
		Publishing: config.Publishing{
			Grace: 30 * time.Minute, Lease: 30 * time.Second, CallDeadline: 10 * time.Second, CallTimeout: time.Minute,
		},
	}
	for _, f := range change {
		f(h.cfg)
	}
	var err error
	h.index, err = index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.index.Close()) })
	s, err := indexing.New(h.cfg, indexing.Deps{Bus: h.Bus, Index: h.index, Clock: time.Now, Log: quiet()})
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

// room makes a copy of scheduling with a connection of its own.
func (h *house) room(change ...func(*Deps)) *Service {
	d := Deps{Bus: bustest.Connect(h.t, h.server), Index: h.index, Clock: time.Now, Log: quiet()}
	for _, f := range change {
		f(&d)
	}
	s, err := New(h.cfg, d)
	require.NoError(h.t, err)
	return s
}

// at gives a room whose clock is moved by d against the true one.
func at(d time.Duration) func(*Deps) {
	return func(deps *Deps) { deps.Clock = func() time.Time { return time.Now().Add(d) } }
}

func (h *house) env() contract.Envelope {
	return contract.Envelope{Actor: palinsesto.Actor{ID: "token:1", Name: "Prova"}, At: time.Now()}
}

func variant(channel, text string) palinsesto.Variant {
	v := palinsesto.Variant{Channel: channel, Network: "telegram", Parts: []palinsesto.Part{{Text: text}}}
	v.Hash = palinsesto.HashParts(v.Parts)
	return v
}

// report appends an approved segnalazione without telling scheduling.
func (h *house) report(change ...func(*palinsesto.Segnalazione)) segnalazione {
	h.mu.Lock()
	h.segs++
	id := palinsesto.DeriveID("seg", fmt.Sprint(h.segs))
	h.mu.Unlock()
	seg := palinsesto.Segnalazione{
		ID: id, Centre: "ancona", State: palinsesto.SegApproved, Version: 2, Ever: []string{free},
		Content:  palinsesto.Content{Kind: palinsesto.KindAvviso, Title: "Avviso", Tags: []string{"lavoro"}},
		Approval: &palinsesto.Approval{Variants: []palinsesto.Variant{variant(free, "testo")}},
	}
	for _, f := range change {
		f(&seg)
	}
	was := segnalazione{Subject: contract.SegSubject(seg.Centre, seg.ID)}
	e, err := bus.Put(context.Background(), h.Bus, contract.Segnalazioni, was, "approved", h.env(), seg)
	require.NoError(h.t, err)
	return e
}

// on has the segnalazione go out on a channel, and when.
func on(channel string, due time.Time, bend bool) func(*palinsesto.Segnalazione) {
	return func(s *palinsesto.Segnalazione) {
		s.Ever = []string{channel}
		s.Approval = &palinsesto.Approval{Due: due, Bend: bend, Variants: []palinsesto.Variant{variant(channel, "testo")}}
	}
}

// happens appends what happened to a segnalazione.
func (h *house) happens(seg segnalazione, event palinsesto.SegEvent, change func(*palinsesto.Segnalazione)) segnalazione {
	e, err := bus.Update(context.Background(), h.Bus, contract.Segnalazioni, seg.Subject, h.env(),
		func(cur segnalazione) (bus.Decision[palinsesto.Segnalazione], error) {
			next := cur.State
			if to, ok := event.To(next.State); ok {
				next.State = to
			}
			if event == palinsesto.SegWasRevised {
				next.Approval = nil
			}
			next.Version++
			if change != nil {
				change(&next)
			}
			return bus.Decision[palinsesto.Segnalazione]{Event: string(event), State: next}, nil
		})
	require.NoError(h.t, err)
	return e
}

// approveAgain is a revision and the approval of a text.
func (h *house) approveAgain(seg segnalazione, text string) segnalazione {
	h.happens(seg, palinsesto.SegWasRevised, nil)
	return h.happens(seg, palinsesto.SegWasApproved, func(s *palinsesto.Segnalazione) {
		s.Approval = &palinsesto.Approval{Variants: []palinsesto.Variant{variant(free, text)}}
	})
}

// tell delivers the newest event of a segnalazione to a room.
func (h *house) tell(s *Service, seg segnalazione) error {
	r, err := h.Newest(context.Background(), 0, seg.Subject)
	require.NoError(h.t, err)
	return s.onSegnalazione(context.Background(), bus.Delivery{Record: r[0], Deliveries: 1})
}

func subjectOf(seg palinsesto.Segnalazione) string {
	return contract.PostSubject(seg.Ever[0], palinsesto.PostID(seg.ID, seg.Ever[0], 0))
}

// draft is the post of a segnalazione, queued for a moment; not yet on the log.
func draft(seg palinsesto.Segnalazione, due time.Time) palinsesto.Post {
	v := seg.Approval.Variants[0]
	return palinsesto.Post{
		ID: palinsesto.PostID(seg.ID, v.Channel, 0), Segnalazione: seg.ID, Centre: seg.Centre, Channel: v.Channel,
		Network: v.Network, Kind: seg.Kind, Title: seg.Title, State: palinsesto.PostQueued, Approved: seg.Version,
		Hash: v.Hash, Due: due, FirstDue: due, Expires: seg.ExpiresAt, Parts: make([]palinsesto.PartState, len(v.Parts)), Bend: true,
	}
}

// put appends a post in a state of the test's choosing.
func (h *house) put(event palinsesto.PostEvent, p palinsesto.Post) post {
	return h.putAt(event, p, time.Now())
}

func (h *house) putAt(event palinsesto.PostEvent, p palinsesto.Post, when time.Time) post {
	subject := contract.PostSubject(p.Channel, p.ID)
	cur, err := bus.Load(context.Background(), h.Bus, contract.Posts, subject)
	if err != nil {
		require.ErrorIs(h.t, err, bus.ErrNone)
		cur = post{Subject: subject}
	}
	env := h.env()
	env.At = when
	e, err := bus.Put(context.Background(), h.Bus, contract.Posts, cur, string(event), env, p)
	require.NoError(h.t, err)
	return e
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
		var err error
		p, err = bus.Load(context.Background(), h.Bus, contract.Posts, subject)
		return err == nil && p.State.State == state
	}, patience, 2*time.Millisecond, "%s never became %s", subject, state)
	return p
}

// shown waits until the index has all that is on the log.
func (h *house) shown() {
	h.t.Helper()
	last, err := h.LastSeq(context.Background())
	require.NoError(h.t, err)
	require.Eventually(h.t, func() bool {
		m, err := h.index.Meta(context.Background())
		return err == nil && m.Ready && m.Seq >= last
	}, patience, 2*time.Millisecond, "the index does not keep up")
}

// events are the names of what happened to an aggregate, in order.
func (h *house) events(subject string) []string {
	records, err := h.History(context.Background(), subject, 1000)
	require.NoError(h.t, err)
	var names []string
	for _, r := range records {
		names = append(names, r.Event)
	}
	return names
}

func (h *house) channel(id string) palinsesto.Channel {
	c, err := bus.Load(context.Background(), h.Bus, contract.Channels, contract.ChannelSubject(id))
	if err != nil {
		require.ErrorIs(h.t, err, bus.ErrNone)
	}
	return c.State
}

// useIndex projects the log into another index than the one in this process.
func (h *house) useIndex(x *index.Index) {
	s, err := indexing.New(h.cfg, indexing.Deps{Bus: h.Bus, Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	inBackground(h.t, s.Run)
}
