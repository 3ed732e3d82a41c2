// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/cli"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

const sample = `
organisation: {name: Prova}
centres: [{id: jesi, name: Jesi, province: AN}]
channels: [{id: telegram-prova, network: telegram, target: "@prova", token_env: PALINSESTO_TEST_TOKEN, api_base: "http://127.0.0.1:9"}]
log: {free_space_floor: 1MiB}
`

// shell is a terminal beside a house.
type shell struct {
	t    *testing.T
	data string
	env  map[string]string
}

func (s *shell) run(args ...string) (string, error) {
	s.t.Helper()
	var g struct {
		cli.Flags
		cli.Commands
	}
	parser, err := kong.New(&g)
	require.NoError(s.t, err)
	k, err := parser.Parse(append([]string{"--data", s.data}, args...))
	require.NoError(s.t, err)
	g.FromEnv(func(name string) string { return s.env[name] })
	g.LogLevel = "error"
	var out bytes.Buffer
	err = k.Run(&cli.Run{Ctx: s.t.Context(), Flags: &g.Flags, Term: cli.Terminal{Out: &out, Err: &out}})
	return out.String(), err
}

func (s *shell) ok(args ...string) string {
	s.t.Helper()
	out, err := s.run(args...)
	require.NoError(s.t, err, "%v: %s", args, out)
	return out
}

// beside starts a house and gives a terminal on its machine.
func beside(t *testing.T) *shell {
	t.Helper()
	cfg, err := config.Parse([]byte(sample), "prova.yaml")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	s := &shell{t: t, data: t.TempDir()}
	h, err := house.New(ctx, house.Options{Config: cfg, Data: s.data, Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	ready, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	require.NoError(t, h.Ready(ready))
	return s
}

func record(title, more string) string {
	return fmt.Sprintf(`{"centre":"jesi","kind":"avviso","title":%q,"body":"Con il consueto orario.","tags":[],"wanted_channels":["telegram"]%s}`, title, more)
}

// write makes a file of segnalazioni with its folder of media.
func write(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 400, 300))))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "media"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "media", "foto.png"), picture.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "media", "vecchia.bmp"), append([]byte("BM"), make([]byte, 200)...), 0o600))
	path := filepath.Join(dir, "lista.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	return path
}

func TestSubmit(t *testing.T) {
	s := beside(t)
	alt := `"alt":"Lo sportello con due persone in attesa"`
	file := write(t,
		record("Uno", `,"media":[{"filename":"foto.png",`+alt+`}]`),
		"",
		record("Due", `,"link":"javascript:x","media":[{"filename":"vecchia.bmp",`+alt+`}]`),
		`{"centre":`,
		record("Tre", `,"media":[{"filename":"../../etc/passwd",`+alt+`}]`),
		record("Quattro", `,"media":[{"filename":"foto.png",`+alt+`}]`),
		strings.Replace(record("Cinque", `,"media":[{"filename":"vecchia.bmp",`+alt+`}]`), `"telegram"`, `"instagram"`, 1),
	)
	out, err := s.run("submit", file)
	require.ErrorIs(t, err, cli.ErrSaid)
	lines := strings.Split(out, "\n")
	has := func(line, field, code string) {
		t.Helper()
		for _, l := range lines {
			if strings.HasPrefix(l, "riga "+line+": "+field) && strings.Contains(l, "["+code+"]") {
				return
			}
		}
		t.Errorf("no line for %s %s %s in:\n%s", line, field, code, out)
	}
	has("3", "media[0]: vecchia.bmp", "V-MEDIA")
	has("3", "link", "V-URL")
	has("4", "", "V-JSON")
	has("5", "media[0]: ../../etc/passwd", "V-MEDIA")
	require.Contains(t, out, "2 prese in carico, 0 già presenti, 4 respinte")
	require.NotContains(t, out, "V-IGMEDIA", "there is a picture, and why it was refused is told")
	out, err = s.run("submit", file)
	require.ErrorIs(t, err, cli.ErrSaid)
	require.Contains(t, out, "0 prese in carico, 2 già presenti, 4 respinte")
	_, err = s.run("submit", write(t))
	require.ErrorContains(t, err, "vuoto")

	out, err = s.run("--json", "submit", file)
	require.ErrorIs(t, err, cli.ErrSaid)
	dec := json.NewDecoder(strings.NewReader(out))
	seen := 0
	for dec.More() {
		var o struct {
			Line    int
			ID      string
			Refused bool
		}
		require.NoError(t, dec.Decode(&o))
		require.Equal(t, o.Refused, o.ID == "")
		seen++
	}
	require.Equal(t, 6, seen)
	require.Equal(t, 2, strings.Count(out, `"state":"submitted"`), "submitted again, they are there once")
}

// What operators do, with nothing but the data folder of the house.
func TestOperatorsBesideAHouse(t *testing.T) {
	s := beside(t)
	require.Contains(t, s.ok("causes"), "Nessun post")
	require.Contains(t, s.ok("posts"), "Nessun post")
	require.Contains(t, s.ok("posts", "--state", "incerto"), "Nessun post")
	require.Contains(t, s.ok("channels"), "collegato")
	require.Contains(t, s.ok("channel", "pause", "telegram-prova", "--reason", "prova"), "in pausa")
	require.Contains(t, s.ok("channel", "resume", "telegram-prova"), "collegato")
	require.Contains(t, s.ok("channel", "reconnected", "telegram-prova"), "collegato")
	require.Contains(t, s.ok("resume"), "Nessun fermo")
	require.Contains(t, s.ok("stop", "--all", "--reason", "prova"), "resume")
	require.Contains(t, s.ok("resume"), "prova")
	require.Contains(t, s.ok("--json", "resume", "--all"), "lifted")
	require.Contains(t, s.ok("requeue", "--all", "--preview"), "0 tornerebbero in coda")
	require.Contains(t, s.ok("rebuild"), "ricostruito")
	require.Contains(t, s.ok("check"), "rispetta le regole")
	require.JSONEq(t, `{"holds":true,"findings":[]}`, strings.TrimSpace(s.ok("--json", "check")))

	token := strings.TrimSpace(s.ok("token", "create", "--role", "lettore", "--name", "Lina"))
	require.True(t, strings.HasPrefix(token, "pal_"))
	var list string
	require.Eventually(t, func() bool { // lists follow the log
		list = s.ok("--json", "token", "list")
		return strings.Contains(list, "Lina")
	}, 10*time.Second, 5*time.Millisecond)
	require.NotContains(t, list, token)
	require.Contains(t, s.ok("token", "list"), "riga di comando", "the hat of an operatore, made with the local administrator's")

	url, err := os.ReadFile(filepath.Join(s.data, "url"))
	require.NoError(t, err)
	far := &shell{t: t, data: t.TempDir(), env: map[string]string{"PALINSESTO_TOKEN": token}}
	far.ok("--url", strings.TrimSpace(string(url)), "posts")
	_, err = far.run("--url", strings.TrimSpace(string(url)), "stop", "--all", "--reason", "prova")
	require.ErrorContains(t, err, "ruolo", "a lettore may not")
	var id struct{ Items []struct{ ID, Name string } }
	require.NoError(t, json.Unmarshal([]byte(list), &id))
	for _, x := range id.Items {
		if x.Name == "Lina" {
			s.ok("token", "revoke", x.ID)
		}
	}
	_, err = far.run("--url", strings.TrimSpace(string(url)), "posts")
	require.Error(t, err)
	_, err = s.run("show", "01a20398-b2d9-7061-9d50-b2aeec48b266")
	require.ErrorContains(t, err, "codice")
}

func TestWithoutAHouse(t *testing.T) {
	s := &shell{t: t, data: filepath.Join(t.TempDir(), "data")}
	_, err := s.run("posts")
	require.ErrorContains(t, err, "nessuna casa")
	_, err = s.run("check")
	require.ErrorContains(t, err, "registro")
	first := strings.TrimSpace(s.ok("token", "create", "--role", "admin"))
	require.True(t, strings.HasPrefix(first, "pal_"), "before the first start")
	require.Contains(t, s.ok("check"), "rispetta le regole")
	_, err = (&shell{t: t, data: s.data}).run("--url", "http://127.0.0.1:9", "posts")
	require.ErrorContains(t, err, "PALINSESTO_TOKEN", "the local credential is not sent elsewhere")
}

func TestWhatDoesNotGoTogether(t *testing.T) {
	s := &shell{t: t, data: t.TempDir()}
	for _, args := range [][]string{
		{"requeue"}, {"requeue", "x", "--all"}, {"requeue", "--all", "--at", "2026-12-01T09:00:00+01:00"},
		{"resolve", "x"}, {"resolve", "x", "--out", "--not-out"}, {"resolve", "x", "--out"}, {"resolve", "x", "--done"},
		{"stop"}, {"stop", "--reason", "x"}, {"stop", "--all"}, {"stop", "--all", "--scope", "network", "--value", "telegram", "--reason", "x"},
		{"stop", "--scope", "network", "--reason", "x"}, {"stop", "--value", "telegram", "--reason", "x"},
		{"posts", "--state", "boh"}, {"requeue", "--state", "uscito"},
		{"token", "create", "--role", "referente"}, {"token", "create", "--role", "admin", "--centre", "jesi"},
	} {
		_, err := s.run(args...)
		require.True(t, cli.IsUsage(err), "%v: %v", args, err)
	}
}

// A test message that cannot leave says so, and ends with an error for scripts.
func TestChannelTest(t *testing.T) {
	t.Setenv("PALINSESTO_TEST_TOKEN", "123456789:AAaaBBbbCCccDDddEEeeFFffGGggHHhhIIi")
	s := beside(t)
	out, err := s.run("channel", "test", "telegram-prova", "--reason", "prova")
	require.ErrorIs(t, err, cli.ErrSaid)
	require.Contains(t, out, "Non è uscito")
	require.Contains(t, out, "non partito")
	_, err = s.run("channel", "test", "nessuno")
	require.Error(t, err)
	_, err = s.run("channel", "test", "telegram-prova")
	require.ErrorContains(t, err, "Un messaggio di prova è partito")
	s.ok("stop", "--scope", "channel", "--value", "telegram-prova", "--reason", "prova")
	_, err = s.run("channel", "test", "telegram-prova")
	require.ErrorContains(t, err, "fermo")
}
