// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/http/httptest"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/channeltest"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/sandbox"
	telegramsandbox "github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

// world is the sandbox as the suite wants it.
type world struct {
	t   *testing.T
	s   *sandbox.Sandbox
	url string
}

func openWorld(t *testing.T, o telegramsandbox.Options) *world {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	o.Bots = []telegramsandbox.Bot{{Token: token, Username: "palinsesto_bot"}}
	all := telegramsandbox.Rights{Post: true, Edit: true, Delete: true}
	o.Chats = []telegramsandbox.Chat{{ID: -1001234567890, Username: "cpi_prova", Title: "CpI Prova", Admins: map[int64]telegramsandbox.Rights{123456789: all}}}
	_, err = telegramsandbox.New(s, o)
	require.NoError(t, err)
	srv := httptest.NewServer(s)
	// The sandbox first: it lets go of the calls that hang, and the server waits for them.
	t.Cleanup(func() { require.NoError(t, s.Close()); srv.Close() })
	return &world{t: t, s: s, url: srv.URL}
}

func (w *world) Base() string { return w.url + "/telegram" }

func (w *world) Requests() int { return len(w.s.Requests()) }

func (w *world) Changed() <-chan struct{} { return w.s.Changed() }

func (w *world) Recover() { w.s.Faults().Clear() }

func (w *world) Fail(f channeltest.Fault) {
	fault := sandbox.Fault{Kind: sandbox.FaultKind(f.Kind), Applied: f.Applied, RetryAfter: f.RetryAfter}
	_, err := w.s.Faults().Add(fault)
	require.NoError(w.t, err)
}

func (w *world) Wall() []channeltest.Item {
	var out []channeltest.Item
	for _, i := range w.s.Wall() {
		item := channeltest.Item{ID: i.ID, Text: i.Text, Silent: i.Silent, ReplyTo: i.ReplyTo, Deleted: i.Deleted, Spans: spansOf(i)}
		for _, m := range i.Media {
			item.Media = append(item.Media, m.SHA256)
		}
		require.False(w.t, i.Protected, "what a public body says may be forwarded")
		out = append(out, item)
	}
	return out
}

// spansOf reads entities back in another way than the adapter writes them.
func spansOf(i sandbox.Item) []palinsesto.Span {
	units := utf16.Encode([]rune(i.Text))
	kinds := map[string]string{"bold": "bold", "italic": "italic", "text_link": "link"}
	var out []palinsesto.Span
	for _, e := range i.Entities {
		before := string(utf16.Decode(units[:e.Offset]))
		inside := string(utf16.Decode(units[e.Offset : e.Offset+e.Length]))
		out = append(out, palinsesto.Span{Kind: kinds[e.Type], Offset: len(before), Length: len(inside), URL: e.URL})
	}
	return out
}

func TestSuite(t *testing.T) {
	tr := wire.NewTransport()
	t.Cleanup(tr.Close)
	for name, target := range map[string]string{"public": "@cpi_prova", "by number": "-1001234567890"} {
		t.Run(name, func(t *testing.T) {
			channeltest.Exercise(t, channeltest.Harness{
				Open: func(t *testing.T) channeltest.World {
					t.Helper()
					return openWorld(t, telegramsandbox.Options{NoRates: true, CountUTF16: true})
				},
				New: func(t *testing.T, base string) channel.Channel {
					t.Helper()
					c, err := New(Options{Token: func() (string, error) { return token, nil }, Target: target, APIBase: base, Transport: tr})
					require.NoError(t, err)
					return c
				},
				Secrets:  []string{half},
				Features: channeltest.Features{Spans: true, Replies: true, Silent: true, Video: true},
			})
		})
	}
}

// What the sandbox says of its own accord, beyond the suite's faults.
func TestRefusalsOfTheSandbox(t *testing.T) {
	w := openWorld(t, telegramsandbox.Options{Rates: telegramsandbox.Rates{ChatBurst: 1}})
	publishTo := func(secret, target string, d channel.Delivery) error {
		c, err := New(Options{Token: func() (string, error) { return secret, nil }, Target: target, APIBase: w.Base()})
		require.NoError(t, err)
		t.Cleanup(c.wire.Close)
		_, err = publish(t, c, d)
		return err
	}
	d := channel.Delivery{Part: palinsesto.Part{Text: "a"}}
	require.NoError(t, publishTo(token, "@cpi_prova", d))
	e := requireError(t, publishTo(token, "@cpi_prova", d), channel.RetryAfter, "rate")
	require.Positive(t, e.After)
	requireError(t, publishTo(token, "@nessuno", d), channel.Permanent, "chat_not_found")
	requireError(t, publishTo("42:another", "@cpi_prova", d), channel.Reconnect, "unauthorized")
	d.ReplyTo = "4711"
	requireError(t, publishTo(token, "@cpi_prova", d), channel.Permanent, "reply_gone")

	_, err := w.s.Faults().Add(sandbox.Fault{Kind: sandbox.FaultMigrate, MigrateTo: -100500})
	require.NoError(t, err)
	e = requireError(t, publishTo(token, "@cpi_prova", channel.Delivery{Part: d.Part}), channel.Permanent, "migrated")
	require.Contains(t, e.Text, "-100500")
}
