// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/contract"
)

// deadStream keeps what was given up, for an operator to see: apart from the log, since it decides nothing.
const (
	deadStream  = "PALINSESTO_DEAD"
	deadSubject = "palinsesto.dead."
	deadAge     = 90 * 24 * time.Hour
)

// DeadLetter is an event that a room gave up.
type DeadLetter struct {
	Consumer string    `json:"consumer"`
	Subject  string    `json:"subject"`
	Event    string    `json:"event"`
	Seq      uint64    `json:"seq"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

func (b *Bus) openDead(ctx context.Context) error {
	_, err := b.js.Stream(ctx, deadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: deadStream, Subjects: []string{deadSubject + ">"}, Storage: jetstream.FileStorage,
			Replicas: b.replicas(), AllowDirect: true, MaxAge: deadAge, MaxBytes: 64 << 20,
		})
	}
	return err
}

// bury stores the address and the reason; the event itself stays on the log.
func (b *Bus) bury(ctx context.Context, consumer string, d Delivery, why error) error {
	m := nats.NewMsg(deadSubject + consumer)
	m.Header.Set("Palinsesto-Subject", d.Subject)
	m.Header.Set(contract.HeaderEvent, d.Event)
	m.Header.Set("Palinsesto-Seq", strconv.FormatUint(d.Seq, 10))
	m.Data = []byte(why.Error())
	_, err := b.js.PublishMsg(ctx, m)
	return err
}

// Dead tells how many events were given up in the last 90 days, and when the last one was.
func (b *Bus) Dead(ctx context.Context) (n int, last time.Time, err error) {
	s, err := b.js.Stream(ctx, deadStream)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count the dead letters: %w", err)
	}
	state := s.CachedInfo().State
	return int(min(state.Msgs, 1<<30)), state.LastTime, nil
}

// DeadLetters lists what was given up, oldest first, from a sequence on.
func (b *Bus) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	s, err := b.js.Stream(ctx, deadStream)
	if err != nil {
		return nil, fmt.Errorf("read the dead letters: %w", err)
	}
	var out []DeadLetter
	for next := s.CachedInfo().State.FirstSeq; next > 0 && len(out) < limit; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(deadSubject+">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return out, fmt.Errorf("read the dead letters: %w", err)
		}
		out, next = append(out, deadLetter(m)), m.Sequence+1
	}
	return out, nil
}

func deadLetter(m *jetstream.RawStreamMsg) DeadLetter {
	seq, _ := strconv.ParseUint(m.Header.Get("Palinsesto-Seq"), 10, 64)
	return DeadLetter{
		Consumer: m.Subject[len(deadSubject):], Subject: m.Header.Get("Palinsesto-Subject"),
		Event: m.Header.Get(contract.HeaderEvent), Seq: seq, Reason: string(m.Data), At: m.Time,
	}
}
