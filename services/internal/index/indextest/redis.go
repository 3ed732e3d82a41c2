// SPDX-License-Identifier: AGPL-3.0-or-later

// Package indextest starts real Redis servers for tests.
package indextest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server of one test: on 127.0.0.1, with nothing saved to disk.
type Server struct {
	URL string

	t      testing.TB
	addr   string
	args   []string
	mu     sync.Mutex
	cmd    *exec.Cmd
	client *redis.Client
}

// Redis starts a server and gives its URL; it ends with the test.
func Redis(t testing.TB) string { return Start(t).URL }

// Start starts a server, with further arguments such as "--maxmemory-policy", "allkeys-lru".
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not in PATH: install it with `apt-get install redis-server` (scripts/test does)")
	}
	s := &Server{t: t, args: args}
	t.Cleanup(s.Kill)
	// A free port can be taken by somebody else before Redis has it: another is tried then.
	var err error
	for range 5 {
		if s.addr, err = freePort(); err != nil {
			continue
		}
		if err = s.run(); err == nil {
			s.URL = "redis://" + s.addr + "/0"
			s.client = redis.NewClient(&redis.Options{Addr: s.addr, PoolSize: 1, DisableIdentity: true})
			t.Cleanup(func() { _ = s.client.Close() })
			return s
		}
	}
	t.Fatalf("redis-server did not start: %v", err)
	return nil
}

func freePort() (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// run waits until the server says that it accepts connections.
func (s *Server) run() error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
		"--dir", s.t.TempDir(), "--daemonize", "no"}, s.args...)
	cmd := exec.CommandContext(context.Background(), "redis-server", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	var ended sync.WaitGroup
	ended.Go(func() { ready <- drain(bufio.NewScanner(out), ready) })
	select {
	case err = <-ready:
	case <-time.After(30 * time.Second):
		err = errors.New("no word from redis-server within 30 s")
	}
	if err != nil {
		_ = cmd.Process.Kill()
		ended.Wait()
		return errors.Join(err, cmd.Wait())
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	return nil
}

// drain reports the first good word and then reads on, so that the server never waits for a reader.
func drain(lines *bufio.Scanner, ready chan<- error) error {
	var last string
	for lines.Scan() {
		last = lines.Text()
		if strings.Contains(last, "Ready to accept connections") {
			ready <- nil
		}
	}
	return fmt.Errorf("redis-server ended: %s", last)
}

// Kill ends the server at once, as kill -9 does; what was in it is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // its end is what we wait for: killed is no error here
	s.cmd = nil
}

// Restart starts a killed server again, empty, at the same address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.t.Fatalf("redis-server did not start again: %v", err)
	}
}

// FlushAll wipes the server.
func (s *Server) FlushAll() { s.do("FLUSHALL") }

// FlushScripts has the server forget its scripts.
func (s *Server) FlushScripts() { s.do("SCRIPT", "FLUSH") }

func (s *Server) do(args ...any) {
	s.t.Helper()
	if err := s.client.Do(context.Background(), args...).Err(); err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
}

// Keys lists the keys that begin with a prefix.
func (s *Server) Keys(prefix string) []string {
	s.t.Helper()
	keys, err := s.client.Keys(context.Background(), prefix+"*").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}
