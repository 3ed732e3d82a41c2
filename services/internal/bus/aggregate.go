// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Decode reads a message of the log as an event of its aggregate.
func Decode[T any](c contract.Codec[T], r Record) (contract.Event[T], error) {
	env, state, err := c.Decode(r.Data)
	if err != nil {
		return contract.Event[T]{}, fmt.Errorf("decode %s %q at %d: %w", r.Subject, r.Event, r.Seq, err)
	}
	return contract.Event[T]{Subject: r.Subject, Name: r.Event, Seq: r.Seq, Time: r.Time, Envelope: env, State: state}, nil
}

// Load reads an aggregate as it stands. It returns ErrNone where there is none. The subject may have
// wildcards where only one aggregate can match.
func Load[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject string) (contract.Event[T], error) {
	return LoadAt(ctx, b, c, subject, 0)
}

// LoadAt is Load at a state of the log that includes sequence atLeast.
func LoadAt[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject string, atLeast uint64) (contract.Event[T], error) {
	records, err := b.Newest(ctx, atLeast, subject)
	if err != nil {
		return contract.Event[T]{}, err
	}
	if len(records) == 0 && b.replicated() {
		return LoadSure(ctx, b, c, subject)
	}
	if len(records) == 0 {
		return contract.Event[T]{Subject: subject}, ErrNone
	}
	return Decode(c, records[0])
}

// Put appends the state after an event to an aggregate that was read before; it returns ErrStale when
// the aggregate moved on since.
func Put[T any](ctx context.Context, b *Bus, c contract.Codec[T], was contract.Event[T], event string, env contract.Envelope, state T) (contract.Event[T], error) {
	return put(ctx, b, c, was, "", event, env, state)
}

// PutFirst appends the first event of an aggregate that could lie under any subject of a pattern; it
// returns ErrStale when it lies under one. All who make such an aggregate have to name the same pattern:
// in a cluster the server compares what is still on its way by that.
func PutFirst[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject, among, event string, env contract.Envelope, state T) (contract.Event[T], error) {
	return put(ctx, b, c, contract.Event[T]{Subject: subject}, among, event, env, state)
}

func put[T any](ctx context.Context, b *Bus, c contract.Codec[T], was contract.Event[T], among, event string, env contract.Envelope, state T) (contract.Event[T], error) {
	parent, end := b.traceAppend(ctx, was.Subject, event, was.Envelope.Trace, env.Trace)
	env.Trace = parent
	data, err := c.Encode(env, state)
	if err != nil {
		end(err)
		return was, err
	}
	seq, err := b.Append(ctx, Append{Subject: was.Subject, Event: event, Expect: was.Seq, Among: among, Data: data})
	end(err)
	if err != nil {
		return was, err
	}
	return contract.Event[T]{Subject: was.Subject, Name: event, Seq: seq, Time: env.At, Envelope: env, State: state}, nil
}

// Decision is what became of an aggregate: an event and the state after it. An empty Event changes nothing.
type Decision[T any] struct {
	Event string
	State T
}

// updateTries bounds how often a lost race is decided again before people are told that it is busy.
const updateTries = 50

// Update loads an aggregate, decides and appends; a lost race is loaded and decided again. A command
// whose event is the newest already is not done twice. Of an aggregate that does not exist, decide
// gets the zero state at sequence 0. In a cluster a no is decided again on the leader's word.
func Update[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject string, env contract.Envelope,
	decide func(contract.Event[T]) (Decision[T], error),
) (contract.Event[T], error) {
	for try := range updateTries {
		cur, err := Load(ctx, b, c, subject)
		if err != nil && !errors.Is(err, ErrNone) {
			return cur, err
		}
		if cur.Seq > 0 && env.CommandID != "" && cur.Envelope.CommandID == env.CommandID {
			return cur, nil
		}
		d, err := decide(cur)
		if err != nil && b.replicated() {
			if cur, err = LoadSure(ctx, b, c, subject); err != nil && !errors.Is(err, ErrNone) {
				return cur, err
			}
			d, err = decide(cur)
		}
		if err != nil || d.Event == "" {
			return cur, err
		}
		next, err := Put(ctx, b, c, cur, d.Event, env, d.State)
		if !errors.Is(err, ErrStale) {
			return next, err
		}
		if err := pause(ctx, min(try, 4)); err != nil {
			return cur, err
		}
	}
	return contract.Event[T]{Subject: subject}, palinsesto.Refuse(palinsesto.CodeBusy,
		"Troppi cambiamenti nello stesso momento: riprovare fra qualche secondo.",
		"Too many changes at the same moment: try again in a few seconds.")
}
