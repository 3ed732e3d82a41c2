// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
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
