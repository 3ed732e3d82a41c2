// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// measure puts the house's figures on /metrics. They are asked of the log and the index when the page is
// read, so that nothing is counted while nobody looks. deploy/METRICS.md lists all of them; a test compares.
func (h *House) measure() {
	log := h.units[0].bus
	h.metrics.Add(
		single("palinsesto_log_events_total", "Events on the log, ever.", true, func(ctx context.Context) (float64, error) {
			seq, err := log.LastSeq(ctx)
			return float64(seq), err
		}),
		single("palinsesto_log_bytes", "Size of the log on its server's disk.", false, func(ctx context.Context) (float64, error) {
			n, err := log.Size(ctx)
			return float64(n), err
		}),
		single("palinsesto_dead_letters", "Events that a room gave up in the last 90 days.", false, func(ctx context.Context) (float64, error) {
			n, _, err := log.Dead(ctx)
			return float64(n), err
		}),
		h.indexFigure("palinsesto_index_lag_events", "Events that the index has yet to take in.",
			func(r telemetry.IndexReport) float64 { return float64(r.Lag) }),
		h.indexFigure("palinsesto_index_age_seconds", "Age of the oldest event that the index has yet to take in.",
			func(r telemetry.IndexReport) float64 { return float64(r.AgeMS) / 1000 }),
		h.counted("palinsesto_posts", "Posts by state: posted, failed, uncertain and the others.", "post", "state"),
		h.counted("palinsesto_posts_to_mend", "Posts that need a hand, by cause.", "post", "cause"),
		h.counted("palinsesto_segnalazioni", "Segnalazioni by state.", "seg", "state"),
		h.counted("palinsesto_channels", "Channels by state, of those that something has happened to.", "channel", "state"),
		h.counted("palinsesto_alerts", "Alerts by state.", "alert", "state"),
		h.openPosts(), h.oldest(), h.openAttempts(),
	)
	h.measureProcess()
	h.measureRooms()
}

// measureProcess tells of the machine and of the process as a whole.
func (h *House) measureProcess() {
	h.metrics.Add(
		single("palinsesto_ready", "1 when this process can do its work.", false, func(ctx context.Context) (float64, error) {
			return one(h.Report(ctx).Ready), nil
		}),
		disk("palinsesto_disk_free_bytes", "Free space where the embedded log is.", h, func(d *telemetry.DiskReport) uint64 { return d.Free }),
		disk("palinsesto_disk_floor_bytes", "Free space below which new segnalazioni are refused.", h, func(d *telemetry.DiskReport) uint64 { return d.Floor }),
	)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func single(name, help string, counter bool, read func(context.Context) (float64, error)) telemetry.Sample {
	return telemetry.Sample{Name: name, Help: help, Counter: counter, Read: func(ctx context.Context, tell func(float64, ...string)) error {
		v, err := read(ctx)
		if err == nil {
			tell(v)
		}
		return err
	}}
}

func disk(name, help string, h *House, value func(*telemetry.DiskReport) uint64) telemetry.Sample {
	return telemetry.Sample{Name: name, Help: help, Read: func(_ context.Context, tell func(float64, ...string)) error {
		if d := h.diskReport(); d != nil {
			tell(float64(value(d)))
		}
		return nil
	}}
}

func (h *House) indexFigure(name, help string, value func(telemetry.IndexReport) float64) telemetry.Sample {
	return single(name, help, false, func(ctx context.Context) (float64, error) {
		r := h.indexReport(ctx)
		if !r.Ready {
			return 0, errors.New("no index")
		}
		return value(r), nil
	})
}

func (h *House) counted(name, help, set, facet string) telemetry.Sample {
	return telemetry.Sample{
		Name: name, Help: help, Labels: []string{facet},
		Read: func(ctx context.Context, tell func(float64, ...string)) error {
			counts, err := h.index.Counts(ctx, set, facet)
			for value, n := range counts {
				tell(float64(n), value)
			}
			return err
		},
	}
}

// listed are the states of posts that are few, or should be: they are counted by channel too.
var listed = []palinsesto.PostState{palinsesto.PostQueued, palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostRetrying,
	palinsesto.PostHeld, palinsesto.PostFailed, palinsesto.PostUncertain, palinsesto.PostMissed}

// listMost bounds what one reading of the page lists of one state.
const listMost = 2000

func (h *House) openPosts() telemetry.Sample {
	return telemetry.Sample{
		Name: "palinsesto_posts_open", Help: "Posts that are not at their end, by state and channel (at most 2000 of each state are counted).",
		Labels: []string{"state", "channel"},
		Read: func(ctx context.Context, tell func(float64, ...string)) error {
			for _, st := range listed {
				n := map[string]int{}
				if err := h.each(ctx, st, func(p contract.Event[palinsesto.Post]) { n[p.State.Channel]++ }); err != nil {
					return err
				}
				for channel, count := range n {
					tell(float64(count), string(st), channel)
				}
			}
			return nil
		},
	}
}

// each goes through the posts of one state, as the index shows them.
func (h *House) each(ctx context.Context, st palinsesto.PostState, take func(contract.Event[palinsesto.Post])) error {
	q := index.Query{Set: "post", Facets: []string{"state=" + string(st)}, Limit: 200, Ascending: true}
	for read := 0; read < listMost; {
		page, err := h.index.List(ctx, q)
		if err != nil {
			return err
		}
		for _, hit := range page.Hits {
			p, err := bus.Decode(contract.Posts, bus.Record{Seq: hit.Seq, Data: hit.Body})
			if err == nil { // what cannot be read is told by check
				take(p)
			}
		}
		read += len(page.Hits)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return nil
}

func (h *House) openAttempts() telemetry.Sample {
	return single("palinsesto_attempts_open", "Attempts whose intent stands without a verdict.", false, func(ctx context.Context) (float64, error) {
		n := 0
		err := h.each(ctx, palinsesto.PostPublishing, func(p contract.Event[palinsesto.Post]) {
			if p.State.Open() {
				n++
			}
		})
		return float64(n), err
	})
}

func (h *House) oldest() telemetry.Sample {
	return single("palinsesto_uncertain_oldest_seconds", "How long the oldest uncertain post has been waiting for evidence or a person; 0: none.", false,
		func(ctx context.Context) (float64, error) {
			var first time.Time
			err := h.each(ctx, palinsesto.PostUncertain, func(p contract.Event[palinsesto.Post]) {
				if at := p.Envelope.At; first.IsZero() || at.Before(first) {
					first = at
				}
			})
			if err != nil || first.IsZero() {
				return 0, err
			}
			return max(0, h.o.Clock().Sub(first).Seconds()), nil
		})
}
