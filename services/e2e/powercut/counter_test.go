// SPDX-License-Identifier: AGPL-3.0-or-later

package powercut_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/e2e/powercut"
)

// The counter-proof: the same house, load and cut with the log on a server that flushes when JetStream's
// default says, every two minutes, loses what it acknowledged; on one that flushes always, it does not. So
// it is the flush that keeps the promise, and a test on this disk can fail.
func TestPowerCutWithoutFlush(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "nats-server")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, c := range map[string]struct {
		sync  string // a line of the server's configuration
		loses bool
	}{
		"default": {"", true},
		"always":  {"sync_interval: always", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			w := newWorld(t, powercut.Journal)
			// The house's own folders keep their power: the log alone is under trial.
			w.house.Data = filepath.Join(t.TempDir(), "data")
			serve := w.server(bin, c.sync)
			serve()
			w.start()
			w.people()
			// Minutes pass: what is lost below was acknowledged after the last flush.
			w.rig.disk.Sync()
			w.load(channels)
			w.cutAt(rand.New(rand.NewPCG(seed, 1)), nil)
			serve()
			w.start()
			lost := w.lost()
			t.Logf("seed %d: of %d acknowledged %d are lost; disk %+v", seed, w.count(), len(lost), w.rig.disk.Tally())
			if c.loses {
				require.NotEmpty(t, lost)
			} else {
				require.Empty(t, lost)
			}
		})
	}
}

// server prepares a NATS server with its files on the disk that loses power; what it gives starts it.
func (w *world) server(bin, sync string) func() {
	w.t.Helper()
	dir := w.t.TempDir()
	addr, err := harness.FreeAddr()
	require.NoError(w.t, err)
	conf := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\njetstream {\n  store_dir: %q\n  %s\n}\n", addr, w.rig.path("nats"), sync)
	require.NoError(w.t, os.WriteFile(conf, []byte(text), 0o600))
	w.house.Args = append(w.house.Args, "--nats", "nats://"+addr)
	w.t.Cleanup(func() { _ = w.log.Process.Kill(); _ = w.log.Wait() })
	return func() {
		w.t.Helper()
		w.log = exec.CommandContext(w.t.Context(), bin, "-c", conf)
		w.log.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(w.t, w.log.Start())
		require.Eventually(w.t, func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		}, patience, 10*time.Millisecond, "the log's server listens")
	}
}
