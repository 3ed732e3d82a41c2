// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A log that was made before there were alerts takes them, and keeps what else it was told to be.
func TestOlderLogTakesNewAggregates(t *testing.T) {
	server := bustest.Server(t)
	nc, err := nats.Connect("", nats.InProcessServer(server), nats.UserInfo("test", "test"))
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	older := slices.DeleteFunc(contract.StreamSubjects(), func(s string) bool { return s == contract.AllAlerts })
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: contract.Stream, Description: "older", Subjects: older,
		AllowDirect: true, AllowAtomicPublish: true})
	require.NoError(t, err)
	b := bustest.Connect(t, server)
	put(t, b, "a", 0)
	s, err := js.Stream(t.Context(), contract.Stream)
	require.NoError(t, err)
	require.ElementsMatch(t, contract.StreamSubjects(), s.CachedInfo().Config.Subjects)
	require.Equal(t, "older", s.CachedInfo().Config.Description)
}

func put(t *testing.T, b *bus.Bus, cause string, expect uint64) uint64 {
	t.Helper()
	a := palinsesto.Alert{ID: palinsesto.AlertID(palinsesto.AlertFailed, "c", cause), Cause: cause}
	e, err := bus.Put(t.Context(), b, contract.Alerts,
		contract.Event[palinsesto.Alert]{Subject: contract.AlertSubject(a.ID), Seq: expect}, palinsesto.AlertWasRaised, contract.Envelope{}, a)
	require.NoError(t, err)
	return e.Seq
}

func TestTailGivesTheNewestThenWhatComes(t *testing.T) {
	b := bustest.New(t)
	first := put(t, b, "a", 0)
	second := put(t, b, "a", first)
	other := put(t, b, "b", 0)
	var got []uint64
	enough := errors.New("enough")
	err := b.Tail(t.Context(), contract.AllAlerts, func(batch []bus.Record, pending uint64) error {
		for _, r := range batch {
			got = append(got, r.Seq)
		}
		switch {
		case len(got) > 2:
			return enough
		case pending == 0:
			put(t, b, "c", 0)
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, []uint64{second, other, other + 1}, got)
}

func TestReportsAreHeard(t *testing.T) {
	server := bustest.Server(t)
	b, other := bustest.Connect(t, server), bustest.Connect(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	heard, done := make(chan string, 100), make(chan error, 1)
	go func() {
		done <- b.Reports(ctx, func(worker string, data []byte) {
			select {
			case heard <- worker + " " + string(data):
			default:
			}
		})
	}()
	for { // until the subscription stands
		require.NoError(t, other.Report("w1", []byte("well")))
		require.NoError(t, other.Report("w2", make([]byte, 65<<10)), "too large to be believed")
		_, err := other.LastSeq(t.Context()) // a round trip
		require.NoError(t, err)
		if len(heard) > 0 {
			break
		}
	}
	require.Equal(t, "w1 well", <-heard)
	cancel()
	require.NoError(t, <-done)
}
