// SPDX-License-Identifier: AGPL-3.0-or-later

package embednats

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// logger brings the server's lines into ours; its notices are our debug lines.
type logger struct{ l *slog.Logger }

// expected are warnings that say what is meant to be so: the password is random, made by the house,
// and of use on this machine only.
const expected = "Plaintext passwords detected"

// afterKill are what a start after a kill or a power cut says: the server reads its own files again instead of
// its notes about them, which is what it is for. Nobody has to do anything.
var afterKill = []string{"Stream state outdated", "errored: prior state file"}

func (g logger) Warnf(f string, v ...any) {
	if strings.HasPrefix(f, expected) {
		return
	}
	said, level := fmt.Sprintf(f, v...), slog.LevelWarn
	for _, harmless := range afterKill {
		if strings.Contains(said, harmless) {
			level = slog.LevelInfo
		}
	}
	g.l.Log(context.Background(), level, "NATS", "says", said)
}

func (g logger) Noticef(f string, v ...any) { g.l.Debug("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Fatalf(f string, v ...any)  { g.l.Error("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Errorf(f string, v ...any)  { g.l.Error("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Debugf(f string, v ...any)  { g.l.Debug("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Tracef(string, ...any)      {}
