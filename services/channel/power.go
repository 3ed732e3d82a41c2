// SPDX-License-Identifier: AGPL-3.0-or-later

package channel

import (
	"context"
	"time"
)

// The powers by which an uncertain attempt is settled without a person. Each is an interface of one method,
// asserted where it is used; channeltest holds every adapter that has one to what stands here.

// Finder looks an attempt up on the network and changes nothing there.
//
// What it gives is taken for proof, so it may give only messages that this attempt can have made: those
// whose content is the delivery's, as far as the network shows it, on this account, no older than Since and
// not removed. It gives all of them, oldest first: the house drops those that it knows to be of other posts,
// and settles by one that is left, not by two. Giving none proves nothing (reads lag, lists end), so what
// cannot be read to the end is an error, and an error is never an empty answer.
type Finder interface {
	Find(ctx context.Context, s Sought) ([]Receipt, error)
}

// Sought is an attempt of which nobody knows what became.
type Sought struct {
	// Delivery is the part as it was to be published, with its key.
	Delivery Delivery
	// Since is before the request can have arrived, with room for clocks that differ.
	Since time.Time
}

// KeyedResender is an adapter of a network that answers the same idempotency key with the same message,
// however often it is sent, instead of making another. What was prepared of the same Delivery may then be
// handed to Publish again, after the first call has surely ended and for as long as the network remembers:
// a receipt is that of the one message, whichever call made it.
type KeyedResender interface {
	// KeyLasts tells for how long after a call the network surely remembers its key: 0 when it does not
	// honour keys at all, as some servers of one kind do not, or when that is not known.
	KeyLasts(ctx context.Context) (time.Duration, error)
}
