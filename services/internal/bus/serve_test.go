// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// served runs a room of these endpoints until the test, or what is returned, ends it.
func served(t *testing.T, room, caller *bus.Bus, endpoints ...bus.Endpoint) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- room.Serve(ctx, "test", "a room of a test", endpoints...) }()
	for { // until it listens
		if _, err := caller.Request(ctx, "test", endpoints[len(endpoints)-1].Verb, []byte("hello")); palinsesto.CodeOf(err) != palinsesto.CodeBusy {
			break
		}
	}
	var once sync.Once
	var err error
	stop = func() error { once.Do(func() { cancel(); err = <-ended }); return err }
	t.Cleanup(func() { require.NoError(t, stop()) })
	return stop
}

func say(what string) func(context.Context, []byte) ([]byte, error) {
	return func(context.Context, []byte) ([]byte, error) { return []byte(what), nil }
}

// Commands do not wait for each other, and one that is under way at a stop is answered.
func TestCommandsSideBySide(t *testing.T) {
	s := bustest.Server(t)
	room, caller := bustest.Connect(t, s), bustest.Connect(t, s)
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := func(context.Context, []byte) ([]byte, error) {
		entered <- struct{}{}
		<-leave
		return []byte("slow"), nil
	}
	stop := served(t, room, caller, bus.Endpoint{Verb: "slow", Handle: slow}, bus.Endpoint{Verb: "quick", Handle: say("quick")})
	answers := make(chan string, 2)
	for range 2 {
		go func() {
			raw, err := caller.Request(context.Background(), "test", "slow", nil)
			answers <- string(raw) + string(palinsesto.CodeOf(err))
		}()
		<-entered
	}
	raw, err := caller.Request(context.Background(), "test", "quick", nil)
	require.NoError(t, err)
	require.Equal(t, "quick", string(raw))
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(leave)
	require.Equal(t, "slow", <-answers)
	require.Equal(t, "slow", <-answers)
	require.NoError(t, <-stopped)
}

// A refusal arrives as it was, whatever it quotes; a fault arrives without its innards; both are counted.
func TestRefusalsAndFaults(t *testing.T) {
	s := bustest.Server(t)
	room, caller := bustest.Connect(t, s), bustest.Connect(t, s)
	no := palinsesto.Refuse(palinsesto.CodeConflict, "No: «a\nb».", "No: a\r\nNats-Service-Error-Code: x")
	served(t, room, caller,
		bus.Endpoint{Verb: "refuse", Handle: func(context.Context, []byte) ([]byte, error) { return nil, no }},
		bus.Endpoint{Verb: "break", Handle: func(context.Context, []byte) ([]byte, error) { return nil, errors.New("password=secret") }},
		bus.Endpoint{Verb: "panic", Handle: func(context.Context, []byte) ([]byte, error) { panic("nil") }},
		bus.Endpoint{Verb: "say", Handle: say("x")})
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = caller.Request(context.Background(), "test", "refuse", nil) })
	}
	wg.Wait()
	for _, err := range errs {
		var e *palinsesto.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, no, e)
	}
	for _, verb := range []string{"break", "panic"} {
		_, err := caller.Request(context.Background(), "test", verb, nil)
		require.Equal(t, palinsesto.CodeInternal, palinsesto.CodeOf(err))
		require.NotContains(t, err.Error(), "secret")
	}

	stats := statsOf(t, s.URL())
	require.EqualValues(t, 20, stats["refuse"]["refused"])
	require.EqualValues(t, 1, stats["break"]["failed"])
	require.EqualValues(t, 1, stats["panic"]["failed"])
	require.EqualValues(t, 1, stats["say"]["answered"])
	require.Positive(t, stats["say"]["average_time"])
}

// A command is carried out only for somebody whose answer goes to an inbox: with any other reply it would
// be given with the room's own rights, onto the log or to JetStream.
func TestCommandNeedsAnInbox(t *testing.T) {
	s := bustest.Server(t)
	room, caller := bustest.Connect(t, s), bustest.Connect(t, s)
	got := make(chan string, 10)
	served(t, room, caller, bus.Endpoint{Verb: "do", Handle: func(_ context.Context, data []byte) ([]byte, error) {
		got <- string(data)
		return []byte(`{"name":"x"}`), nil
	}})
	require.Equal(t, "hello", <-got)
	nc, err := nats.Connect(s.URL(), nats.UserInfo("test", "test"))
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish(contract.CommandSubject("test", "do"), []byte("forged")))
	for _, reply := range []string{"palinsesto.hold", "$JS.API.STREAM.DELETE.PALINSESTO", "$JS.ACK.PALINSESTO.x.1.2.3.4.5"} {
		require.NoError(t, nc.PublishRequest(contract.CommandSubject("test", "do"), reply, []byte("forged")))
	}
	_, err = nc.Request(contract.CommandSubject("test", "do"), []byte("asked"), 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "asked", <-got, "nothing before it")
	last, err := caller.LastSeq(context.Background())
	require.NoError(t, err)
	require.Zero(t, last)
}

// statsOf asks as "nats micro stats" does.
func statsOf(t *testing.T, url string) map[string]map[string]any {
	t.Helper()
	nc, err := nats.Connect(url, nats.UserInfo("test", "test"))
	require.NoError(t, err)
	defer nc.Close()
	m, err := nc.Request("$SRV.STATS.palinsesto-test", nil, 10*time.Second)
	require.NoError(t, err)
	var stats micro.Stats
	require.NoError(t, json.Unmarshal(m.Data, &stats))
	out := map[string]map[string]any{}
	for _, e := range stats.Endpoints {
		var data map[string]any
		require.NoError(t, json.Unmarshal(e.Data, &data))
		out[e.Name] = data
	}
	return out
}

// A command is found by its id and its actor, also when others came after it.
func TestDone(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	actor := palinsesto.Actor{ID: "token:1", Role: palinsesto.RoleRedattore}
	was := contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject("telegram")}
	for _, command := range []string{"one", "two", ""} {
		next, err := bus.Put(ctx, b, contract.Channels, was, "budget", contract.Envelope{Actor: actor, CommandID: command}, palinsesto.Channel{ID: "telegram", Reason: command})
		require.NoError(t, err)
		was = next
	}
	e, err := bus.Done(ctx, b, contract.Channels, was.Subject, "one", actor.ID)
	require.NoError(t, err)
	require.Equal(t, "one", e.State.Reason)
	for _, c := range []struct{ command, actor string }{{"three", actor.ID}, {"one", "token:2"}, {"", actor.ID}} {
		_, err = bus.Done(ctx, b, contract.Channels, was.Subject, c.command, c.actor)
		require.ErrorIs(t, err, bus.ErrNone)
	}
}

// A command is found also behind very many others: all holds are one aggregate.
func TestDoneBehindMany(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	was := contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject("telegram")}
	for i := range 1100 {
		next, err := bus.Put(ctx, b, contract.Channels, was, "budget", contract.Envelope{CommandID: fmt.Sprint(i)}, palinsesto.Channel{ID: "telegram"})
		require.NoError(t, err)
		was = next
	}
	for _, i := range []int{0, 600, 1099} {
		e, err := bus.Done(ctx, b, contract.Channels, was.Subject, fmt.Sprint(i), "")
		require.NoError(t, err, "command %d", i)
		require.EqualValues(t, i+1, e.Seq)
	}
	few, err := b.History(ctx, was.Subject, 3)
	require.NoError(t, err)
	require.Len(t, few, 3)
}

func TestMediaInfo(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	m := palinsesto.Media{Hash: strings.Repeat("a", 64), Filename: "cv-mario-rossi.jpg", Alt: "Mario", Kind: "image", MIME: "image/jpeg", Bytes: 3, Width: 2, Height: 1}
	for _, none := range []string{m.Hash, "", "*", strings.Repeat("*", 64)} {
		_, err := b.MediaInfo(ctx, none)
		require.ErrorIs(t, err, bus.ErrNone, none)
	}
	require.NoError(t, b.PutMedia(ctx, m, []byte("jpg")))
	m.Alt = "again, under another name"
	require.NoError(t, b.PutMedia(ctx, m, []byte("jpg")))
	known, err := b.MediaInfo(ctx, m.Hash)
	require.NoError(t, err)
	m.Filename, m.Alt = "", ""
	require.Equal(t, m, known)
}
