// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// readAtOnce is how many subjects one direct get is asked for; the server's limit is 1,024.
const readAtOnce = 500

// Newest reads the newest message of each subject that has one, wildcards allowed, at a state of the
// log that includes sequence atLeast: an answer from a replica that lags behind is asked again.
func (b *Bus) Newest(ctx context.Context, atLeast uint64, subjects ...string) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	if shareable(subjects) {
		return b.looks.newest(ctx, atLeast, subjects)
	}
	var all []Record
	for len(subjects) > 0 {
		n := min(readAtOnce, len(subjects))
		records, err := b.newest(ctx, atLeast, subjects[:n])
		if err != nil {
			return nil, err
		}
		all, subjects = append(all, records...), subjects[n:]
	}
	return all, nil
}

func (b *Bus) newest(ctx context.Context, atLeast uint64, subjects []string) ([]Record, error) {
	for try := 0; ; try++ {
		records, upTo, err := b.many.last(ctx, subjects)
		// An answer without any message tells no sequence: it counts only where nothing is required.
		if err != nil || upTo >= atLeast || atLeast == 0 {
			return records, err
		}
		if err := pause(ctx, try); err != nil {
			return nil, fmt.Errorf("wait for the log to show sequence %d: %w", atLeast, err)
		}
	}
}

// History gives every event of one aggregate, oldest first, at most limit.
func (b *Bus) History(ctx context.Context, subject string, limit int) ([]Record, error) {
	var all []Record
	for next := uint64(1); len(all) < limit; {
		page, err := b.page(ctx, subject, next, min(limit-len(all), readAtOnce))
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", subject, err)
		}
		if len(page) == 0 {
			return all, nil
		}
		all = append(all, page...)
		next = page[len(page)-1].Seq + 1
	}
	return all, nil
}

func (b *Bus) page(ctx context.Context, subject string, from uint64, most int) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	return b.many.following(ctx, subject, from, most)
}

// measureClock notes how far the log's clock is from ours: rooms tell the time by the log.
func (b *Bus) measureClock(ctx context.Context) error {
	before := b.o.Clock()
	info, err := b.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask the log for the time: %w", err)
	}
	after := b.o.Clock()
	if info.TimeStamp.IsZero() {
		return nil // an older server does not say
	}
	middle := before.Add(after.Sub(before) / 2)
	b.offset.Store(int64(info.TimeStamp.Sub(middle)))
	return nil
}

// ClockOff measures anew by how much the log's clock is ahead of ours.
func (b *Bus) ClockOff(ctx context.Context) (time.Duration, error) {
	err := b.measureClock(ctx)
	return time.Duration(b.offset.Load()), err
}

// Moment is the log's own time of the event with a sequence; ErrNone when it was purged.
func (b *Bus) Moment(ctx context.Context, seq uint64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	m, err := b.stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, ErrNone
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the log at %d: %w", seq, err)
	}
	return m.Time, nil
}
