// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// AsReplicated has a bus believe that several servers keep the log.
func AsReplicated(b *Bus) { b.o.Replicas = 3 }

// Lag has the buckets answer the next few reads as a replica does that lags behind.
func Lag(b *Bus, reads int) {
	n := &atomic.Int64{}
	n.Store(int64(reads))
	b.media, b.uploads = lagging{b.media, n}, lagging{b.uploads, n}
}

type lagging struct {
	jetstream.ObjectStore
	reads *atomic.Int64
}

func (l lagging) GetInfo(ctx context.Context, name string, o ...jetstream.GetObjectInfoOpt) (*jetstream.ObjectInfo, error) {
	if l.reads.Add(-1) >= 0 {
		return nil, jetstream.ErrObjectNotFound
	}
	return l.ObjectStore.GetInfo(ctx, name, o...)
}

func (l lagging) Get(ctx context.Context, name string, o ...jetstream.GetObjectOpt) (jetstream.ObjectResult, error) {
	if l.reads.Add(-1) >= 0 {
		return nil, jetstream.ErrObjectNotFound
	}
	return l.ObjectStore.Get(ctx, name, o...)
}

// SnapshotUpTo is Snapshot by a server that has not all of the log yet.
func SnapshotUpTo(ctx context.Context, b *Bus, upTo uint64, take func([]Record, uint64, uint64) error) error {
	return b.snapshot(ctx, upTo, take)
}
