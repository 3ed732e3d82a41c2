// SPDX-License-Identifier: AGPL-3.0-or-later

// Package telemetry is how the house tells what it does: log lines without secrets, metrics, and the
// pages that say whether it is alive and ready.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// NewLog writes to w: lines for people on a terminal, JSON for programs elsewhere.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(newHandler(w, level, isTerminal(w)))
}

func newHandler(w io.Writer, level slog.Level, people bool) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if people {
		o.ReplaceAttr = shortTime
		return slog.NewTextHandler(redacting{w}, o)
	}
	return slog.NewJSONHandler(redacting{w}, o)
}

// shortTime leaves the date out: who watches a terminal knows what day it is.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
	}
	return a
}

// isTerminal: a character device is one, or as good as one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ParseLevel reads debug, info, warn or error.
func ParseLevel(s string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(s))); err != nil {
		return l, fmt.Errorf("livello %q sconosciuto: debug, info, warn, error (unknown level)", s)
	}
	return l, nil
}
