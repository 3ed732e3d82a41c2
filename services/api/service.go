// SPDX-License-Identifier: AGPL-3.0-or-later

// Package api is the house's door for programs: HTTP with JSON, problem+json for errors, server-sent
// events. It turns requests into commands and the index and the log into answers; it decides nothing
// that a room decides, but says no before a room is asked when the role already forbids it.
//
// Read routes.go first: every route stands there with the action that it needs.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus      *bus.Bus
	Index    *index.Index
	Clock    func() time.Time
	Log      *slog.Logger
	Listener net.Listener
	Tracer   trace.Tracer // nil: no traces
	// Extra are handlers of the house (readiness, metrics, the console), by pattern of http.ServeMux.
	Extra map[string]http.Handler
	// Check compares the log with what must always hold; nil: this process cannot.
	Check func(ctx context.Context) ([]palinsesto.Problem, error)
}

// Service is the room.
type Service struct {
	Deps
	cfg     *config.Config
	auth    *doorkeeper
	handler http.Handler
	spec    []byte // OpenAPI, made once
	streams *streams
	// Files that are being received, and sent; lists that are being searched by words.
	uploads, downloads, searches *places
	scanMost                     int
}

// How many files may be on their way at the same moment, in all and of one access: each takes memory for
// as long as its line is slow.
const (
	uploadsAtOnce, uploadsOfOne     = 8, 2
	downloadsAtOnce, downloadsOfOne = 64, 8
)

// New makes the room.
func New(cfg *config.Config, d Deps) (*Service, error) {
	s := &Service{
		Deps: d, cfg: cfg, auth: newDoorkeeper(d), streams: newStreams(),
		uploads: newPlaces(uploadsAtOnce, uploadsOfOne), downloads: newPlaces(downloadsAtOnce, downloadsOfOne),
		searches: newPlaces(searchesAtOnce, searchesOfOne), scanMost: scanMost,
	}
	routes, err := s.routes()
	s.handler = s.traced(routes)
	return s, err
}

// Handler answers requests; Run serves it.
func (s *Service) Handler() http.Handler { return s.handler }

const (
	headerWait   = 10 * time.Second
	idleWait     = 2 * time.Minute
	headerBytes  = 16 << 10
	shutdownWait = 35 * time.Second // a command under way may take bus.CommandWait
)

// Run serves until ctx ends, then lets requests under way finish; event streams end at once.
func (s *Service) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerWait,
		IdleTimeout:       idleWait,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		// Requests outlive ctx: a clean stop lets what has begun come to its end.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(s.Listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		s.streams.end()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
		defer cancel()
		if err := srv.Shutdown(stop); err != nil {
			return errors.Join(err, srv.Close())
		}
		return nil
	})
	g.Go(func() error { // no commands: it is seen beside the other rooms
		return s.Bus.Serve(ctx, "api", "turns HTTP into commands")
	})
	return g.Wait()
}
