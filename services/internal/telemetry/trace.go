// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"context"
	"log/slog"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names who made a span.
const scope = "github.com/palinsesto/palinsesto"

// HeaderTrace is the W3C header that carries a trace, in HTTP and on NATS: https://www.w3.org/TR/trace-context/
const HeaderTrace = "traceparent"

// Tracing makes spans and exports them; nil is off, and costs nothing.
type Tracing struct{ provider *sdktrace.TracerProvider }

// TracingFromEnv is off unless an OTLP endpoint is named in the variables that OpenTelemetry gives for it:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Sampling is the SDK's, by OTEL_TRACES_SAMPLER.
func TracingFromEnv(getenv func(string) string, version string, log *slog.Logger) (*Tracing, error) {
	e, err := newExporter(getenv, log)
	if e == nil || err != nil {
		return nil, err
	}
	return newTracing(sdktrace.NewBatchSpanProcessor(e), getenv("OTEL_SERVICE_NAME"), version), nil
}

func newTracing(p sdktrace.SpanProcessor, service, version string) *Tracing {
	if service == "" {
		service = "palinsesto"
	}
	return &Tracing{provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p), sdktrace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", service), attribute.String("service.version", version))))}
}

// Tracer is nil when tracing is off.
func (t *Tracing) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer(scope)
}

// Close exports what is left.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Span begins a span below the one that ctx has; without one it does nothing.
func Span(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	above := trace.SpanFromContext(ctx)
	if !above.SpanContext().IsValid() {
		return ctx, above
	}
	return above.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithAttributes(attrs...))
}

// traceForm is version 00 of a traceparent; other versions begin a trace anew.
var traceForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// ParseTrace reads a traceparent; what is none gives a span context that is not valid.
func ParseTrace(s string) trace.SpanContext {
	if !traceForm.MatchString(s) {
		return trace.SpanContext{}
	}
	id, err := trace.TraceIDFromHex(s[3:35])
	if err != nil {
		return trace.SpanContext{} // all zero
	}
	span, err := trace.SpanIDFromHex(s[36:52])
	if err != nil {
		return trace.SpanContext{}
	}
	var flags trace.TraceFlags
	if strings.ContainsAny(s[54:55], "13579bdf") {
		flags = trace.FlagsSampled
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: flags, Remote: true})
}

// FormatTrace is what ParseTrace reads; empty for one that is not valid.
func FormatTrace(c trace.SpanContext) string {
	if !c.IsValid() {
		return ""
	}
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + (c.TraceFlags() & trace.FlagsSampled).String()
}

// TraceOf is the traceparent of the span that ctx has; empty: none.
func TraceOf(ctx context.Context) string { return FormatTrace(trace.SpanContextFromContext(ctx)) }

// TraceID is what a log line says of the trace; empty: none.
func TraceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsValid() {
		return c.TraceID().String()
	}
	return ""
}

// UnderTrace makes spans of ctx belong to the trace that a traceparent names.
func UnderTrace(ctx context.Context, parent string) context.Context {
	if c := ParseTrace(parent); c.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, c)
	}
	return ctx
}
