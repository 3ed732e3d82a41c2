// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"slices"

	"github.com/palinsesto/palinsesto/services/contract"
)

// widen lets a log that an older version made take the aggregates that are new since: subjects are only
// ever added. A room whose user may not do it leaves it to one that may.
func (b *Bus) widen(ctx context.Context) {
	conf := b.stream.CachedInfo().Config
	missing := slices.DeleteFunc(contract.StreamSubjects(), func(s string) bool { return slices.Contains(conf.Subjects, s) })
	if len(missing) == 0 {
		return
	}
	conf.Subjects = append(slices.Clone(conf.Subjects), missing...)
	wider, err := b.js.UpdateStream(ctx, conf)
	if err != nil {
		b.o.Log.Debug("the log does not take all aggregates yet", "missing", missing, "error", err)
		return
	}
	b.stream = wider
	b.o.Log.Info("the log takes more aggregates now", "subjects", missing)
}
