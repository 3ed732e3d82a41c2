// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// starts is how often each start is measured; the median is what counts.
const starts = 5

// ready measures from the start of the process until /readyz says yes.
func ready(ctx context.Context, b *bench) error {
	if err := readyEmpty(ctx, b); err != nil {
		return err
	}
	return readyFull(ctx, b)
}

func readyEmpty(ctx context.Context, b *bench) error {
	var took []time.Duration
	for i := range starts {
		h, err := b.house(fmt.Sprintf("empty-%d", i), "http://127.0.0.1:9", 1)
		if err != nil {
			return err
		}
		d, err := started(ctx, h)
		if err != nil {
			return err
		}
		took = append(took, d)
		if err := h.Stop(20 * time.Second); err != nil {
			return err
		}
	}
	fmt.Printf("  empty, very first start: median %s of %v\n", median(took), rounded(took))
	return nil
}

func readyFull(ctx context.Context, b *bench) error {
	h, err := b.house("full", "http://127.0.0.1:9", 10)
	if err != nil {
		return err
	}
	if _, err := started(ctx, h); err != nil { // makes the folder and its credentials
		return err
	}
	if err := h.Stop(20 * time.Second); err != nil {
		return err
	}
	store := filepath.Join(h.Data, "nats")
	begun := time.Now()
	if err := seedAndKill(ctx, store, b.opts.finished); err != nil {
		return err
	}
	size, err := folderSize(store)
	if err != nil {
		return err
	}
	fmt.Printf("  log of %d finished posts: %d MiB, written in %s, writer killed\n", b.opts.finished, size>>20, time.Since(begun).Round(time.Second))
	first, err := started(ctx, h)
	if err != nil {
		return err
	}
	fmt.Printf("  first start after kill -9 of the writer (nothing had been stopped): %s\n", first.Round(time.Millisecond))
	var killed, stopped []time.Duration
	for range starts {
		h.Kill()
		d, err := started(ctx, h)
		if err != nil {
			return err
		}
		killed = append(killed, d)
		if err := h.Stop(30 * time.Second); err != nil {
			return err
		}
		if d, err = started(ctx, h); err != nil {
			return err
		}
		stopped = append(stopped, d)
	}
	defer h.Kill()
	rss, err := resident(h.PID())
	if err != nil {
		return err
	}
	fmt.Printf("  after kill -9: median %s of %v\n  after a clean stop: median %s of %v\n  resident %.0f MiB\n",
		median(killed), rounded(killed), median(stopped), rounded(stopped), float64(rss)/(1<<20))
	return nil
}

// seedAndKill fills a log in a process of its own and kills it without warning once all is acknowledged.
func seedAndKill(ctx context.Context, store string, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "seed", store, strconv.Itoa(n)) //nolint:gosec // this very program
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil || word != "filled" {
		_ = cmd.Wait()
		return fmt.Errorf("the log was not filled: %q %w", word, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait() // killed: the error is the aim
	return nil
}

func folderSize(dir string) (int64, error) {
	var size int64
	err := filepath.Walk(dir, func(_ string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			size += i.Size()
		}
		return err
	})
	return size, err
}
