// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A trace goes with the aggregate: each event names in its envelope the span that appended it, and the
// next event of the aggregate, or the first of one that it leads to, is a span below that one. So all that
// became of a segnalazione is one trace, from the request that submitted it to the call that published it,
// however many days, rooms and restarts lie between. What else had a hand in it (the request that
// approved it) is a trace of its own, linked. Attributes tell which post, never what it says.

func nothing(error) {}

// traceAppend begins the span of an append, and tells the traceparent that its envelope is to have.
func (b *Bus) traceAppend(ctx context.Context, subject, event, was, given string) (parent string, end func(error)) {
	if b.o.Tracer == nil {
		if given == "" {
			given = was // a room without tracing does not break the chain
		}
		return given, nothing
	}
	here := trace.SpanContextFromContext(ctx)
	above := telemetry.ParseTrace(was)
	if !above.IsValid() {
		above = here
	}
	if !above.IsValid() {
		above = telemetry.ParseTrace(given)
	}
	opts := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(aggregate(subject)...)}
	if here.IsValid() && here.TraceID() != above.TraceID() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: here}))
	}
	_, span := b.o.Tracer.Start(trace.ContextWithRemoteSpanContext(ctx, above), "append "+kind(subject)+"."+event, opts...)
	return telemetry.FormatTrace(span.SpanContext()), func(err error) { finish(span, err) }
}

// finish ends a span. Only a code is told of an error: its text may quote what somebody wrote.
func finish(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, codeOf(err))
	}
	span.End()
}

func codeOf(err error) string {
	if errors.Is(err, ErrStale) {
		return "stale"
	}
	return string(palinsesto.CodeOf(err))
}

// traceHandle begins the span of a handler, below the event that it was handed.
func (b *Bus) traceHandle(ctx context.Context, consumer string, d Delivery) (context.Context, func(error)) {
	if b.o.Tracer == nil {
		return ctx, nothing
	}
	above := telemetry.ParseTrace(contract.TraceIn(d.Data))
	if !above.IsValid() {
		return ctx, nothing
	}
	attrs := append(aggregate(d.Subject), attribute.Int64("palinsesto.seq", int64(min(d.Seq, 1<<62))), attribute.Int("palinsesto.deliveries", d.Deliveries))
	ctx, span := b.o.Tracer.Start(trace.ContextWithRemoteSpanContext(ctx, above), "handle "+consumer+" "+d.Event,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attrs...))
	return ctx, func(err error) { finish(span, err) }
}

// traceRequest begins the span of a command that is sent, and lets the message name it.
func (b *Bus) traceRequest(ctx context.Context, m *nats.Msg) (end func(error)) {
	if b.o.Tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return nothing
	}
	_, span := b.o.Tracer.Start(ctx, "ask "+strings.TrimPrefix(m.Subject, "palinsesto.cmd."), trace.WithSpanKind(trace.SpanKindClient))
	m.Header = nats.Header{telemetry.HeaderTrace: []string{telemetry.FormatTrace(span.SpanContext())}}
	return func(err error) { finish(span, err) }
}

// traceCommand begins the span of a command that is carried out.
func (b *Bus) traceCommand(ctx context.Context, verb, parent string) (context.Context, func(error)) {
	if b.o.Tracer == nil {
		return ctx, nothing
	}
	ctx, span := b.o.Tracer.Start(telemetry.UnderTrace(ctx, parent), "command "+b.o.Name+"."+verb, trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(err error) { finish(span, err) }
}

// aggregate says what a span is about.
func aggregate(subject string) []attribute.KeyValue {
	a, err := contract.ParseSubject(subject)
	if err != nil {
		return nil
	}
	attrs := []attribute.KeyValue{attribute.String("palinsesto."+a.Aggregate, a.ID)}
	switch a.Aggregate {
	case contract.AggregatePost:
		attrs = append(attrs, attribute.String("palinsesto.channel", a.Owner))
	case contract.AggregateSeg:
		attrs = append(attrs, attribute.String("palinsesto.centre", a.Owner))
	}
	return attrs
}

func kind(subject string) string {
	if a, err := contract.ParseSubject(subject); err == nil {
		return a.Aggregate
	}
	return "?"
}
