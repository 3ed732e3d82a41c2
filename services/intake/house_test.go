// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
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
	"github.com/palinsesto/palinsesto/services/rules/rulestest"
)

const houseYAML = `
organisation: {name: Regione di prova}
centres:
  - {id: ancona, name: CpI Ancona, province: AN}
  - {id: jesi, name: CpI Jesi, province: AN}
channels:
  - {id: telegram-marche, network: telegram, target: "@prova", token_env: PROVA}
  - {id: telegram-jesi, network: telegram, target: "@jesi", token_env: PROVA, centres: [jesi]}
media: {per_item: 2}
`

var (
	ancona    = palinsesto.Actor{ID: "token:ancona", Name: "Elena", Role: palinsesto.RoleReferente, Centre: "ancona"}
	collega   = palinsesto.Actor{ID: "token:ancona-2", Name: "Paolo", Role: palinsesto.RoleReferente, Centre: "ancona"}
	jesi      = palinsesto.Actor{ID: "token:jesi", Name: "Marta", Role: palinsesto.RoleReferente, Centre: "jesi"}
	redazione = palinsesto.Actor{ID: "token:redazione", Name: "Redazione", Role: palinsesto.RoleRedattore}
)

// house is the room on a log of its own; the clock stands still until it is moved.
type house struct {
	*Service
	t      testing.TB
	server *embednats.Server
	now    atomic.Int64
	cfg    *config.Config
}

func newHouse(t testing.TB, change ...func(*bus.Options)) *house {
	t.Helper()
	cfg, err := config.Parse([]byte(houseYAML), "casa.yaml")
	require.NoError(t, err)
	x, err := index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	h := &house{t: t, server: bustest.Server(t), cfg: cfg}
	h.now.Store(rulestest.Now.UnixNano())
	h.Service = h.copy(x, change...)
	return h
}

// copy is one more copy of the room, with a connection of its own.
func (h *house) copy(x *index.Index, change ...func(*bus.Options)) *Service {
	h.t.Helper()
	s, err := New(h.cfg, Deps{Bus: bustest.Connect(h.t, h.server, change...), Index: x, Clock: h.clock, Log: quiet()})
	require.NoError(h.t, err)
	return s
}

func (h *house) clock() time.Time { return time.Unix(0, h.now.Load()).UTC() }

func (h *house) pass(d time.Duration) { h.now.Add(int64(d)) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// indexed lets the index follow the log, until the test or what is returned ends it.
func (h *house) indexed() (stop func()) {
	h.t.Helper()
	room, err := indexing.New(h.cfg, indexing.Deps{Bus: bustest.Connect(h.t, h.server), Index: h.Index, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- room.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	h.t.Cleanup(stop)
	require.Eventually(h.t, func() bool { return room.Ready(ctx) == nil }, 20*time.Second, 5*time.Millisecond)
	return stop
}

// media puts a file of ancona into the store, as the media room would.
func (h *house) media(name string) palinsesto.Media {
	h.t.Helper()
	sum := sha256.Sum256([]byte(name))
	m := palinsesto.Media{Hash: hex.EncodeToString(sum[:]), Filename: name, Kind: "image", MIME: "image/jpeg", Bytes: int64(len(name)), Width: 800, Height: 600}
	require.NoError(h.t, h.Bus.PutMedia(context.Background(), m, []byte(name)))
	require.NoError(h.t, h.Bus.Bring(context.Background(), m.Hash, ancona.Centre))
	return m
}

// fields are the fields of a document that is all right.
type fields map[string]any

func offer(change fields) []byte {
	f := fields{
		"centre": "ancona", "kind": "offerta_lavoro", "title": "Addetta/o alla saldatura",
		"body": "Azienda metalmeccanica cerca due persone. Candidarsi con il curriculum.", "expires_at": "2026-12-18T23:59:00+01:00",
		"place": "Ancona", "link": "https://www.example.org/offerte/1", "tags": []string{"Lavoro"}, "wanted_channels": []string{"telegram"},
	}
	maps.Copy(f, change)
	raw, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		panic(err)
	}
	return raw
}

func (h *house) send(s *Service, cmd palinsesto.Submit) (contract.SegReply, error) {
	h.t.Helper()
	data, err := contract.EncodeSubmit(cmd)
	require.NoError(h.t, err)
	return decoded(s.submit(context.Background(), data))
}

func (h *house) trySubmit(by palinsesto.Actor, key string, doc []byte) (contract.SegReply, error) {
	h.t.Helper()
	return h.send(h.Service, palinsesto.Submit{Command: palinsesto.Command{Actor: by}, Key: key, Document: doc})
}

func (h *house) submitted(by palinsesto.Actor, doc []byte) palinsesto.Segnalazione {
	h.t.Helper()
	r, err := h.trySubmit(by, "", doc)
	require.NoError(h.t, err)
	require.True(h.t, r.Created)
	return r.Segnalazione
}

func (h *house) tryRevise(cmd palinsesto.Revise) (contract.SegReply, error) {
	h.t.Helper()
	data, err := contract.EncodeRevise(cmd)
	require.NoError(h.t, err)
	return decoded(h.revise(context.Background(), data))
}

func decoded(raw []byte, err error) (contract.SegReply, error) {
	if err != nil {
		return contract.SegReply{}, err
	}
	return contract.DecodeSegReply(raw)
}

// put writes a state as another room would.
func (h *house) put(event palinsesto.SegEvent, change func(*palinsesto.Segnalazione), id string) palinsesto.Segnalazione {
	h.t.Helper()
	ctx := context.Background()
	cur, err := bus.Load(ctx, h.Bus, contract.Segnalazioni, contract.AnySeg(id))
	require.NoError(h.t, err)
	next := cur.State
	change(&next)
	done, err := bus.Put(ctx, h.Bus, contract.Segnalazioni, cur, string(event), contract.Envelope{Actor: redazione, At: h.clock()}, next)
	require.NoError(h.t, err)
	return done.State
}

func (h *house) history(seg palinsesto.Segnalazione) []bus.Record {
	h.t.Helper()
	records, err := h.Bus.History(context.Background(), contract.SegSubject(seg.Centre, seg.ID), 100)
	require.NoError(h.t, err)
	return records
}

// codes are those of a refusal's problems, or of marks.
func codes(ps []palinsesto.Problem) map[string]string {
	out := map[string]string{}
	for _, p := range ps {
		out[p.Code] = p.Field
	}
	return out
}

func problemsOf(t testing.TB, err error) []palinsesto.Problem {
	t.Helper()
	var e *palinsesto.Error
	require.ErrorAs(t, err, &e)
	return e.Problems
}

func compact(t testing.TB, doc []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, doc))
	return out.Bytes()
}
