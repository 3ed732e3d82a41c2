// SPDX-License-Identifier: AGPL-3.0-or-later

package audit

import (
	"context"
	"errors"
	"iter"

	"github.com/palinsesto/palinsesto/services/internal/bus"
)

// errEnough ends the reading.
var errEnough = errors.New("enough")

// Records are all records that are on the log now, oldest first.
func Records(ctx context.Context, b *bus.Bus) iter.Seq2[bus.Record, error] {
	return func(yield func(bus.Record, error) bool) {
		last, err := b.LastSeq(ctx)
		if err == nil && last > 0 {
			err = follow(ctx, b, last, yield)
		}
		if err == nil {
			err = ctx.Err() // a check that was cut short must not look like a clean one
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(bus.Record{}, err)
		}
	}
}

func follow(ctx context.Context, b *bus.Bus, last uint64, yield func(bus.Record, error) bool) error {
	err := b.Follow(ctx, 1, nil, func(batch []bus.Record, pending uint64) error {
		for _, r := range batch {
			if r.Seq > last {
				return errDone // appended since: it belongs to the next check
			}
			if !yield(r, nil) {
				return errEnough
			}
		}
		if pending == 0 || batch[len(batch)-1].Seq >= last {
			return errDone
		}
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

var errDone = errors.New("done")
