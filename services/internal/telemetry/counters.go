// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what rooms count as it happens, because nobody could ask for it later. Every method takes
// a nil *Metrics: a room that is tested alone counts nothing.
type counters struct {
	restarts, alerts, attempts, settled *prometheus.CounterVec
	late                                *prometheus.HistogramVec
	took                                *prometheus.HistogramVec
}

// Most posts go out within milliseconds; what matters then is whether any were minutes late.
var (
	lateBuckets = []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800}
	tookBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
)

func newCounters() counters {
	return counters{
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "palinsesto_room_restarts_total", Help: "Times that a room ended with an error and was started again.",
		}, []string{"room"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "palinsesto_alert_messages_total", Help: "Messages to operators, by way (telegram, mail) and outcome (sent, failed).",
		}, []string{"way", "outcome"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "palinsesto_publish_attempts_total", Help: "Attempts to publish that this process made, by channel and verdict.",
		}, []string{"channel", "verdict"}),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "palinsesto_uncertain_settled_total",
			Help: "Uncertain attempts that were settled here, by channel and by what: person, found (the network showed it), same_key, late_answer.",
		}, []string{"channel", "by"}),
		late: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "palinsesto_publish_delay_seconds", Help: "From the moment that a post was due to the call that published it.", Buckets: lateBuckets,
		}, []string{"network"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "palinsesto_publish_call_seconds", Help: "How long the networks took to answer the publishing request.", Buckets: tookBuckets,
		}, []string{"network"}),
	}
}

func (c counters) all() []prometheus.Collector {
	return []prometheus.Collector{c.restarts, c.alerts, c.attempts, c.settled, c.late, c.took}
}

// Restarted counts a room that had to be started again.
func (m *Metrics) Restarted(room string) {
	if m != nil {
		m.restarts.WithLabelValues(room).Inc()
	}
}

// AlertTold counts a message to operators.
func (m *Metrics) AlertTold(way string, sent bool) {
	if m == nil {
		return
	}
	outcome := "failed"
	if sent {
		outcome = "sent"
	}
	m.alerts.WithLabelValues(way, outcome).Inc()
}

// Attempted counts an attempt to publish by its verdict.
func (m *Metrics) Attempted(channel, verdict string) {
	if m != nil {
		m.attempts.WithLabelValues(channel, verdict).Inc()
	}
}

// Settled counts an uncertain attempt of which it is known now what it came to.
func (m *Metrics) Settled(channel, by string) {
	if m != nil {
		m.settled.WithLabelValues(channel, by).Inc()
	}
}

// Called notes how late a call began, and how long it took.
func (m *Metrics) Called(network string, late, took time.Duration) {
	if m != nil {
		m.late.WithLabelValues(network).Observe(max(0, late.Seconds()))
		m.took.WithLabelValues(network).Observe(took.Seconds())
	}
}
