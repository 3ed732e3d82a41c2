// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"os"
	"os/exec"

	"github.com/stretchr/testify/require"
)

// check reads a stopped house's log with "palinsesto check", which must find nothing.
func (w *world) check() {
	w.t.Helper()
	out, err := w.command("check")
	require.NoError(w.t, err, "%s", out)
}

// command runs the program's command line on the house's data folder.
func (w *world) command(args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), program, append(args, "--data", w.house.Data, "--config", w.house.Config)...)
	cmd.Env = append(os.Environ(), w.house.Env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
