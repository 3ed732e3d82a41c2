// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
	"github.com/palinsesto/palinsesto/services/rules/rulestest"
)

func TestSamples(t *testing.T) {
	t.Parallel()
	taken := map[int]rules.Taken{}
	lines := sampleLines(t)
	require.Len(t, lines, len(rulestest.Samples))
	for i, want := range rulestest.Samples {
		require.Equal(t, want.Line, i+1)
		got := rules.Take(marche(t), withIDs(t, lines[i]))
		taken[want.Line] = got
		require.Equal(t, want.Codes, codes(got.Problems), "line %d: %+v", want.Line, got.Problems)
		require.Equal(t, want.Accepted, !rules.Refused(got.Problems), "line %d", want.Line)
		requireReadable(t, got.Problems)
	}
	for _, want := range rulestest.Samples {
		similar := 0
		for other := 1; other < want.Line; other++ {
			a, b := taken[other], taken[want.Line]
			if _, ok := rules.Similar(a.Content, b.Content); ok && a.Centre == b.Centre {
				similar = other
			}
		}
		require.Equal(t, want.SimilarTo, similar, "line %d", want.Line)
	}
}

// codes are those of ps, each once, without the note on networks that this house has no channel for.
func codes(ps []palinsesto.Problem) []string {
	var out []string
	for _, p := range ps {
		if p.Code != "V-RETE-ASSENTE" {
			out = append(out, p.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func rome(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	return loc
}

// marche is the house of the sample configuration: one channel, on Telegram, and all the files of the
// samples that it can take.
func marche(t testing.TB) rules.World {
	t.Helper()
	centres := strings.Fields("pesaro fano urbino ancona jesi senigallia fabriano macerata civitanova-marche tolentino fermo ascoli-piceno san-benedetto-del-tronto")
	return rules.World{
		Now:      rulestest.Now,
		Location: rome(t),
		Centre:   func(id string) bool { return slices.Contains(centres, id) },
		Channels: func(_, wanted string) ([]string, bool, bool) {
			switch wanted {
			case "telegram":
				return []string{"telegram-marche"}, true, false
			case "telegram-marche":
				return []string{"telegram-marche"}, false, true
			case "telegram-altrove":
				return nil, false, true
			default:
				return nil, false, false
			}
		},
		Network: func(channel string) string { return strings.SplitN(channel, "-", 2)[0] },
		Media:   stored,
	}
}

// stored is the store: a file's hash here is that of its name.
func stored(hash string) (palinsesto.Media, bool) {
	for _, name := range fileNames {
		if hash == hashOf(name) {
			return mediaOf(name), true
		}
	}
	return palinsesto.Media{}, false
}

// fileNames are the files of the samples, and those that other tests use.
var fileNames = append(strings.Fields(`IMG_20261118_101112.jpg avviso-art16.png avviso-chiusura.png borse-lavoro.png career-day.png
	classe-IVB.jpg cucina.jpg cuffie.jpg diretta.png foto-gruppo.jpg giulia.mp4 giulia.srt jobday.gif lab-cv.png
	locandina-recruiting.png mani.jpg mappa.png modulo.png reception.jpg sala-ristorante (1).jpg sala-ristorante.jpg
	saldatura-tig.jpg tomaia.jpg ufficio.png vetrina.jpg foto.jpg altra.jpg filmato.mp4 filmato.srt`),
	"sala-ristorante (1).jpg")

func mediaOf(name string) palinsesto.Media {
	m := palinsesto.Media{Hash: hashOf(name), Filename: name, Kind: "image", MIME: "image/jpeg", Bytes: 100_000, Width: 1200, Height: 800}
	switch filepath.Ext(name) {
	case ".mp4":
		m.Kind, m.MIME = "video", "video/mp4"
	case ".srt":
		m.Kind, m.MIME, m.Width, m.Height = "captions", "application/x-subrip", 0, 0
	}
	return m
}

func hashOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// withIDs does what the CLI does: it uploads the files of a document and writes down their ids.
func withIDs(t testing.TB, line []byte) []byte {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(line, &doc))
	for _, x := range doc["media"].([]any) {
		m := x.(map[string]any)
		if name := m["filename"].(string); !slices.Contains(rulestest.NotTaken, name) {
			m["id"] = hashOf(name)
		}
	}
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	return raw
}

func sampleLines(t testing.TB) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samplesDir(t), "segnalazioni.jsonl"))
	require.NoError(t, err)
	return bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
}

// samplesDir lies beside the repository, whose root holds go.work.
func samplesDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "samples")
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.work above the test")
		dir = filepath.Dir(dir)
	}
}
