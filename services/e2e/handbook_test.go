// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

// reader does what the operators' handbook says, line by line, in a shell.
type reader struct {
	*world
	dir    string
	state  string
	blocks [][]string        // of the chapter, in their order
	puts   map[string]string // for what stands in capitals
}

var placed = regexp.MustCompile(`Fermo (\S+):`)

// reading opens the handbook at a chapter. The house has its own copy of the program, as on a machine.
func (w *world) reading(chapter string) *reader {
	w.t.Helper()
	raw, err := os.ReadFile("../../deploy/handbook.md")
	require.NoError(w.t, err)
	_, text, found := strings.Cut(string(raw), "\n## "+chapter+"\n")
	require.True(w.t, found, "no chapter %q", chapter)
	text, _, _ = strings.Cut(text, "\n## ")
	r := &reader{world: w, dir: w.t.TempDir(), puts: map[string]string{" C": " " + harness.ChannelID(0)}}
	r.state = filepath.Join(r.dir, "state")
	inside := false
	for _, line := range strings.Split(text, "\n") {
		command, ok := strings.CutPrefix(line, "    ")
		if ok && !inside {
			r.blocks = append(r.blocks, nil)
		}
		if inside = ok; ok {
			last := len(r.blocks) - 1
			r.blocks[last] = append(r.blocks[last], command)
		}
	}
	require.NoError(w.t, os.Mkdir(r.path("bin"), 0o700))
	r.copy(program, "bin/palinsesto")
	w.house.Bin = r.path("bin/palinsesto")
	r.live(w.house.Data)
	return r
}

func (r *reader) path(name string) string { return filepath.Join(r.dir, name) }

func (r *reader) copy(from, name string) {
	r.t.Helper()
	raw, err := os.ReadFile(from)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(r.path(name), raw, 0o700))
}

// live says where the house lives, to itself and to the shell.
func (r *reader) live(data string) {
	r.house.Env = append(r.house.Env, "PALINSESTO_DATA="+data, "PALINSESTO_STATE_DIR="+r.state, "PALINSESTO_CONFIG="+r.house.Config,
		"BIN="+r.path("bin/palinsesto"), "TOKEN_FILE="+r.path("telegram.token"), "PATH="+r.path("bin")+":"+os.Getenv("PATH"))
}

// does carries out one block of the chapter and gives what each line said.
func (r *reader) does(block int) (said string) {
	r.t.Helper()
	require.Less(r.t, block, len(r.blocks))
	for _, line := range r.blocks[block] {
		for capitals, is := range r.puts {
			line = regexp.MustCompile(capitals+`\b`).ReplaceAllString(line, is)
		}
		switch line {
		case "systemctl stop palinsesto":
			require.NoError(r.t, r.house.Stop(patience))
			continue
		case "systemctl start palinsesto":
			r.start()
			continue
		case "systemctl disable palinsesto":
			continue // there is no unit here
		}
		cmd := exec.CommandContext(r.t.Context(), "sh", "-c", line)
		cmd.Dir, cmd.Env = r.dir, append(os.Environ(), r.house.Env...)
		out, err := cmd.CombinedOutput()
		require.NoError(r.t, err, "%s\n%s", line, out)
		if m := placed.FindSubmatch(out); m != nil {
			r.puts["HOLD"] = string(m[1])
		}
		said += fmt.Sprintf("$ %s\n%s", line, out)
	}
	r.t.Log(said)
	return said
}

// The token was revoked: the house stands with one that the network does not know any more.
func TestHandbookToken(t *testing.T) {
	w := newWorld(t, settings{channels: 1})
	r := w.reading("The bot's token leaked, or is rotated")
	conf, err := os.ReadFile(w.house.Config)
	require.NoError(t, err)
	conf = []byte(strings.Replace(string(conf), "token_env: "+harness.TokenEnv, "token_file: "+r.path("telegram.token"), 1))
	require.NoError(t, os.WriteFile(w.house.Config, conf, 0o600))
	require.NoError(t, os.WriteFile(r.path("telegram.token"), []byte("123456789:AAkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n"), 0o600))
	require.NoError(t, os.WriteFile(r.path("nuovo.token"), []byte(harness.BotToken+"\n"), 0o600))
	w.start()
	w.people()
	w.publish("Prima", 1)
	w.eventually("the channel is to be reconnected", func() bool {
		out, err := w.command("--json", "channels")
		return err == nil && strings.Contains(out, `"needs_reconnect"`)
	})
	r.does(0)
	r.does(1)
	w.eventually("what waited goes out", func() bool { return w.onWall()["Prima 000"] == 1 })
	require.NoFileExists(t, r.path("nuovo.token"))
	require.NoError(t, w.house.Stop(patience))
	w.check()
}

// The house moves with what is out, what is queued for later, and its people's tokens.
func TestHandbookMove(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	r := w.reading("The house moves to another machine")
	w.start()
	w.people()
	w.publish("Uscito", 3)
	w.out(3)
	seg, err := w.referente.Submit(t.Context(), notice("Più tardi", harness.ChannelID(0)), "piu-tardi")
	require.NoError(t, err)
	due := time.Now().Add(40 * time.Second).Truncate(time.Second)
	require.NoError(t, w.redattore.Approve(t.Context(), seg, due))
	r.does(0)
	// On the other machine there is neither the data folder nor the state folder.
	require.NoError(t, os.RemoveAll(w.house.Data))
	require.NoError(t, os.RemoveAll(r.state))
	r.state = r.path("elsewhere.state")
	w.moveTo(r.path("elsewhere"))
	r.live(w.house.Data)
	said := r.does(1)
	require.Contains(t, said, "Il registro rispetta le regole")
	w.eventually("what was queued goes out", func() bool { return w.onWall()["Più tardi"] == 1 })
	require.Len(t, w.onceAtMost(), 4)
	require.NoError(t, w.house.Stop(patience))
	w.check()
}

// Up to a new program and back to the old one, on the same data. Both are the same here: that this one
// reads what older ones wrote is TestUpgradeFromFirstVersion's.
func TestHandbookUpgrade(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	r := w.reading("Upgrade, and the way back")
	r.copy(program, "palinsesto.nuovo")
	w.start()
	w.people()
	w.publish("Prima", 3)
	w.out(3)
	r.does(0)
	w.publish("Dopo", 3)
	w.out(6)
	r.does(1)
	w.publish("Tornati", 3)
	w.out(9)
	require.Len(t, w.onceAtMost(), 9)
	require.NoError(t, w.house.Stop(patience))
	w.check()
}
