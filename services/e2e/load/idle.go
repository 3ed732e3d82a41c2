// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// idle lets an empty house wait, and reads what it used.
func idle(ctx context.Context, b *bench) error {
	h, err := b.house("idle", "http://127.0.0.1:9", 1)
	if err != nil {
		return err
	}
	if _, err := started(ctx, h); err != nil {
		return err
	}
	defer h.Kill()
	if err := waitFor(ctx, 5*time.Second); err != nil { // let the start settle
		return err
	}
	before, err := cpu(h.PID())
	if err != nil {
		return err
	}
	span := time.Duration(b.opts.seconds) * time.Second
	if err := waitFor(ctx, span); err != nil {
		return err
	}
	after, err := cpu(h.PID())
	if err != nil {
		return err
	}
	rss, err := resident(h.PID())
	if err != nil {
		return err
	}
	fmt.Printf("  resident %.1f MiB, processor %.2f %% of a core over %s\n", float64(rss)/(1<<20), 100*(after-before).Seconds()/span.Seconds(), span)
	return nil
}

func waitFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// spent is the processor time that a process takes while something lasts that begins after a while. On a busy
// machine it says more than the time that passes.
func spent(ctx context.Context, pid int, after time.Duration, something func() error) (time.Duration, error) {
	if err := waitFor(ctx, after); err != nil {
		return 0, err
	}
	before, err := cpu(pid)
	if err != nil {
		return 0, err
	}
	if err := something(); err != nil {
		return 0, err
	}
	now, err := cpu(pid)
	return now - before, err
}

// cpu is the processor time of a process so far, from /proc (proc(5), fields 14 and 15 in ticks of 10 ms).
func cpu(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// resident is the memory of a process in bytes.
func resident(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
