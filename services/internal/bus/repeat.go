// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"slices"

	"github.com/palinsesto/palinsesto/services/contract"
)

// repeatDepth bounds how many events Done reads: more than the holds of decades.
const repeatDepth = 100_000

// Done finds the event that a command of an actor led to; ErrNone when it led to none. Update
// recognises a command only while its event is the newest: one that is sent again after others came in
// between would be refused as stale, although it was done. Ask before refusing.
func Done[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject, command, actor string) (contract.Event[T], error) {
	if command == "" {
		return contract.Event[T]{}, ErrNone
	}
	records, err := b.History(ctx, subject, repeatDepth)
	if err != nil {
		return contract.Event[T]{}, err
	}
	for _, r := range slices.Backward(records) { // a repeat comes soon
		e, err := Decode(c, r)
		if err != nil {
			return e, err
		}
		if e.Envelope.CommandID == command && e.Envelope.Actor.ID == actor {
			return e, nil
		}
	}
	return contract.Event[T]{}, ErrNone
}
