// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// proc is one program that is kept running: killed, it is started again, as by any service manager.
// Who kills says so; a program that ends in any other way is a finding.
type proc struct {
	name string
	bin  string
	args []string
	env  []string
	log  string // file that takes what it says, over all its starts

	mu     sync.Mutex
	cmd    *exec.Cmd
	gone   chan struct{}
	next   []string // environment of the next start only: a failpoint
	down   bool     // is to stay down
	paused bool
	odd    int // ends that nobody caused
	starts int

	kills   *atomic.Int64
	strange func(proc, how string) // ended without being killed
	excused func() bool            // an end by itself is no finding now
}

// restartAfter is how long a service manager may take to notice.
const restartAfter = 50 * time.Millisecond

// oddMost is how often a program that ends by itself is started again.
const oddMost = 5

// start runs the program and keeps it until stop.
func (p *proc) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && !p.down {
		return nil // another fault that kept it away has ended first
	}
	p.down = false
	return p.run()
}

// run starts it once; the caller holds the lock.
func (p *proc) run() error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in the folder of this run
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(p.bin, p.args...) //nolint:gosec,noctx // the programs under torture; they end by signals
	cmd.Env = append(append(os.Environ(), p.env...), p.next...)
	p.next = nil
	cmd.Stdout, cmd.Stderr = out, out
	// None must outlive the torture.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.cmd, p.gone, p.paused = cmd, make(chan struct{}), false
	p.starts++
	go p.watch(cmd, p.gone)
	return nil
}

// watch waits for the end of one start and sees to the next.
func (p *proc) watch(cmd *exec.Cmd, gone chan struct{}) {
	err := cmd.Wait()
	close(gone)
	killed := false
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		killed = ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	if killed {
		p.kills.Add(1)
	}
	excused := p.excused()
	wait := time.NewTimer(restartAfter)
	<-wait.C
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.cmd != cmd { // it is to stay away, or was started again already
		return
	}
	if !killed && !excused && !p.excused() {
		p.strange(p.name, fmt.Sprintf("%v; it last said:\n%s", err, tail(p.log, 12)))
		if p.odd++; p.odd >= oddMost {
			return // whatever it is, more of it tells no more
		}
	}
	if err := p.run(); err != nil {
		p.strange(p.name, err.Error())
	}
}

// kill ends it as a power switch does and returns when it is gone; it comes back by itself, with env.
func (p *proc) kill(env ...string) {
	p.mu.Lock()
	p.next = env
	cmd, gone := p.cmd, p.gone
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	<-gone
}

// halt kills it for good, until start.
func (p *proc) halt() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.kill()
}

// stop asks it to end, and kills it when it does not.
func (p *proc) stop(wait time.Duration) error {
	p.mu.Lock()
	p.down = true
	cmd, gone := p.cmd, p.gone
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-gone:
		return nil
	case <-t.C:
		p.kill()
		return fmt.Errorf("%s did not stop within %s; it last said:\n%s", p.name, wait, tail(p.log, 12))
	}
}

// pause and wake are SIGSTOP and SIGCONT.
func (p *proc) pause() { p.signal(syscall.SIGSTOP, true) }
func (p *proc) wake()  { p.signal(syscall.SIGCONT, false) }

func (p *proc) signal(s os.Signal, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
		p.paused = paused
	}
}

// begun counts its starts. Right after a kill the next is still to come.
func (p *proc) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

func (p *proc) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// stopped tells whether it stands still, by a failpoint that stops, say.
func (p *proc) stopped() bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return strings.HasPrefix(rest, "T")
}

// tail gives the last lines of a file.
func tail(file string, n int) string {
	raw, err := os.ReadFile(file) //nolint:gosec // of /proc
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func logFile(dir, name string) string { return filepath.Join(dir, name+".log") }
