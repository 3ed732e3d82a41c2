// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// traced makes a span of each request that may change something, below the one that the caller names.
// What follows from it names this span: it takes the place of the caller's header.
func (s *Service) traced(next http.Handler) http.Handler {
	if s.Tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		ctx := telemetry.UnderTrace(r.Context(), r.Header.Get(telemetry.HeaderTrace))
		ctx, span := s.Tracer.Start(ctx, "HTTP "+r.Method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		r = r.WithContext(ctx)
		r.Header.Set(telemetry.HeaderTrace, telemetry.TraceOf(ctx))
		answer := &watched{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if answer.status != http.StatusNotFound { // what somebody made up is not for whoever reads traces
			route := routeOf(r.URL.Path)
			span.SetName("HTTP " + r.Method + " " + route)
			span.SetAttributes(attribute.String("http.route", route))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", answer.status))
		if answer.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(answer.status))
		}
	})
}

// routeOf is a path without the ids in it, so that spans of one route have one name.
func routeOf(path string) string {
	words := strings.Split(path, "/")
	for i, w := range words {
		if palinsesto.ValidID(w) {
			words[i] = "{id}"
		}
	}
	return strings.Join(words, "/")
}

// watched notes the status of an answer.
type watched struct {
	http.ResponseWriter

	status int
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what lies below.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
