// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter sends spans by OTLP over HTTP, as JSON, which every collector takes beside protobuf
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). OpenTelemetry's own exporter brings
// gRPC along: megabytes in every house for a thing that most switch off.
type exporter struct {
	address string
	headers map[string]string
	client  *http.Client
	log     *slog.Logger
}

const exportWait = 10 * time.Second

// newExporter reads the environment; nil when no endpoint is named.
func newExporter(getenv func(string) string, log *slog.Logger) (*exporter, error) {
	address := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); address == "" && base != "" {
		address = strings.TrimRight(base, "/") + "/v1/traces"
	}
	if address == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil //nolint:nilnil // off is no error
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: serve un indirizzo http:// o https:// (an address is needed)")
	}
	if p := getenv("OTEL_EXPORTER_OTLP_PROTOCOL"); p == "grpc" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=grpc: Palinsesto parla solo OTLP su HTTP, di solito sulla porta 4318 (only OTLP over HTTP is spoken)")
	}
	e := &exporter{address: address, headers: map[string]string{}, client: &http.Client{Timeout: exportWait}, log: log}
	for _, pair := range strings.Split(getenv("OTEL_EXPORTER_OTLP_HEADERS"), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if value, err := url.PathUnescape(strings.TrimSpace(value)); ok && err == nil {
			e.headers[strings.TrimSpace(name)] = value
		}
	}
	return e, nil
}

// ExportSpans implements sdktrace.SpanExporter. What cannot be brought is dropped: spans decide nothing.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.post(ctx, spans); err != nil {
		e.log.Warn("spans not exported, they are dropped", "spans", len(spans), "error", err)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(context.Context) error { return nil }

func (e *exporter) post(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	body, err := json.Marshal(otlp(spans))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range e.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

// The message of OTLP, as far as it is filled: opentelemetry/proto/trace/v1/trace.proto. Times and 64-bit
// numbers are decimal text in JSON, ids are hex.
type (
	otlpTraces struct {
		ResourceSpans []otlpResource `json:"resourceSpans"`
	}
	otlpResource struct {
		Resource   otlpAttributes `json:"resource"`
		ScopeSpans []otlpScope    `json:"scopeSpans"`
	}
	otlpAttributes struct {
		Attributes []otlpKeyValue `json:"attributes"`
	}
	otlpScope struct {
		Scope struct {
			Name string `json:"name"`
		} `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpSpan struct {
		TraceID    string         `json:"traceId"`
		SpanID     string         `json:"spanId"`
		Parent     string         `json:"parentSpanId,omitempty"`
		Name       string         `json:"name"`
		Kind       int            `json:"kind"`
		Start      string         `json:"startTimeUnixNano"`
		End        string         `json:"endTimeUnixNano"`
		Attributes []otlpKeyValue `json:"attributes,omitempty"`
		Links      []otlpLink     `json:"links,omitempty"`
		Status     otlpStatus     `json:"status"`
	}
	otlpLink struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	otlpKeyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// otlp puts spans of one process, and so of one resource and scope, into the message.
func otlp(spans []sdktrace.ReadOnlySpan) otlpTraces {
	if len(spans) == 0 {
		return otlpTraces{}
	}
	var s otlpScope
	s.Scope.Name = scope
	for _, x := range spans {
		s.Spans = append(s.Spans, spanOf(x))
	}
	return otlpTraces{[]otlpResource{{
		Resource:   otlpAttributes{attributesOf(spans[0].Resource().Attributes())},
		ScopeSpans: []otlpScope{s},
	}}}
}

func spanOf(x sdktrace.ReadOnlySpan) otlpSpan {
	c := x.SpanContext()
	s := otlpSpan{
		TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), Name: x.Name(), Kind: int(x.SpanKind()),
		Start: strconv.FormatInt(x.StartTime().UnixNano(), 10), End: strconv.FormatInt(x.EndTime().UnixNano(), 10),
		Attributes: attributesOf(x.Attributes()),
	}
	if p := x.Parent(); p.SpanID().IsValid() {
		s.Parent = p.SpanID().String()
	}
	for _, l := range x.Links() {
		s.Links = append(s.Links, otlpLink{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String()})
	}
	switch x.Status().Code {
	case codes.Error:
		s.Status = otlpStatus{2, x.Status().Description}
	case codes.Ok:
		s.Status.Code = 1
	case codes.Unset:
	}
	return s
}

func attributesOf(all []attribute.KeyValue) []otlpKeyValue {
	var out []otlpKeyValue
	for _, a := range all {
		out = append(out, otlpKeyValue{string(a.Key), valueOf(a.Value)})
	}
	return out
}

func valueOf(v attribute.Value) map[string]any {
	switch v.Type() {
	case attribute.BOOL:
		return map[string]any{"boolValue": v.AsBool()}
	case attribute.INT64:
		return map[string]any{"intValue": strconv.FormatInt(v.AsInt64(), 10)}
	case attribute.FLOAT64:
		return map[string]any{"doubleValue": v.AsFloat64()}
	default:
		return map[string]any{"stringValue": v.String()}
	}
}
