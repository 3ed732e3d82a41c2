// SPDX-License-Identifier: AGPL-3.0-or-later

// Package channel is what publishing knows of a network: three calls, the verdicts that a call may
// come to, and the extra powers that some networks have. Each network is a folder below, held to the
// one suite in channeltest.
package channel

import (
	"context"
	"io"
	"time"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Channel publishes to one account on one network.
type Channel interface {
	// Limits are the lengths with their unit, media, counts and rates of the network.
	Limits() network.Limits
	// Prepare does what may be repeated: fetch and check media, build the request. What must be known
	// later is kept by d.Record before it is used.
	Prepare(ctx context.Context, d Delivery) (Prepared, error)
	// Publish is called once per intent and makes exactly one request, which nothing repeats. An error
	// is an *Error with its verdict; any other error counts as Unknown.
	Publish(ctx context.Context, p Prepared) (Receipt, error)
}

// Delivery is one part of a post on its way out.
type Delivery struct {
	Post    string
	Number  int    // of the part, from 0
	Key     string // idempotency key of this part of this content
	Part    palinsesto.Part
	ReplyTo string // remote id of the part before, where the network can tie them together
	Silent  bool   // no sound at night
	// Open reads media from the store by hash; the caller closes it.
	Open func(ctx context.Context, hash string) (io.ReadCloser, error)
	// Record keeps what must be known later, on the log.
	Record func(ctx context.Context, what map[string]string) error
}

// Prepared is a delivery with all that its one request needs. Data is the adapter's own.
type Prepared struct {
	Delivery Delivery
	Data     any
}

// Receipt tells what is out.
type Receipt struct {
	RemoteIDs []string // an album has one per item
	Link      string   // empty where the network gives none
	At        time.Time
	Status    int
	Raw       string // the answer, bounded and without secrets
}

// Target is a part that is out.
type Target struct {
	RemoteIDs []string
	Part      palinsesto.Part
	PostedAt  time.Time
}

// Editor changes what is out. Editing twice to the same content must be the same as once.
type Editor interface {
	Edit(ctx context.Context, t Target, to Prepared) error
}

// Remover takes down what is out. Removing what is gone is no error.
type Remover interface {
	Remove(ctx context.Context, t Target) error
}

// Checker tells whether the account can be published to, without publishing.
type Checker interface {
	Check(ctx context.Context) error
}
