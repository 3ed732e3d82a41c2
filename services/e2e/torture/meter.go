// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// reading is the house's memory and goroutines at one moment, all its processes together.
type reading struct {
	Seconds    float64 `json:"seconds"`
	MiB        float64 `json:"mib"`
	Goroutines float64 `json:"goroutines"`
	Processes  int     `json:"processes"`
}

// meter reads them now and then; a reading counts only when every process answered.
type meter struct {
	r      *run
	began  time.Time
	cancel context.CancelFunc
	mu     sync.Mutex
	all    []reading
}

const meterEvery = 5 * time.Second

func (r *run) startMeter(ctx context.Context) *meter {
	m := &meter{r: r, began: time.Now()}
	ctx, m.cancel = context.WithCancel(ctx)
	go func() {
		for wait.For(ctx, meterEvery) {
			m.read(ctx)
		}
	}()
	return m
}

func (m *meter) read(ctx context.Context) {
	one := reading{Seconds: time.Since(m.began).Seconds()}
	for _, x := range m.r.world.all() {
		ask, cancel := context.WithTimeout(ctx, 2*time.Second)
		a, err := harness.Client{URL: "http://" + x.addr}.Do(ask, http.MethodGet, "/metrics", nil)
		cancel()
		if err != nil || a.Status != http.StatusOK {
			return
		}
		lines := bufio.NewScanner(bytes.NewReader(a.Body))
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.ParseFloat(value, 64)
			switch {
			case err != nil:
			case name == "process_resident_memory_bytes":
				one.MiB += n / (1 << 20)
			case name == "go_goroutines":
				one.Goroutines += n
			}
		}
		one.Processes++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, one)
}

// stop takes a last reading and gives all.
func (m *meter) stop() []reading {
	m.cancel()
	m.read(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}
