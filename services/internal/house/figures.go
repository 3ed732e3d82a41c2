// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"

	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// measure puts the house's figures on /metrics. They are asked of the log and the index when the page is
// read, so that nothing is counted while nobody looks.
func (h *House) measure() {
	log := h.units[0].bus
	h.metrics.Add(
		telemetry.Sample{
			Name: "palinsesto_log_sequence", Help: "Events on the log, ever.", Counter: true,
			Read: func(ctx context.Context, tell func(float64, ...string)) error {
				seq, err := log.LastSeq(ctx)
				if err == nil {
					tell(float64(seq))
				}
				return err
			},
		},
		telemetry.Sample{
			Name: "palinsesto_index_lag", Help: "Events that the index has yet to take in.",
			Read: func(ctx context.Context, tell func(float64, ...string)) error {
				r := h.indexReport(ctx)
				if !r.Ready {
					return errors.New("no index")
				}
				tell(float64(r.Lag))
				return nil
			},
		},
		h.counted("palinsesto_posts", "Posts by state: posted, failed, uncertain and the others.", "post", "state"),
		h.counted("palinsesto_posts_to_mend", "Posts that need a hand, by cause.", "post", "cause"),
		h.counted("palinsesto_segnalazioni", "Segnalazioni by state.", "seg", "state"),
		telemetry.Sample{
			Name: "palinsesto_dead_letters", Help: "Events that a room gave up (at most 1000 are counted).",
			Read: func(ctx context.Context, tell func(float64, ...string)) error {
				dead, err := log.DeadLetters(ctx, 1000)
				if err == nil {
					tell(float64(len(dead)))
				}
				return err
			},
		},
		telemetry.Sample{
			Name: "palinsesto_disk_free_bytes", Help: "Free space where the embedded log is.",
			Read: func(_ context.Context, tell func(float64, ...string)) error {
				if d := h.diskReport(); d != nil {
					tell(float64(d.Free))
				}
				return nil
			},
		},
		telemetry.Sample{
			Name: "palinsesto_ready", Help: "1 when the house can do its work.",
			Read: func(ctx context.Context, tell func(float64, ...string)) error {
				ready := 0.0
				if h.Report(ctx).Ready {
					ready = 1
				}
				tell(ready)
				return nil
			},
		},
	)
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
