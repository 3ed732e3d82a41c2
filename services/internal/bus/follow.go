// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"github.com/palinsesto/palinsesto/services/contract"
)

const (
	// followAtOnce is how many messages are handed over together at most.
	followAtOnce = 1000
	// followBytes bounds what waits for one who follows, however slow: as much again may be on its way.
	followBytes = 4 << 20
	// newestAtOnce bounds what is on its way of the newest of each aggregate, by number. By size it must not
	// be: nats-server (2.15.2, consumer.go, loopAndGatherMsgs) puts back what is too large for what was asked
	// for, but its list of the newest has gone on, and the message is never sent.
	newestAtOnce = 4000
)

// Snapshot hands over the newest message of every aggregate, in the order of the log, and returns the
// sequence that it includes; progress is told after each batch. Following from the next sequence on
// then misses nothing: an aggregate that moved meanwhile comes again, and after a reconnection its
// earlier messages may come too.
func (b *Bus) Snapshot(ctx context.Context, take func(batch []Record, done, total uint64) error) (uint64, error) {
	newest, err := b.fromLeader(ctx, contract.Stream, wholeLog)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Seq, b.snapshot(ctx, newest[0].Seq, take)
}

// wholeLog matches every subject of the log.
const wholeLog = "palinsesto.>"

// snapshot goes on until a message that is there has come, whatever the server that reads for us has now:
// one of a cluster may lag, and its end is not the log's.
func (b *Bus) snapshot(ctx context.Context, upTo uint64, take func(batch []Record, done, total uint64) error) error {
	cons, err := b.js.OrderedConsumer(ctx, contract.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, FilterSubjects: contract.StreamSubjects(),
	})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	info, err := cons.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	total := info.NumPending + uint64(max(0, info.NumAckPending)) + info.Delivered.Consumer
	var done uint64
	return receive(ctx, cons, jetstream.PullMaxMessages(newestAtOnce), func(batch []Record, _ uint64) (bool, error) {
		done += uint64(len(batch))
		// The end is told by place, not by count: over a reconnection the library goes on by sequence,
		// with what has been superseded too.
		end := batch[len(batch)-1].Seq >= upTo // read first: the batch is take's to change
		return end, take(batch, done, max(done, total))
	})
}

// Follow hands over every message from a sequence on, in order, as they come, until ctx ends; caught
// up tells how many are still to come.
func (b *Bus) Follow(ctx context.Context, from uint64, filters []string, take func(batch []Record, pending uint64) error) error {
	if len(filters) == 0 {
		filters = contract.StreamSubjects()
	}
	cons, err := b.js.OrderedConsumer(ctx, contract.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, from), FilterSubjects: filters,
	})
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	return receive(ctx, cons, jetstream.PullMaxBytes(followBytes), func(batch []Record, pending uint64) (bool, error) {
		return false, take(batch, pending)
	})
}

// receive gathers what has come into batches, so that a burst costs few calls and a lone event none
// of the waiting.
func receive(ctx context.Context, cons jetstream.Consumer, pull jetstream.PullConsumeOpt, take func([]Record, uint64) (done bool, err error)) error {
	type item struct {
		r       Record
		pending uint64
	}
	ch := make(chan item, followAtOnce)
	room := semaphore.NewWeighted(followBytes)
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	cc, err := cons.Consume(func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			return
		}
		r := Record{Subject: m.Subject(), Event: m.Headers().Get(contract.HeaderEvent),
			Seq: meta.Sequence.Stream, Time: meta.Timestamp, Data: m.Data()}
		if room.Acquire(inner, int64(len(r.Data))) != nil { // a payload is far smaller than the room
			return
		}
		select {
		case ch <- item{r, meta.NumPending}:
		case <-inner.Done():
		}
	}, pull)
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	// Asked once: of an ordered consumer each call starts a goroutine that stays until the end.
	closed := cc.Closed()
	defer func() { cancel(); cc.Stop(); <-closed }()
	for {
		batch := make([]Record, 0, 64)
		var last item
		select {
		case last = <-ch:
			batch = append(batch, last.r)
		case <-ctx.Done():
			return nil
		case <-closed:
			return fmt.Errorf("follow the log: ended by the server")
		}
	more:
		for len(batch) < followAtOnce {
			select {
			case last = <-ch:
				batch = append(batch, last.r)
			default:
				break more
			}
		}
		if done, err := take(batch, last.pending); err != nil || done {
			return err
		}
		for _, r := range batch {
			room.Release(int64(len(r.Data)))
		}
	}
}
