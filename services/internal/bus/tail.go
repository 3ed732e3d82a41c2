// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/contract"
)

// Tail hands over the newest message of each aggregate that the filter matches, then every message as it
// comes, until ctx ends. What was taken may come again after a reconnect: an older sequence is old news.
// Pending tells how many are still to come; before the first message nothing is told, also where there is none.
func (b *Bus) Tail(ctx context.Context, filter string, take func(batch []Record, pending uint64) error) error {
	cons, err := b.js.OrderedConsumer(ctx, contract.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, FilterSubjects: []string{filter},
	})
	if err != nil {
		return fmt.Errorf("follow %s: %w", filter, err)
	}
	return receive(ctx, cons, jetstream.PullMaxMessages(newestAtOnce), func(batch []Record, pending uint64) (bool, error) {
		return false, take(batch, pending)
	})
}
