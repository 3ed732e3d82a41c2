// SPDX-License-Identifier: AGPL-3.0-or-later

package embednats

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger brings the server's lines into ours; its notices are our debug lines.
type logger struct{ l *slog.Logger }

// expected are warnings that say what is meant to be so: the password is random, made by the house,
// and of use on this machine only.
const expected = "Plaintext passwords detected"

func (g logger) Warnf(f string, v ...any) {
	if !strings.HasPrefix(f, expected) {
		g.l.Warn("NATS", "says", fmt.Sprintf(f, v...))
	}
}

func (g logger) Noticef(f string, v ...any) { g.l.Debug("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Fatalf(f string, v ...any)  { g.l.Error("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Errorf(f string, v ...any)  { g.l.Error("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Debugf(f string, v ...any)  { g.l.Debug("NATS", "says", fmt.Sprintf(f, v...)) }
func (g logger) Tracef(string, ...any)      {}
