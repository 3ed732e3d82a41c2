// SPDX-License-Identifier: AGPL-3.0-or-later

package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/demo"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

// screen is what a person reads, and wakes whoever waits for words.
type screen struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{}
}

func newScreen() *screen { return &screen{more: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *screen) wait(t *testing.T, words string, ended <-chan error) {
	t.Helper()
	for !strings.Contains(s.String(), words) {
		select {
		case <-s.more:
		case err := <-ended:
			t.Fatalf("ended: %v\n%s", err, s)
		case <-time.After(90 * time.Second):
			t.Fatalf("no %q in:\n%s", words, s)
		}
	}
}

// play runs the demo until the result is called.
func play(t *testing.T, data string) (*screen, <-chan error, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := newScreen(), make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Out: out, Listen: "127.0.0.1:0", House: house.Options{Data: data, Listen: "127.0.0.1:0"}})
	}()
	return out, ended, func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

var wallForm = regexp.MustCompile(`Muro +(http://\S+)/`)

func wall(t *testing.T, out *screen) []string {
	t.Helper()
	m := wallForm.FindStringSubmatch(out.String())
	require.NotNil(t, m, out)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m[1]+"/wall.json", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var items []struct{ Text string }
	require.NoError(t, json.Unmarshal(raw, &items))
	var texts []string
	for _, i := range items {
		texts = append(texts, i.Text)
	}
	return texts
}

// The first start fills the wall; the second has everything and submits nothing again.
func TestDemo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, ended, stop := play(t, data)
	out.wait(t, "Da provare", ended)
	require.Contains(t, out.String(), "16 segnalazioni prese in carico e approvate, 9 respinte")
	require.Eventually(t, func() bool { return len(wall(t, out)) > 1 }, 60*time.Second, 50*time.Millisecond)
	tokens, err := os.ReadFile(filepath.Join(data, "demo.tokens"))
	require.NoError(t, err)
	require.Equal(t, 15, strings.Count(string(tokens), "\n"), "redattore, operatore and 13 referenti")
	info, err := os.Stat(filepath.Join(data, "demo.tokens"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	for line := range strings.Lines(string(tokens)) {
		_, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		require.NotContains(t, out.String(), token, "a screen is seen by others")
	}
	before := wall(t, out)
	err = demo.Alone{Data: data, Listen: "127.0.0.1:0", Out: io.Discard, Log: slog.New(slog.DiscardHandler)}.Run(t.Context())
	require.ErrorContains(t, err, "già in uso", "two sandboxes would write over each other's wall")
	stop()
	require.Contains(t, out.String(), "Mi fermo")
	require.Contains(t, out.String(), "Fermato, tutto salvato")

	out, ended, stop = play(t, data)
	defer stop()
	out.wait(t, "Da provare", ended)
	require.NotContains(t, out.String(), "Dati di prova")
	require.Subset(t, wall(t, out), before, "the wall is kept")
	again, err := os.ReadFile(filepath.Join(data, "demo.tokens"))
	require.NoError(t, err)
	require.Equal(t, string(tokens), string(again))
}

func TestDemoRefusesAFolderInUse(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, ended, stop := play(t, data)
	defer stop()
	out.wait(t, "Palinsesto è pronto", ended)
	err := demo.Run(t.Context(), demo.Options{Out: io.Discard, Listen: "127.0.0.1:0", House: house.Options{Data: data, Listen: "127.0.0.1:0"}})
	require.ErrorIs(t, err, house.ErrInUse)
}

func TestConfigurationThatIsNotThere(t *testing.T) {
	err := demo.Run(t.Context(), demo.Options{File: "assente.yaml", Out: io.Discard})
	require.ErrorContains(t, err, "configurazione")
}
