// SPDX-License-Identifier: AGPL-3.0-or-later

package embednats

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a newcomer reads on the screen after a kill -9 must not look like a fault.
func TestLoggerKeepsQuietAboutWhatIsMeantToBe(t *testing.T) {
	var out bytes.Buffer
	g := logger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	g.Warnf("Filestore [%s] Stream state outdated, last block has additional entries, will rebuild", "PALINSESTO")
	g.Warnf("Filestore [%s] Recovering stream state from index errored: prior state file", "PALINSESTO")
	g.Warnf("Plaintext passwords detected, use nkeys or bcrypt")
	require.Empty(t, out.String())
	g.Warnf("Filestore [%s] Stream corrupt", "PALINSESTO")
	require.Contains(t, out.String(), "corrupt")
}
