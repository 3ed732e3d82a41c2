// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func TestTraceparent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	require.Equal(t, good, FormatTrace(ParseTrace(good)))
	require.True(t, ParseTrace(good).IsSampled())
	require.False(t, ParseTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").IsSampled())
	for _, bad := range []string{"", "00", good + "\n", "01" + good[2:], "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"} {
		require.False(t, ParseTrace(bad).IsValid(), "%q", bad)
	}
}

func FuzzTraceparent(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Fuzz(func(t *testing.T, s string) {
		if c := ParseTrace(s); c.IsValid() && FormatTrace(c)[:53] != s[:53] {
			t.Fatal(s)
		}
	})
}

func TestTracingIsOffByDefault(t *testing.T) {
	none := func(string) string { return "" }
	got, err := TracingFromEnv(none, "1", nil)
	require.NoError(t, err)
	require.Nil(t, got)
	require.Nil(t, got.Tracer())
	require.NoError(t, got.Close(t.Context()))
	ctx, span := Span(t.Context(), "x")
	require.Equal(t, t.Context(), ctx)
	require.False(t, span.IsRecording())
	require.Empty(t, TraceID(ctx))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, s := Span(ctx, "x"); s.End() }), "off costs nothing")
}

func TestExport(t *testing.T) {
	var got string
	var header http.Header
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, header = string(b), r.Header
		w.WriteHeader(status)
	}))
	defer srv.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": srv.URL + "/x", "OTEL_EXPORTER_OTLP_HEADERS": "a=b%20c, d = e"}
	e, err := newExporter(func(k string) string { return env[k] }, NewLog(io.Discard, 0))
	require.NoError(t, err)
	tr := newTracing(sdktrace.NewSimpleSpanProcessor(e), "prova", "1")
	_, s := tr.Tracer().Start(t.Context(), "nome")
	s.SetAttributes(attribute.Int("n", 3), attribute.Bool("b", true), attribute.Float64("f", .5), attribute.String("s", "x"))
	s.SetStatus(codes.Error, "stale")
	s.End()
	require.Contains(t, got, `"attributes":[{"key":"n","value":{"intValue":"3"}},{"key":"b","value":{"boolValue":true}},{"key":"f","value":{"doubleValue":0.5}},{"key":"s","value":{"stringValue":"x"}}]`)
	require.Contains(t, got, `"status":{"code":2,"message":"stale"}`)
	require.Contains(t, got, `{"key":"service.name","value":{"stringValue":"prova"}}`)
	require.Equal(t, "b c", header.Get("a"))
	require.Equal(t, "e", header.Get("d"))
	status = http.StatusServiceUnavailable // a collector that is away breaks nothing
	_, s = tr.Tracer().Start(t.Context(), "nome")
	s.End()
	require.NoError(t, tr.Close(t.Context()))
}

func TestEndpoints(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want string // address; empty: off; ?: refused
	}{
		"base":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"},
		"traces":   {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/t"}, "https://c/t"},
		"disabled": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, ""},
		"none":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, ""},
		"grpc":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "?"},
		"no host":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"}, "?"},
	} {
		e, err := newExporter(func(k string) string { return c.env[k] }, nil)
		switch c.want {
		case "?":
			require.Error(t, err, name)
		case "":
			require.NoError(t, err, name)
			require.Nil(t, e, name)
		default:
			require.NoError(t, err, name)
			require.Equal(t, c.want, e.address, name)
		}
	}
}
