// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"os"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// flushWait bounds how long a stop waits for a collector of traces that is away.
const flushWait = 2 * time.Second

// trace switches tracing on where the environment names a collector.
func (h *House) trace() error {
	t, err := telemetry.TracingFromEnv(os.Getenv, bus.Version, h.log)
	if err != nil || t == nil {
		return err
	}
	h.tracing = t
	h.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushWait)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			h.log.Warn("the last spans were not exported", "error", err)
		}
	})
	return nil
}
