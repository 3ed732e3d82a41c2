// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build failpoints

// Package failpoint kills or stops the process at a named step, and sets its clock, for the tests that
// prove what a crash there leaves behind. In a normal build a failpoint is nothing at all.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variable names the step to die at and, after a colon, at which passage: publishing.intent:3. With a
// further :stop the process does not die there but stands still, as by SIGSTOP, until it is continued.
const Variable = "PALINSESTO_FAILPOINT"

var (
	name, after, how = read(os.Getenv(Variable))
	passed           atomic.Int64
)

func read(v string) (string, int64, syscall.Signal) {
	words := strings.Split(v+"::", ":")
	n, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	if words[2] == "stop" {
		return words[0], n, syscall.SIGSTOP
	}
	return words[0], n, syscall.SIGKILL
}

// Hit dies by SIGKILL, as from a power switch, or stands still, when the step is the one that was asked for.
func Hit(step string) {
	if step != name || passed.Add(1) != after {
		return
	}
	_ = syscall.Kill(os.Getpid(), how)
	if how == syscall.SIGKILL {
		select {} // the signal arrives; nothing more may happen here
	}
}
