// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/approval"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/indexing"
	"github.com/palinsesto/palinsesto/services/intake"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/media"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/scheduling"
)

const houseYAML = `
organisation: {name: Regione di prova}
centres:
  - {id: ancona, name: CpI Ancona, province: AN}
  - {id: jesi, name: CpI Jesi, province: AN}
channels:
  - {id: telegram-marche, network: telegram, target: "@prova", token_env: PROVA}
  - {id: telegram-ancona, network: telegram, target: "@ancona", token_env: PROVA, centres: [ancona]}
media: {image_bytes: 1MiB, video_bytes: 1MiB}
`

// house is the room among the real rooms, on a log of its own, listening on a free port. Publishing is
// stood in for by its one command: nothing is to be published here.
type house struct {
	*Service
	t      testing.TB
	server *embednats.Server
	url    string
	said   *words
	stop   func()
	tokens map[string]string // by role; referente is of ancona, referente-jesi of jesi
	ids    map[string]string // of the tokens
}

// words keeps log lines for a test to look at.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func newHouse(t testing.TB, change ...func(*Deps)) *house {
	t.Helper()
	cfg, err := config.Parse([]byte(houseYAML), "casa.yaml")
	require.NoError(t, err)
	x, err := index.Open(context.Background(), index.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	h := &house{t: t, server: bustest.Server(t), said: &words{}, tokens: map[string]string{}, ids: map[string]string{}}
	h.rooms(cfg, x)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.url = "http://" + l.Addr().String()
	d := Deps{Bus: bustest.Connect(t, h.server), Index: x, Clock: time.Now, Log: slog.New(slog.NewTextHandler(h.said, nil)), Listener: l}
	for _, f := range change {
		f(&d)
	}
	h.Service, err = New(cfg, d)
	require.NoError(t, err)
	h.stop = running(t, h.Service.Run)
	for _, role := range palinsesto.Roles {
		centre := ""
		if role == palinsesto.RoleReferente {
			centre = "ancona"
		}
		h.person(string(role), "Nome di "+string(role), role, centre)
	}
	h.person("referente-jesi", "Marta di Jesi", palinsesto.RoleReferente, "jesi")
	h.indexed()
	return h
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (h *house) rooms(cfg *config.Config, x *index.Index) {
	connect := func() *bus.Bus { return bustest.Connect(h.t, h.server) }
	in, err := indexing.New(cfg, indexing.Deps{Bus: connect(), Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	take, err := intake.New(cfg, intake.Deps{Bus: connect(), Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	review, err := approval.New(cfg, approval.Deps{Bus: connect(), Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	plan, err := scheduling.New(cfg, scheduling.Deps{Bus: connect(), Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	files, err := media.New(cfg, media.Deps{Bus: connect(), Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(h.t, err)
	for _, run := range []func(context.Context) error{in.Run, take.Run, review.Run, plan.Run, files.Run} {
		running(h.t, run)
	}
	stand := connect()
	running(h.t, func(ctx context.Context) error {
		return stand.Serve(ctx, "publishing", "a stand-in", bus.Endpoint{Verb: "check", Handle: func(_ context.Context, data []byte) ([]byte, error) {
			cmd, err := contract.DecodeSetChannel(data)
			if err != nil {
				return nil, err
			}
			return contract.EncodeChannelReply(contract.ChannelReply{Channel: palinsesto.Channel{ID: cmd.Channel}})
		}}, bus.Endpoint{Verb: "test", Handle: func(_ context.Context, data []byte) ([]byte, error) {
			cmd, err := contract.DecodeTestChannel(data)
			if err != nil {
				return nil, err
			}
			return contract.EncodeChannelReply(contract.ChannelReply{Channel: palinsesto.Channel{ID: cmd.Channel,
				Test: &palinsesto.ChannelTest{ID: cmd.ID, By: cmd.Actor, At: time.Now(), Verdict: "posted", RemoteIDs: []string{"7"},
					Link: "https://t.me/prova/7", Afterwards: map[bool]string{true: palinsesto.TestKept, false: palinsesto.TestRemoved}[cmd.Keep]}}})
		}})
	})
}

// running runs a room until the test or the returned function ends it.
func running(t testing.TB, run func(context.Context) error) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-ended)
		})
	}
	t.Cleanup(stop)
	return stop
}

// person gives somebody a token.
func (h *house) person(as, name string, role palinsesto.Role, centre string) {
	h.t.Helper()
	secret, tok := NewToken(name, role, centre)
	tok.Made, tok.MadeBy = time.Now(), palinsesto.Room("test")
	require.NoError(h.t, AppendToken(context.Background(), h.Bus, contract.Envelope{Actor: tok.MadeBy, At: tok.Made}, tok))
	h.tokens[as], h.ids[as] = secret, tok.ID
}

// indexed waits until the index shows the whole log.
func (h *house) indexed() {
	h.t.Helper()
	eventually(h.t, "the index is current", func() bool {
		last, err := h.Bus.LastSeq(context.Background())
		require.NoError(h.t, err)
		m, err := h.Index.Meta(context.Background())
		return err == nil && m.Ready && m.Seq >= last
	})
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 5*time.Millisecond, what)
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t testing.TB, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), into), r.body)
}

// field is one value of a JSON object.
func (r reply) field(t testing.TB, name string) any {
	t.Helper()
	var all map[string]any
	r.json(t, &all)
	return all[name]
}

// problem is the body of an error.
func (r reply) problem(t testing.TB) Problem {
	t.Helper()
	require.Equal(t, problemType, r.header.Get("Content-Type"), r.body)
	var p Problem
	r.json(t, &p)
	require.Equal(t, r.status, p.Status)
	require.NotEmpty(t, p.Detail)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Code)
	require.True(t, strings.HasPrefix(p.Type, "urn:palinsesto:problem:"), p.Type)
	require.True(t, strings.HasPrefix(p.Instance, "urn:uuid:"), p.Instance)
	return p
}

// ask sends a request as somebody; body is JSON, bytes, or nothing. who may also be a whole token.
func (h *house) ask(who, method, path string, body any, header ...string) reply {
	h.t.Helper()
	resp := h.send(context.Background(), who, method, path, body, header...)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(raw)}
}

func (h *house) send(ctx context.Context, who, method, path string, body any, header ...string) *http.Response {
	h.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		require.NoError(h.t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.url+path, r)
	require.NoError(h.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	token, known := h.tokens[who]
	if !known {
		token = who
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	return resp
}

const contact = "sportello.ancona@example.org"

// notice is a segnalazione of ancona that is in order.
func notice(title string) map[string]any {
	return map[string]any{
		"centre": "ancona", "kind": "avviso", "title": title, "body": "Lo sportello resta chiuso per manutenzione: " + title + ".",
		"expires_at": time.Now().AddDate(0, 1, 0).In(rome()).Format(time.RFC3339), "place": "Ancona", "link": "https://www.example.org/avvisi",
		"contact_email": contact, "tags": []string{"Avvisi"}, "media": []any{}, "wanted_channels": []string{"telegram-marche"},
	}
}

func rome() *time.Location {
	l, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic(err)
	}
	return l
}

// submitted brings one in.
func (h *house) submitted(title string) SegView {
	h.t.Helper()
	r := h.ask("referente", "POST", "/api/v1/segnalazioni", notice(title))
	require.Equal(h.t, http.StatusCreated, r.status, r.body)
	var v SegView
	r.json(h.t, &v)
	h.indexed()
	return v
}

// post writes a post in some state straight to the log.
func (h *house) post(change func(*palinsesto.Post)) palinsesto.Post {
	h.t.Helper()
	seg := newID()
	p := palinsesto.Post{ID: palinsesto.PostID(seg, "telegram-marche", 0), Segnalazione: seg, Centre: "ancona", Channel: "telegram-marche",
		Network: "telegram", Kind: palinsesto.KindAvviso, Title: "Un avviso", State: palinsesto.PostFailed, Cause: "chat_not_found",
		Problem: "Il canale non esiste.", Due: time.Now(), FirstDue: time.Now(), Attempts: 1,
		Attempt: &palinsesto.Attempt{Number: 1, Verdict: "permanent", Status: 400, Intended: time.Now()}}
	if change != nil {
		change(&p)
	}
	h.append(contract.SegSubject(p.Centre, seg), "approved", func() ([]byte, error) {
		return contract.Segnalazioni.Encode(envelope(), palinsesto.Segnalazione{ID: seg, Centre: p.Centre, State: palinsesto.SegApproved, Version: 1, SubmittedAt: time.Now()})
	})
	h.append(contract.PostSubject(p.Channel, p.ID), "failed", func() ([]byte, error) {
		return contract.Posts.Encode(contract.Envelope{Actor: palinsesto.Room("publishing"), At: time.Now()}, p)
	})
	h.indexed()
	return p
}

func (h *house) append(subject, event string, encode func() ([]byte, error)) uint64 {
	h.t.Helper()
	data, err := encode()
	require.NoError(h.t, err)
	seq, err := h.Bus.Append(context.Background(), bus.Append{Subject: subject, Event: event, Data: data})
	require.NoError(h.t, err)
	return seq
}

func path(format string, args ...any) string { return "/api/v1" + fmt.Sprintf(format, args...) }
