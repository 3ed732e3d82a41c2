// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const patience = 20 * time.Second

// consume runs a consumer in the background; the result stops it and waits for it.
func consume(t *testing.T, b *bus.Bus, c bus.Consumer, handle func(context.Context, bus.Delivery) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, c, handle) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(stop)
	return stop
}

func within(t *testing.T, ch <-chan bus.Delivery) bus.Delivery {
	t.Helper()
	select {
	case d := <-ch:
		return d
	case <-time.After(patience):
		t.Fatal("nothing was delivered")
		return bus.Delivery{}
	}
}

func TestConsumeVerdicts(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	got := make(chan bus.Delivery, 100)
	consume(t, b, bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: patience,
		Wants: func(e string) bool { return e != "noise" }},
		func(_ context.Context, d bus.Delivery) error {
			got <- d
			if d.Deliveries > 1 {
				return nil
			}
			switch d.Event {
			case "later":
				return bus.Later(time.Millisecond, errors.New("not yet"))
			case "broken":
				return errors.New("broke")
			case "panic":
				panic("handler")
			case "drop":
				return bus.Drop(errors.New("no use"))
			}
			return nil
		})
	for i, event := range []string{"noise", "done", "later", "broken", "panic", "drop"} {
		_, err := b.Append(ctx, bus.Append{Subject: subject(i), Event: event})
		require.NoError(t, err)
	}
	times := map[string]int{}
	for len(times) < 5 || times["later"] < 2 || times["broken"] < 2 || times["panic"] < 2 {
		times[within(t, got).Event]++
	}
	require.Equal(t, map[string]int{"done": 1, "later": 2, "broken": 2, "panic": 2, "drop": 1}, times)
	require.Eventually(t, func() bool {
		dead, err := b.DeadLetters(ctx, 10)
		return err == nil && len(dead) == 1 && dead[0].Event == "drop" && dead[0].Reason == "no use" && dead[0].Consumer == "c"
	}, patience, 5*time.Millisecond)
}

// What was begun comes to its end at a stop, and is not delivered again.
func TestConsumeStopsGracefully(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	begun, finish := make(chan struct{}), make(chan struct{})
	var ended atomic.Int32
	stop := consume(t, b, bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: patience},
		func(ctx context.Context, _ bus.Delivery) error {
			close(begun)
			<-finish
			ended.Add(1)
			return ctx.Err()
		})
	_, err := b.Append(ctx, bus.Append{Subject: subject(1), Event: "due"})
	require.NoError(t, err)
	<-begun
	go close(finish)
	stop()
	require.EqualValues(t, 1, ended.Load())
	again := make(chan bus.Delivery, 1)
	_, err = b.Append(ctx, bus.Append{Subject: subject(2), Event: "due"})
	require.NoError(t, err)
	consume(t, b, bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: patience},
		func(_ context.Context, d bus.Delivery) error { again <- d; return nil })
	require.Equal(t, subject(2), within(t, again).Subject)
}

// An event whose handler gives no sign of life goes to another copy; one that is only slow does not.
func TestConsumeLease(t *testing.T) {
	s := bustest.Server(t)
	a, other := bustest.Connect(t, s), bustest.Connect(t, s)
	c := bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: 300 * time.Millisecond}
	slow := make(chan bus.Delivery, 10)
	release := make(chan struct{})
	consume(t, a, c, func(_ context.Context, d bus.Delivery) error { slow <- d; <-release; return nil })
	_, err := a.Append(context.Background(), bus.Append{Subject: subject(1), Event: "due"})
	require.NoError(t, err)
	within(t, slow)
	second := make(chan bus.Delivery, 10)
	consume(t, other, c, func(_ context.Context, d bus.Delivery) error { second <- d; return nil })
	select {
	case d := <-second:
		t.Fatalf("a slow handler lost its event to another copy: %+v", d)
	case <-time.After(4 * c.Lease):
	}
	close(release)
}

// A copy that stops gives back at once what it had fetched and not begun: nobody waits for the lease.
func TestConsumeStopGivesBack(t *testing.T) {
	s := bustest.Server(t)
	a, other := bustest.Connect(t, s), bustest.Connect(t, s)
	const events = 6 // fewer than a copy fetches at once
	c := bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: 10 * patience}
	begun, finish := make(chan bus.Delivery, events), make(chan struct{})
	stop := consume(t, a, c, func(_ context.Context, d bus.Delivery) error { begun <- d; <-finish; return nil })
	fill(t, a, events)
	first := within(t, begun)
	until(t, s, c.Name, func(info *jetstream.ConsumerInfo) bool { return info.NumAckPending == events })
	got := make(chan bus.Delivery, events)
	consume(t, other, c, func(_ context.Context, d bus.Delivery) error { got <- d; return nil })
	go close(finish)
	stop()
	seen := map[string]bool{first.Subject: true}
	for len(begun) > 0 { // begun before the stop was noticed
		seen[(<-begun).Subject] = true
	}
	for len(seen) < events {
		seen[within(t, got).Subject] = true
	}
}

// until waits until the server tells what is expected of a consumer.
func until(t *testing.T, s *embednats.Server, consumer string, ok func(*jetstream.ConsumerInfo) bool) {
	t.Helper()
	nc, err := nats.Connect(s.URL(), nats.UserInfo("test", "test"))
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		cons, err := js.Consumer(context.Background(), contract.Stream, consumer)
		return err == nil && ok(cons.CachedInfo())
	}, patience, 5*time.Millisecond)
}

// A consumer in memory that was made with another configuration takes the one that is asked for now.
func TestConsumeAsAskedNow(t *testing.T) {
	s := bustest.Server(t)
	b, ctx := bustest.Connect(t, s), context.Background()
	c := bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: patience,
		From: func(context.Context) (uint64, error) { return 1, nil }}
	got := make(chan bus.Delivery, 10)
	take := func(_ context.Context, d bus.Delivery) error { got <- d; return nil }
	stop := consume(t, b, c, take)
	fill(t, b, 1)
	require.Equal(t, subject(0), within(t, got).Subject)
	stop()
	c.Filters, c.Lease = []string{contract.HoldSubject}, 2*patience
	consume(t, b, c, take)
	until(t, s, c.Name, func(info *jetstream.ConsumerInfo) bool { return info.Config.AckWait == c.Lease })
	_, err := b.Append(ctx, bus.Append{Subject: contract.HoldSubject, Event: "placed"})
	require.NoError(t, err)
	require.Equal(t, contract.HoldSubject, within(t, got).Subject, "and what was done is not done again")
}

// What was put back for later keeps nothing new away, however much it is.
func TestConsumeBehindABacklog(t *testing.T) {
	b := bustest.New(t)
	fill(t, b, 200)
	got := make(chan bus.Delivery, 1)
	consume(t, b, bus.Consumer{Name: "c", Filters: []string{"palinsesto.post.ch.*"}, Lease: patience, Workers: 4},
		func(_ context.Context, d bus.Delivery) error {
			if d.Event == "queued" {
				return bus.Later(time.Hour, errors.New("not yet"))
			}
			got <- d
			return nil
		})
	_, err := b.Append(context.Background(), bus.Append{Subject: subject(200), Event: "removing", Data: []byte("x")})
	require.NoError(t, err)
	require.Equal(t, "removing", within(t, got).Event)
}

func TestCommands(t *testing.T) {
	s := bustest.Server(t)
	room, asker := bustest.Connect(t, s), bustest.Connect(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- room.Serve(ctx, "intake", "test",
			bus.Endpoint{Verb: "echo", Handle: func(_ context.Context, d []byte) ([]byte, error) { return d, nil }},
			bus.Endpoint{Verb: "refuse", Handle: func(context.Context, []byte) ([]byte, error) {
				return nil, &palinsesto.Error{Code: palinsesto.CodeStale, Text: "vecchia", Problems: []palinsesto.Problem{{Code: "V-X", Field: "f"}}}
			}},
			bus.Endpoint{Verb: "break", Handle: func(context.Context, []byte) ([]byte, error) { return nil, errors.New("secret detail") }},
			bus.Endpoint{Verb: "panic", Handle: func(context.Context, []byte) ([]byte, error) { panic("secret detail") }},
		)
	}()
	require.Eventually(t, func() bool {
		reply, err := asker.Request(ctx, "intake", "echo", []byte("ciao"))
		return err == nil && string(reply) == "ciao"
	}, patience, time.Millisecond)
	_, err := asker.Request(ctx, "intake", "refuse", nil)
	var refusal *palinsesto.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, palinsesto.CodeStale, refusal.Code)
	require.Equal(t, "f", refusal.Problems[0].Field)
	for _, verb := range []string{"break", "panic"} {
		_, err = asker.Request(ctx, "intake", verb, nil)
		require.Equal(t, palinsesto.CodeInternal, palinsesto.CodeOf(err))
		require.NotContains(t, err.Error(), "secret")
	}
	cancel()
	require.NoError(t, <-done)
	_, err = asker.Request(context.Background(), "intake", "echo", nil)
	require.Equal(t, palinsesto.CodeBusy, palinsesto.CodeOf(err))
}
