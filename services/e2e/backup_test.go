// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

// outcome is what restore and backup --verify tell with --json.
type outcome struct {
	Holds   bool   `json:"holds"`
	LastSeq uint64 `json:"last_sequence"`
	Media   int    `json:"media_read"`
	Settled struct {
		Doubtful  []string `json:"doubtful"`
		Repeated  []string `json:"repeated"`
		Elsewhere []string `json:"elsewhere"`
	} `json:"settled"`
}

// told runs a command with --json and reads its answer; progress goes elsewhere.
func (w *world) told(args ...string) (o outcome) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), program, append(args, "--json", "--data", w.house.Data, "--config", w.house.Config)...)
	cmd.Env = append(os.Environ(), w.house.Env...)
	out, err := cmd.Output()
	require.NoError(w.t, err, "%s", out)
	require.NoError(w.t, json.Unmarshal(out, &o))
	return o
}

// publish approves notices and returns when all are acknowledged.
func (w *world) publish(prefix string, n int) {
	w.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			title := fmt.Sprintf("%s %03d", prefix, i)
			seg, err := w.referente.Submit(w.t.Context(), notice(title, harness.ChannelID(i%3)), title)
			if err == nil {
				err = w.redattore.Approve(w.t.Context(), seg, time.Time{})
			}
			if err != nil {
				w.t.Error(title, err)
			}
		})
	}
	wg.Wait()
}

// onceAtMost: nothing stands on the wall twice, however often the house was put back.
func (w *world) onceAtMost() map[string]int {
	w.t.Helper()
	seen := w.onWall()
	for title, n := range seen {
		require.Equal(w.t, 1, n, title)
	}
	return seen
}

// out waits until so many messages are out: an approval is acknowledged before its posts exist.
func (w *world) out(n int) {
	w.t.Helper()
	w.eventually("all is out", func() bool { return len(w.onWall()) >= n })
}

// quiet waits until nothing moves by itself any more.
func (w *world) quiet() {
	w.t.Helper()
	w.eventually("all posts come to rest", func() bool {
		for _, state := range []string{"queued", "due", "publishing", "retrying", "held"} {
			ps, err := w.operatore.Posts(w.t.Context(), url.Values{"state": {state}})
			if err != nil || len(ps) > 0 {
				return false
			}
		}
		return true
	})
}

// moveTo makes the world's house one on another data folder, with the same people.
func (w *world) moveTo(data string) {
	w.house = &harness.House{Bin: program, Data: data, Config: w.house.Config, Env: w.house.Env, Args: w.house.Args, Addr: w.house.Addr}
	w.t.Cleanup(func() {
		if w.house.Gone() != nil {
			w.house.Kill()
		}
	})
}

func (w *world) holds() string {
	w.t.Helper()
	out, err := w.command("resume") // lists them
	require.NoError(w.t, err, out)
	return out
}

func (w *world) lift() {
	w.t.Helper()
	out, err := w.command("resume", "--all")
	require.NoError(w.t, err, out)
}

// A house is copied while it is busy and goes on; then its disk is lost. What is brought back on the same
// channels publishes nothing that is out already, and asks about it instead.
func TestOlderBackupPublishesNothingTwice(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	w.start()
	w.people()
	w.publish("Prima", 20)
	file := filepath.Join(t.TempDir(), "casa.tar")
	done := make(chan struct{})
	go func() { defer close(done); w.publish("Durante", 60) }()
	w.eventually("some of it is out", func() bool { return len(w.onWall()) > 25 })
	out, err := w.command("backup", file)
	require.NoError(t, err, out)
	<-done
	w.out(80)
	w.quiet()
	require.Len(t, w.onceAtMost(), 80)
	w.house.Kill()
	drill := w.told("backup", "--verify", file)
	require.True(t, drill.Holds)

	old := w.house.Data
	w.moveTo(filepath.Join(t.TempDir(), "data"))
	back := w.told("restore", file)
	require.True(t, back.Holds)
	require.Equal(t, drill.LastSeq, back.LastSeq)
	w.start()
	require.Contains(t, w.holds(), "ripristinata")
	doubtful, err := w.operatore.Posts(t.Context(), url.Values{"cause": {"restored"}})
	require.NoError(t, err)
	require.Len(t, doubtful, len(back.Settled.Doubtful))
	w.lift()
	w.quiet()
	require.Len(t, w.onceAtMost(), 80, "nothing came of it")
	for _, p := range doubtful {
		out, err := w.command("resolve", p.ID, "--out", "--link", w.linkOf(p))
		require.NoError(t, err, out)
	}
	require.NoError(t, w.house.Stop(patience))
	w.check()
	require.DirExists(t, old)
}

// linkOf is where a person finds a post on its channel.
func (w *world) linkOf(p harness.Post) string {
	w.t.Helper()
	a, err := w.operatore.Do(w.t.Context(), "GET", "/api/v1/posts/"+p.ID, nil)
	require.NoError(w.t, err)
	var shown struct {
		Title string `json:"title"`
	}
	require.NoError(w.t, a.Decode(&shown))
	for _, i := range w.box.Wall() {
		if strings.HasPrefix(i.Text, shown.Title+"\n") {
			return "https://t.me/" + strings.ReplaceAll(p.Channel, "-", "_") + "/" + i.ID[strings.LastIndex(i.ID, "/")+1:]
		}
	}
	require.Fail(w.t, "not on the wall", shown.Title)
	return ""
}

// With the notes that the lost house left outside its data folder, the restored one knows what went out and
// keeps what was withdrawn since withdrawn.
func TestOlderBackupWithNotes(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	notes := filepath.Join(t.TempDir(), "fuori")
	w.house.Env = append(w.house.Env, "PALINSESTO_STATE_DIR="+notes)
	w.start()
	w.people()
	later, err := w.referente.Submit(t.Context(), notice("Da ritirare", harness.ChannelID(0)), "later")
	require.NoError(t, err)
	require.NoError(t, w.redattore.Approve(t.Context(), later, time.Now().Add(time.Hour)))
	file := filepath.Join(t.TempDir(), "casa.tar")
	w.publish("Prima", 12)
	out, err := w.command("backup", file)
	require.NoError(t, err, out)
	w.publish("Dopo", 6)
	w.out(18)
	w.quietBut(1)
	a, err := w.referente.Do(t.Context(), "POST", "/api/v1/segnalazioni/"+later.ID+"/withdraw", map[string]any{"reason": "Annullato."})
	require.NoError(t, err)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.NoError(t, w.house.Stop(patience))

	w.moveTo(filepath.Join(t.TempDir(), "data"))
	back := w.told("restore", file)
	require.True(t, back.Holds)
	require.Empty(t, back.Settled.Doubtful, "the notes know of all")
	require.NotEmpty(t, back.Settled.Repeated)
	w.start()
	w.lift()
	w.quiet()
	require.Len(t, w.onceAtMost(), 18)
	a, err = w.redattore.Do(t.Context(), "GET", "/api/v1/segnalazioni/"+later.ID, nil)
	require.NoError(t, err)
	var seg harness.Seg
	require.NoError(t, a.Decode(&seg))
	require.Equal(t, "withdrawn", seg.State)
	for _, p := range seg.Posts {
		require.Equal(t, "cancelled", p.State)
	}
	require.NoError(t, w.house.Stop(patience))
	w.check()
}

// quietBut waits until all but so many queued posts are at rest.
func (w *world) quietBut(queued int) {
	w.t.Helper()
	w.eventually("the rest is out", func() bool {
		ps, err := w.operatore.Posts(w.t.Context(), url.Values{"state": {"queued"}})
		if err != nil || len(ps) != queued {
			return false
		}
		for _, state := range []string{"due", "publishing", "retrying"} {
			if ps, err := w.operatore.Posts(w.t.Context(), url.Values{"state": {state}}); err != nil || len(ps) > 0 {
				return false
			}
		}
		return true
	})
}

// A snapshot of the data folder is put back below the house, and a copy of it is started elsewhere: both
// are noticed, both stand still, and nothing goes out twice.
func TestDataFolderPutBackOrCopied(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	w.start()
	w.people()
	w.publish("Prima", 6)
	w.out(6)
	w.quiet()
	require.NoError(t, w.house.Stop(patience))
	snapshot := filepath.Join(t.TempDir(), "istantanea")
	copyFolder(t, w.house.Data, snapshot)
	w.start()
	require.NotContains(t, w.holds(), "registro", "a restart is no reason to stop")
	w.publish("Dopo", 9)
	w.out(15)
	w.quiet()
	w.house.Kill()

	require.NoError(t, os.RemoveAll(w.house.Data))
	copyFolder(t, snapshot, w.house.Data)
	w.start()
	require.Contains(t, w.holds(), "tornato indietro")
	w.lift()
	// Sent in again by whoever got no answer, it is the same segnalazione, and a new post of it is out.
	w.quiet()
	require.Len(t, w.onceAtMost(), 15)
	require.NoError(t, w.house.Stop(patience))
	w.check()
	w.start()
	require.NotContains(t, w.holds(), "tornato indietro", "told once")
	require.NoError(t, w.house.Stop(patience))

	w.moveTo(filepath.Join(t.TempDir(), "altrove"))
	copyFolder(t, snapshot, w.house.Data)
	w.start()
	require.Contains(t, w.holds(), "copia")
	require.Len(t, w.onceAtMost(), 15)
	require.NoError(t, w.house.Stop(patience))
	w.check()
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, os.Chmod(to, 0o700))
}

// The disk of the copies is full: the copy is refused with a sentence, nothing of it stays, the house goes on.
func TestDiskFullWhileBackingUp(t *testing.T) {
	w := newWorld(t, settings{channels: 3})
	w.start()
	w.people()
	w.publish("Prima", 60)
	flags := "-m"
	if os.Geteuid() != 0 {
		flags = "-rm"
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "unshare", flags, "sh", "-c",
		`mount -t tmpfs -o size=16k tmpfs "$1" && { "$0" backup "$1/casa.tar" --data "$2"; echo "code $?"; ls -A "$1"; }`, program, dir, w.house.Data)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "il disco della copia è pieno")
	require.Contains(t, string(out), "code 1\n")
	require.NotContains(t, string(out), "casa.tar.part\n")
	w.out(60)
	w.quiet()
	require.Len(t, w.onceAtMost(), 60)
	file := filepath.Join(dir, "casa.tar")
	said, err := w.command("backup", file)
	require.NoError(t, err, said)
	require.NoError(t, w.house.Stop(patience))
	// Cut short, altered, or into a folder that is not empty: refused, and nothing is touched.
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	before := w.onceAtMost()
	for name, bad := range map[string][]byte{"tronca.tar": raw[:len(raw)/2], "altra.tar": append([]byte("x"), raw...)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), bad, 0o600))
		other := filepath.Join(t.TempDir(), "vuota")
		said, err := exec.CommandContext(t.Context(), program, "restore", filepath.Join(dir, name), "--data", other).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(said), "copia")
		require.NoDirExists(t, other)
	}
	said, err = w.command("restore", file)
	require.Error(t, err)
	require.Contains(t, said, "non è vuota")
	w.check()
	require.Equal(t, before, w.onWall())
}
