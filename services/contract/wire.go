// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

const (
	// MaxPayload is the most that an event or a command may take; larger bodies go to the object store.
	MaxPayload = 256 << 10
	// maxReply is more than MaxPayload, since a reply holds a whole state and more, and less than the
	// max_payload of 1 MiB that a NATS server has by default, headers included.
	maxReply = 960 << 10
	// MaxRequeued is how many lines the answer to RequeueMany holds at most: with a long sentence in
	// each they still fit into maxReply. Scheduling does no more in one command.
	MaxRequeued = 1000
)

// ErrMalformed is wrapped by every failing Decode: the bytes are not what their subject promises.
var ErrMalformed = errors.New("malformed message")

var marshal = proto.MarshalOptions{UseCachedSize: true}

// encode writes m, which c made.
func encode(c *conv, limit int, m proto.Message) ([]byte, error) {
	if c.err != nil {
		return nil, unwritable(m, c.err)
	}
	size := proto.Size(m)
	if size > limit {
		return nil, fmt.Errorf("contract: encode %s: %w", nameOf(m), tooLarge(size, limit))
	}
	b, err := marshal.MarshalAppend(make([]byte, 0, size), m)
	if err != nil { // broken UTF-8 is the only reason that a proto3 message has
		return nil, unwritable(m, err)
	}
	return b, nil
}

// decode reads b into m. A newer writer's fields are dropped with m: see proto/README.md.
func decode(b []byte, m proto.Message) error {
	if len(b) > maxReply {
		return malformed(m, tooLarge(len(b), maxReply))
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return malformed(m, err)
	}
	return nil
}

// decodeEvent reads b into m and converts its state. An event without its state is refused: taken
// for the aggregate's newest state it would wipe it.
func decodeEvent[S comparable, T any](
	b []byte, m proto.Message, state func() S, envelope func() *pb.Envelope, from func(*conv, S) T,
) (Envelope, T, error) {
	var none S
	var zero T
	if err := decode(b, m); err != nil {
		return Envelope{}, zero, err
	}
	if state() == none {
		return Envelope{}, zero, malformed(m, errors.New("it carries no state"))
	}
	var c conv
	e, t := c.envelopeFromPB(envelope()), from(&c, state())
	if c.err != nil {
		return Envelope{}, zero, malformed(m, c.err)
	}
	return e, t, nil
}

// message pairs a domain value with its protobuf message M.
type message[T any, M any, P interface {
	*M
	proto.Message
}] struct {
	limit int
	to    func(*conv, T) P
	from  func(*conv, P) T
}

func (d message[T, M, P]) encode(v T) ([]byte, error) {
	var c conv
	return encode(&c, d.limit, d.to(&c, v))
}

func (d message[T, M, P]) decode(b []byte) (T, error) {
	var zero T
	m := P(new(M))
	if err := decode(b, m); err != nil {
		return zero, err
	}
	var c conv
	v := d.from(&c, m)
	if c.err != nil {
		return zero, malformed(m, c.err)
	}
	return v, nil
}

func nameOf(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

func malformed(m proto.Message, why error) error {
	return fmt.Errorf("contract: decode %s: %w: %w", nameOf(m), ErrMalformed, why)
}

func unwritable(m proto.Message, why error) error {
	return fmt.Errorf("contract: encode %s: %w: %w", nameOf(m), palinsesto.Refuse(palinsesto.CodeInvalid,
		"Il messaggio contiene caratteri o date che non si possono conservare: correggerli e inviare di nuovo.",
		"The message contains characters or dates that cannot be stored: mend them and send it again."), why)
}

func tooLarge(size, limit int) error {
	return palinsesto.Refuse(palinsesto.CodeTooLarge,
		fmt.Sprintf("Il contenuto occupa %d KiB e il limite è %d: accorciarlo e inviarlo di nuovo.", size>>10+1, limit>>10),
		fmt.Sprintf("The content takes %d KiB and the limit is %d: shorten it and send it again.", size>>10+1, limit>>10))
}
