// SPDX-License-Identifier: AGPL-3.0-or-later

// Package embednats runs the log inside this process: a NATS server with JetStream that listens on
// loopback only, flushes every acknowledged append to disk, and comes back by itself after a full disk.
package embednats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options say where the log is kept and who may in.
type Options struct {
	Dir      string // of the file store
	Port     int    // on 127.0.0.1; 0: any free one
	User     string
	Password string
	Log      *slog.Logger
	// Lazy leaves the flushing to whoever started it: of a log that is being brought back, where the whole
	// counts and not each append, and where the server wants a piece taken in within seconds.
	Lazy bool
}

// Server is a running NATS server.
type Server struct {
	o    Options
	port int // kept over a restart
	mu   sync.RWMutex
	s    *server.Server
}

const (
	startWait = 30 * time.Second
	// maxPayload leaves room for headers above the contract's bound on events.
	maxPayload = 1 << 20
)

// Start runs a server and returns when it answers.
func Start(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e := &Server{o: o, port: o.Port}
	if e.port == 0 {
		e.port = server.RANDOM_PORT
	}
	s, err := e.run()
	if err != nil {
		return nil, err
	}
	e.s = s
	if a, ok := s.Addr().(*net.TCPAddr); ok {
		e.port = a.Port
	}
	return e, nil
}

func (e *Server) options() *server.Options {
	return &server.Options{
		ServerName: "palinsesto", Host: "127.0.0.1", Port: e.port,
		Username: e.o.User, Password: e.o.Password,
		JetStream: true, StoreDir: e.o.Dir,
		// The default flushes every two minutes: a power cut would lose what was acknowledged.
		SyncAlways: !e.o.Lazy,
		NoSigs:     true, DisableJetStreamBanner: true,
		MaxPayload: maxPayload, MaxControlLine: 4096,
		// -1 asks for a share of the machine's memory: a small house must not reserve it.
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 50,
	}
}

func (e *Server) run() (*server.Server, error) {
	s, err := server.NewServer(e.options())
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	s.SetLoggerV2(logger{e.o.Log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startWait) {
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS did not start within %s (is the data folder writable, the port free?)", startWait)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, errors.New("embedded NATS: JetStream did not start: see the lines above")
	}
	return s, nil
}

func (e *Server) server() *server.Server {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.s
}

// InProcessConn connects without a socket.
func (e *Server) InProcessConn() (net.Conn, error) {
	return e.server().InProcessConn() //nolint:wrapcheck // nats.go wraps it
}

// URL is where a client on this machine reaches the server.
func (e *Server) URL() string { return e.server().ClientURL() }

// Healthy tells whether the log takes appends. A full disk ends that, also when there is room again,
// until a restart: of JetStream as a whole, or of one stream whose write failed.
func (e *Server) Healthy() error {
	var answer verdict
	// The server tells of streams only through its page.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/healthz", nil)
	if err != nil {
		return err
	}
	e.server().HandleHealthz(&answer, req)
	if answer.status == 0 || answer.status == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the embedded server does not take appends: %s", answer.body)
}

// verdict takes the answer of the server's health page.
type verdict struct {
	header http.Header
	status int
	body   []byte
}

func (v *verdict) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}

func (v *verdict) WriteHeader(status int) { v.status = status }

func (v *verdict) Write(p []byte) (int, error) {
	v.body = append(v.body, p...)
	return len(p), nil
}

// Restart stops the server and starts it again on the same files and port; clients reconnect.
func (e *Server) Restart() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.s.Shutdown()
	e.s.WaitForShutdown()
	s, err := e.run()
	if err != nil {
		return err
	}
	e.s = s
	return nil
}

// Stop ends the server after everything was flushed.
func (e *Server) Stop() {
	s := e.server()
	s.Shutdown()
	s.WaitForShutdown()
}
