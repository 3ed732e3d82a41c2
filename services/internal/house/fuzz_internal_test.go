// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const fuzzed = `
organisation: {name: Prova}
centres: [{id: jesi, name: Jesi, province: AN}]
channels: [{id: telegram-prova, network: telegram, target: "@prova", token_env: PALINSESTO_TEST_TOKEN, api_base: "http://127.0.0.1:9"}]
log: {free_space_floor: 1MiB}
`

// faults keeps the log lines that say that a room met something it was not made for.
type faults struct {
	slog.Handler
	mu    *sync.Mutex
	lines *[]string
}

func (f faults) Enabled(context.Context, slog.Level) bool { return true }
func (f faults) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f faults) WithGroup(string) slog.Handler            { return f }

func (f faults) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "handler panicked" && r.Message != "command panicked" && !strings.HasPrefix(r.Message, "the room ended") {
		return nil
	}
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.lines = append(*f.lines, line)
	return nil
}

func (f faults) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), *f.lines...)
}

// subjects on which a stranger's events lie: two aggregates of each kind.
func strange(n uint8) string {
	id := palinsesto.DeriveID("strange", fmt.Sprint(n>>4&1))
	switch n % 8 {
	case 0:
		return contract.SegSubject("jesi", id)
	case 1, 2:
		return contract.PostSubject("telegram-prova", id)
	case 3:
		return contract.ChannelSubject("telegram-prova")
	case 4:
		return contract.TokenSubject(id)
	case 5:
		return contract.HoldSubject
	case 6:
		return contract.AlertSubject(id)
	default:
		return "palinsesto.plan.telegram-prova.2026-12"
	}
}

// An event that another version wrote, or anybody, is on the log of a running house: no room breaks on it,
// none panics, and all of them get past it.
func FuzzEventOnTheLog(f *testing.F) {
	samples, err := filepath.Glob("../../../proto/golden/*Event*.binpb")
	require.NoError(f, err)
	require.NotEmpty(f, samples)
	kinds := []string{"Segnalazione", "Post", "?", "Channel", "Token", "Hold", "Alert"}
	events := []string{"submitted", "due", "?", "needs_reconnect", "created", "placed", "raised"}
	for _, name := range samples {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		for i, kind := range kinds {
			if strings.HasPrefix(filepath.Base(name), kind+"Event") {
				f.Add(uint8(i), events[i], data)
				// A field that is not known yet: number 900, a length of 3.
				f.Add(uint8(i), events[i]+"_2", append(data[:len(data):len(data)], 0xa2, 0x38, 3, 'n', 'e', 'w'))
			}
		}
	}
	for _, e := range []string{"queued", "publishing", "prepared", "uncertain", "retrying", "editing", "removing", "held"} {
		f.Add(uint8(1), e, []byte{0x12, 0x00})
	}
	h, said := runFuzzed(f)
	f.Fuzz(func(t *testing.T, where uint8, event string, data []byte) {
		if len(data) > contract.MaxPayload {
			return
		}
		seq := appendStrange(t, h.units[0].bus, strange(where), event, data)
		require.Eventually(t, func() bool { return h.past(seq) }, 20*time.Second, time.Millisecond, "every room gets past it")
		require.Empty(t, said.take())
	})
}

func runFuzzed(f *testing.F) (*House, faults) {
	f.Helper()
	cfg, err := config.Parse([]byte(fuzzed), "prova.yaml")
	require.NoError(f, err)
	said := faults{mu: &sync.Mutex{}, lines: &[]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	h, err := New(ctx, Options{Config: cfg, Data: f.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(said)})
	require.NoError(f, err)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	f.Cleanup(func() { cancel(); require.NoError(f, <-ended) })
	require.NoError(f, h.Ready(ctx))
	return h, said
}

func appendStrange(t *testing.T, b *bus.Bus, subject, event string, data []byte) uint64 {
	t.Helper()
	for { // a room may answer the event before with one of its own
		newest, err := b.Newest(t.Context(), 0, subject)
		require.NoError(t, err)
		a := bus.Append{Subject: subject, Event: event, Data: data}
		if len(newest) > 0 {
			a.Expect = newest[0].Seq
		}
		seq, err := b.Append(t.Context(), a)
		if err == nil {
			return seq
		}
		require.ErrorIs(t, err, bus.ErrStale)
	}
}

// past tells whether the index and every consumer have seen the log up to a sequence.
func (h *House) past(seq uint64) bool {
	if m, err := h.index.Meta(context.Background()); err != nil || m.Seq < seq {
		return false
	}
	for _, u := range h.units {
		for _, c := range u.bus.Consumers(context.Background()) {
			if !c.Known || c.Pending > 0 {
				return false
			}
		}
	}
	return true
}
