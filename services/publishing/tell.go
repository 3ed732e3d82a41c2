// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"log/slog"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// tell counts an attempt and leaves a line by which an operator finds it: never its content, nor the
// network's answer, which stands in the post's history for those who may read it.
func (w *worker) tell(ctx context.Context, p palinsesto.Post) {
	a := p.Attempt
	if a == nil {
		return
	}
	w.Metrics.Attempted(w.channel.ID, a.Verdict)
	level := slog.LevelWarn
	if channel.Verdict(a.Verdict) == channel.Posted {
		level = slog.LevelInfo
	}
	if !w.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("post", p.ID), slog.String("segnalazione", p.Segnalazione), slog.String("channel", w.channel.ID),
		slog.Int("attempt", a.Number), slog.Int("part", a.Part), slog.String("verdict", a.Verdict), slog.String("state", string(p.State)),
		slog.Int("status", a.Status), slog.Duration("took", a.Took)}
	if p.Cause != "" {
		attrs = append(attrs, slog.String("cause", p.Cause))
	}
	if id := telemetry.TraceID(ctx); id != "" {
		attrs = append(attrs, slog.String("trace", id))
	}
	w.Log.LogAttrs(ctx, level, "attempt", attrs...)
}
