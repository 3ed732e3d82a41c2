// SPDX-License-Identifier: AGPL-3.0-or-later

package embednats

import (
	"fmt"
	"log/slog"
)

// logger brings the server's lines into ours; its notices are our debug lines.
type logger struct{ l *slog.Logger }

func (g logger) Noticef(f string, v ...any) { g.l.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (g logger) Warnf(f string, v ...any)   { g.l.Warn("nats: " + fmt.Sprintf(f, v...)) }
func (g logger) Fatalf(f string, v ...any)  { g.l.Error("nats: " + fmt.Sprintf(f, v...)) }
func (g logger) Errorf(f string, v ...any)  { g.l.Error("nats: " + fmt.Sprintf(f, v...)) }
func (g logger) Debugf(f string, v ...any)  { g.l.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (g logger) Tracef(string, ...any)      {}
