// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build failpoints

// Package failpoint kills the process at a named step, for the tests that prove what a crash there
// leaves behind. In a normal build a failpoint is nothing at all.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variable names the step to die at and, after a colon, at which passage: publishing.intent:3.
const Variable = "PALINSESTO_FAILPOINT"

var (
	name, after = read(os.Getenv(Variable))
	passed      atomic.Int64
)

func read(v string) (string, int64) {
	step, count, _ := strings.Cut(v, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	return step, n
}

// Hit dies by SIGKILL, as from a power switch, when the step is the one that was asked for.
func Hit(step string) {
	if step != name || passed.Add(1) != after {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal arrives; nothing more may happen here
}
