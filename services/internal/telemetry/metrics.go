// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// gatherWait bounds how long one reading of the metrics may take: a log that does not answer must not
// hold a connection of the monitor for ever.
const gatherWait = 5 * time.Second

// Metrics are the house's figures. What can be asked of the log and the index is asked when somebody
// reads the page, so that counting costs nothing in between.
type Metrics struct {
	registry *prometheus.Registry
	counters
}

// NewMetrics makes an empty set with the process's own figures.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), counters: newCounters()}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "palinsesto_build_info", Help: "1; the version stands in the label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.all()...)
	m.registry.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Sample is one figure that is asked for when the metrics are read.
type Sample struct {
	Name, Help string
	Counter    bool     // only grows; else a gauge
	Labels     []string // names
	// Read tells the value of each combination of labels; an error leaves the figure out of this reading.
	Read func(ctx context.Context, tell func(value float64, labels ...string)) error
}

// Add puts figures on the page.
func (m *Metrics) Add(samples ...Sample) {
	for _, s := range samples {
		kind := prometheus.GaugeValue
		if s.Counter {
			kind = prometheus.CounterValue
		}
		m.registry.MustRegister(&sampled{Sample: s, kind: kind, desc: prometheus.NewDesc(s.Name, s.Help, s.Labels, nil)})
	}
}

// Names are all figures of the house itself, also those of which there is nothing to tell yet.
func (m *Metrics) Names() []string {
	ch := make(chan *prometheus.Desc, 1000)
	m.registry.Describe(ch)
	close(ch)
	var all []string
	for d := range ch {
		// The library tells a description's name in its text only.
		if _, rest, ok := strings.Cut(d.String(), `fqName: "`); ok && strings.HasPrefix(rest, "palinsesto_") {
			name, _, _ := strings.Cut(rest, `"`)
			all = append(all, name)
		}
	}
	return all
}

// Handler serves the figures in Prometheus's format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 2})
}

type sampled struct {
	Sample
	kind prometheus.ValueType
	desc *prometheus.Desc
}

func (s *sampled) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector, whose interface knows no context.
func (s *sampled) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherWait)
	defer cancel()
	_ = s.Read(ctx, func(value float64, labels ...string) { // a figure that cannot be had is absent: monitors alert on that
		ch <- prometheus.MustNewConstMetric(s.desc, s.kind, value, labels...)
	})
}
