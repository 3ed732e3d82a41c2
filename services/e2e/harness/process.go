// SPDX-License-Identifier: AGPL-3.0-or-later

// Package harness starts the house as its users do, as a process of its own, and talks to it over
// HTTP: what the whole-house tests and the benchmark share.
package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build compiles the program with build tags and returns its path in dir.
func Build(ctx context.Context, dir string, tags ...string) (string, error) {
	bin := filepath.Join(dir, "palinsesto")
	args := []string{"build", "-o", bin}
	if len(tags) > 0 {
		args = append(args, "-tags", strings.Join(tags, ","))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/palinsesto/palinsesto/services/cmd/palinsesto")...) //nolint:gosec // our own program
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
}

// House is one process of the program, with its data folder and address.
type House struct {
	Bin    string
	Data   string   // data folder, kept over restarts
	Config string   // path of the configuration
	Args   []string // after "serve": rooms and flags
	Env    []string // beside what the test has
	Addr   string   // host:port; chosen at the first start
	// Seen is where others see the data folder; nil: where it is.
	Seen func() string

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{}
	out  lockedBuffer
}

// Start runs the process; it returns at once.
func (h *House) Start(env ...string) error {
	if h.Addr == "" {
		addr, err := FreeAddr()
		if err != nil {
			return err
		}
		h.Addr = addr
	}
	args := append([]string{"serve", "--config", h.Config, "--data", h.Data, "--listen", h.Addr}, h.Args...)
	cmd := exec.Command(h.Bin, args...) //nolint:gosec,noctx // the program under test; it ends by the signals of its test
	cmd.Env = append(append(os.Environ(), h.Env...), env...)
	cmd.Stdout, cmd.Stderr = &h.out, &h.out
	// The process must not outlive the test that started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	h.mu.Lock()
	h.cmd, h.gone = cmd, gone
	h.mu.Unlock()
	return nil
}

// URL is the address of the API.
func (h *House) URL() string { return "http://" + h.Addr }

// Gone is closed when the process that was started last has ended.
func (h *House) Gone() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

// PID is the process id.
func (h *House) PID() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cmd.Process.Pid
}

// Signal sends a signal.
func (h *House) Signal(s os.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cmd.Process.Signal(s)
}

// Kill ends the process as a power switch does, and waits until it is gone.
func (h *House) Kill() {
	_ = h.Signal(syscall.SIGKILL)
	<-h.Gone()
}

// Stop asks the process to end and tells whether it did so in time.
func (h *House) Stop(wait time.Duration) error {
	if err := h.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-h.Gone():
		return nil
	case <-time.After(wait):
		h.Kill()
		return fmt.Errorf("did not stop within %s:\n%s", wait, h.Output())
	}
}

// Output is what the process has written so far, bounded.
func (h *House) Output() string { return h.out.String() }

// WaitReady waits until /readyz says yes.
func (h *House) WaitReady(ctx context.Context) error {
	for {
		resp, err := http.Get(h.URL() + "/readyz") //nolint:noctx // an address of this test
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w\n%s", ctx.Err(), h.Output())
		case <-h.Gone():
			return fmt.Errorf("ended before it was ready:\n%s", h.Output())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// AdminToken is the administrator's credential in the data folder.
func (h *House) AdminToken() (string, error) {
	dir := h.Data
	if h.Seen != nil {
		dir = h.Seen()
	}
	raw, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	return strings.TrimSpace(string(raw)), err
}

// FreeAddr is an address of loopback that nobody uses now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once or not at all
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// lockedBuffer keeps the last part of what a process writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const keepOutput = 256 << 10

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() > keepOutput {
		l.b.Next(l.b.Len() - keepOutput/2)
	}
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
