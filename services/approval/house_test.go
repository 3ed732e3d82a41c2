// SPDX-License-Identifier: AGPL-3.0-or-later

package approval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/approval"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/intake"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/media"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const houseYAML = `
organisation: {name: Regione di prova}
centres:
  - {id: ancona, name: CpI Ancona, province: AN}
  - {id: jesi, name: CpI Jesi, province: AN}
channels:
  - {id: telegram-marche, network: telegram, target: "@prova", token_env: PROVA, spacing: 10m}
  - {id: telegram-altro, network: telegram, target: "@altro", token_env: PROVA, centres: [ancona]}
  - {id: instagram-marche, network: instagram, target: "prova", token_env: PROVA}
review: {allowed_self_approval_centres: [jesi]}
`

var (
	start    = time.Date(2026, time.November, 22, 11, 0, 0, 0, time.UTC)
	author   = palinsesto.Actor{ID: "token:a", Name: "Elena", Role: palinsesto.RoleReferente, Centre: "ancona"}
	collega  = palinsesto.Actor{ID: "token:b", Name: "Paolo", Role: palinsesto.RoleReferente, Centre: "ancona"}
	stranger = palinsesto.Actor{ID: "token:c", Name: "Marta", Role: palinsesto.RoleReferente, Centre: "jesi"}
	editor   = palinsesto.Actor{ID: "token:d", Name: "Giulia", Role: palinsesto.RoleRedattore}
	second   = palinsesto.Actor{ID: "token:e", Name: "Luca", Role: palinsesto.RoleRedattore}
	operator = palinsesto.Actor{ID: "token:f", Name: "Sala", Role: palinsesto.RoleOperatore}
)

// house is intake, approval and media on one log, asked over the bus as api does. The clock stands
// still until it is moved.
type house struct {
	t      testing.TB
	server *embednats.Server
	cfg    *config.Config
	index  *index.Index
	bus    *bus.Bus // of whoever asks
	now    atomic.Int64
}

type runner interface{ Run(context.Context) error }

func newHouse(t testing.TB, change ...func(*config.Config)) *house {
	t.Helper()
	h := bare(t, change...)
	room, err := media.New(h.cfg, media.Deps{Bus: h.connect(), Clock: h.clock, Log: quiet()})
	require.NoError(t, err)
	h.run(room, "media", "derive")
	return h
}

// bare has no media room.
func bare(t testing.TB, change ...func(*config.Config)) *house {
	t.Helper()
	cfg, err := config.Parse([]byte(houseYAML), "casa.yaml")
	require.NoError(t, err)
	for _, f := range change {
		f(cfg)
	}
	x, err := index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	h := &house{t: t, server: bustest.Server(t), cfg: cfg, index: x}
	h.now.Store(start.UnixNano())
	h.bus = h.connect()
	in, err := intake.New(cfg, intake.Deps{Bus: h.connect(), Index: x, Clock: h.clock, Log: quiet()})
	require.NoError(t, err)
	h.run(in, "intake", "submit")
	h.another()
	return h
}

// another starts a copy of the room.
func (h *house) another() {
	h.t.Helper()
	room, err := approval.New(h.cfg, approval.Deps{Bus: h.connect(), Index: h.index, Clock: h.clock, Log: quiet()})
	require.NoError(h.t, err)
	h.run(room, "approval", "approve")
}

func (h *house) connect() *bus.Bus { h.t.Helper(); return bustest.Connect(h.t, h.server) }

// run starts a room and returns when it answers; it ends, cleanly, with the test.
func (h *house) run(r runner, room, verb string) {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	h.t.Cleanup(func() { stop(); require.NoError(h.t, <-ended) })
	for {
		if _, err := h.bus.Request(ctx, room, verb, []byte{0xff}); palinsesto.CodeOf(err) != palinsesto.CodeBusy {
			return
		}
	}
}

func (h *house) clock() time.Time { return time.Unix(0, h.now.Load()).UTC() }

func (h *house) pass(d time.Duration) { h.now.Add(int64(d)) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func by(a palinsesto.Actor) palinsesto.Command {
	return palinsesto.Command{ID: uuid.NewString(), Actor: a}
}

// ask sends a command and reads the answer.
func ask[T any](h *house, room, verb string, cmd T, encode func(T) ([]byte, error)) (contract.SegReply, error) {
	data, err := encode(cmd)
	if err != nil {
		return contract.SegReply{}, err
	}
	raw, err := h.bus.Request(context.Background(), room, verb, data)
	if err != nil {
		return contract.SegReply{}, err
	}
	return contract.DecodeSegReply(raw)
}

func (h *house) approve(cmd palinsesto.Approve) (contract.SegReply, error) {
	return ask(h, "approval", "approve", cmd, contract.EncodeApprove)
}

func (h *house) decide(verb string, cmd palinsesto.Decide) (contract.SegReply, error) {
	return ask(h, "approval", verb, cmd, contract.EncodeDecide)
}

func (h *house) revise(cmd palinsesto.Revise) (contract.SegReply, error) {
	return ask(h, "intake", "revise", cmd, contract.EncodeRevise)
}

type fields map[string]any

func event(change fields) []byte {
	f := fields{
		"centre": "ancona", "kind": "evento", "title": "Recruiting day", "body": "Dieci aziende incontrano chi cerca lavoro.",
		"starts_at": "2026-12-15T09:30:00+01:00", "ends_at": "2026-12-15T12:00:00+01:00", "expires_at": "2026-12-15T12:00:00+01:00",
		"place": "Ancona", "wanted_channels": []string{"telegram-marche"},
	}
	maps.Copy(f, change)
	raw, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return raw
}

func (h *house) submit(a palinsesto.Actor, change fields) palinsesto.Segnalazione {
	h.t.Helper()
	r, err := ask(h, "intake", "submit", palinsesto.Submit{Command: by(a), Document: event(change)}, contract.EncodeSubmit)
	require.NoError(h.t, err)
	return r.Segnalazione
}

// upload brings a picture into the store and gives what a document says of it.
func (h *house) upload(name string, width, height int) map[string]string {
	h.t.Helper()
	ctx := context.Background()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.Set(i%width, i/width, color.RGBA{R: uint8(i), G: uint8(i / width), B: uint8(len(name)), A: 255})
	}
	var file bytes.Buffer
	require.NoError(h.t, png.Encode(&file, img))
	require.NoError(h.t, h.bus.PutUpload(ctx, name, &file))
	cmd, err := contract.EncodeAcceptMedia(palinsesto.AcceptMedia{Command: by(author), Upload: name, Filename: name})
	require.NoError(h.t, err)
	raw, err := h.bus.Request(ctx, "media", "accept", cmd)
	require.NoError(h.t, err)
	r, err := contract.DecodeMediaReply(raw)
	require.NoError(h.t, err)
	return map[string]string{"id": r.Media.Hash, "filename": name, "alt": "Una sala con molte persone sedute"}
}

func (h *house) last() uint64 {
	h.t.Helper()
	seq, err := h.bus.LastSeq(context.Background())
	require.NoError(h.t, err)
	return seq
}

func (h *house) history(seg palinsesto.Segnalazione) []contract.Event[palinsesto.Segnalazione] {
	h.t.Helper()
	records, err := h.bus.History(context.Background(), contract.SegSubject(seg.Centre, seg.ID), 200)
	require.NoError(h.t, err)
	var out []contract.Event[palinsesto.Segnalazione]
	for _, r := range records {
		e, err := bus.Decode(contract.Segnalazioni, r)
		require.NoError(h.t, err)
		out = append(out, e)
	}
	return out
}

// put writes a post as scheduling and publishing would.
func (h *house) put(seg palinsesto.Segnalazione, channel string, state palinsesto.PostState) palinsesto.Post {
	h.t.Helper()
	p := palinsesto.Post{ID: palinsesto.PostID(seg.ID, channel, 0), Segnalazione: seg.ID, Centre: seg.Centre, Channel: channel, State: state}
	was := contract.Event[palinsesto.Post]{Subject: contract.PostSubject(channel, p.ID)}
	_, err := bus.Put(context.Background(), h.bus, contract.Posts, was, string(state), contract.Envelope{}, p)
	require.NoError(h.t, err)
	return p
}

func problemsOf(t testing.TB, err error) map[string]string {
	t.Helper()
	var e *palinsesto.Error
	require.ErrorAs(t, err, &e)
	out := map[string]string{}
	for _, p := range e.Problems {
		out[p.Field] = p.Code
		require.NotEmpty(t, p.Text)
	}
	return out
}
