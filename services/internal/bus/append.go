// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
)

// ErrStale means that the aggregate moved on after it was read: load it and decide again.
var ErrStale = errors.New("bus: stale, decide again")

// headerAppend names one call of Append: how it finds its own message after a lost acknowledgement.
// The command's id would not do: two workers may carry out the same command, and only one may win.
const headerAppend = "Palinsesto-Append"

// Append is an event on its way to the log.
type Append struct {
	Subject string
	Event   string // name, for the header
	Expect  uint64 // sequence of the aggregate's message on which this was decided; 0: there is none
	Among   string // pattern of all subjects under which the aggregate may lie; empty: Subject alone
	Data    []byte
}

// guarded is what Expect counts for.
func (a Append) guarded() string { return cmp.Or(a.Among, a.Subject) }

const (
	codeStale        = 10071 // wrong last sequence
	codeBusySequence = 10164 // the guard meets one that is still on its way
	codeTooManyOpen  = 10210 // batches under way
	codeIncomplete   = 10176 // the batch was dropped half-way
	appendTries      = 8
)

// Append brings one event to the log and returns its sequence. It returns ErrStale when the guard
// failed; any other error means that the log could not be reached or has no room, and that the event
// is not there, as far as could be found out.
//
// Concurrent appends share a flush to disk; a lone one does not wait for company.
func (b *Bus) Append(ctx context.Context, a Append) (uint64, error) {
	p := &pending{a: a, nonce: nuid.Next(), done: make(chan struct{})}
	failpoint.Hit("bus.before-append")
	if err := b.group.put(ctx, p); err != nil {
		return 0, err
	}
	err := b.group.outcome(p)
	failpoint.Hit("bus.after-append")
	b.counts.appended(err)
	if err != nil {
		return 0, err
	}
	b.announce(a)
	return p.seq, nil
}

func (p *pending) message() *nats.Msg {
	m := nats.NewMsg(p.a.Subject)
	m.Data = p.a.Data
	m.Header[contract.HeaderEvent] = []string{p.a.Event}
	m.Header[headerAppend] = []string{p.nonce}
	m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(p.a.Expect, 10)}
	if p.a.Among != "" {
		m.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{p.a.Among}
	}
	return m
}

// single appends one event by itself, until the outcome is known or the log stays away.
func (b *Bus) single(ctx context.Context, p *pending) (uint64, error) {
	var last error
	for try := range appendTries {
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				break
			}
		}
		seq, err := b.publishOne(ctx, p)
		if err == nil {
			return seq, nil
		}
		last = err
		if isBusy(err) {
			continue
		}
		if p.unsure = p.unsure || !definite(err); !p.unsure {
			return 0, refusal(p, err)
		}
		// A guard fails also because our own earlier try was stored and its acknowledgement lost.
		keeps := b.keeps() // asked before and after: it may be started again in between
		switch seq, own, err := b.behindGuard(ctx, p); {
		case err != nil: // as before; a look that finds nothing tells nothing, since a replica may lag
		case own:
			if last = errors.Join(keeps, b.keeps()); last == nil {
				return seq, nil
			}
		default:
			return 0, ErrStale
		}
	}
	return 0, fmt.Errorf("append to %s: the log does not answer: %w", p.a.Subject, last)
}

func (b *Bus) publishOne(ctx context.Context, p *pending) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	// No retry below us: after a lost answer the aggregate is looked at first.
	ack, err := b.js.PublishMsg(ctx, p.message(), jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func refusal(p *pending, err error) error {
	if isStale(err) {
		return ErrStale
	}
	return fmt.Errorf("append to %s: %w", p.a.Subject, err)
}

// behindGuard finds the message behind the one that p's guard names, and tells whether it is p: it can
// only be there.
func (b *Bus) behindGuard(ctx context.Context, p *pending) (uint64, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	m, err := b.stream.GetMsg(ctx, p.a.Expect+1, jetstream.WithGetMsgSubject(p.a.guarded()))
	if err != nil {
		return 0, false, err
	}
	return m.Sequence, m.Header.Get(headerAppend) == p.nonce, nil
}

// keeps tells whether what our own server shows is on its disk too. When a flush fails, on a full disk, it sends
// no acknowledgement and goes on showing what it could not write, until it is started again. (A batch:
// nats-server 2.15.2, fileStore.FlushAllPending in processJetStreamAtomicBatchMsg.)
func (b *Bus) keeps() error {
	if b.o.Server == nil {
		return nil
	}
	return b.o.Server.Healthy()
}

func apiCode(err error) (int, bool) {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return int(api.ErrorCode), true
	}
	return 0, false
}

func isStale(err error) bool { c, ok := apiCode(err); return ok && c == codeStale }

func isBusy(err error) bool {
	c, ok := apiCode(err)
	return ok && (c == codeBusySequence || c == codeTooManyOpen || c == codeIncomplete)
}

// definite tells whether the server itself refused, so that another try would be refused too.
func definite(err error) bool { _, ok := apiCode(err); return ok }

// pause waits a little longer at each try, never in step with others.
func pause(ctx context.Context, try int) error {
	limit := min(time.Second, 5*time.Millisecond<<try)
	t := time.NewTimer(time.Duration(rand.Int64N(int64(limit))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// announce tells who watches with "nats sub 'palinsesto.event.>'". Best effort: nothing depends on it.
// Of a token nothing is told but that something happened: its record holds the hash of a secret.
func (b *Bus) announce(a Append) {
	subject, data := contract.Announcement(a.Subject, a.Event), a.Data
	if of, err := contract.ParseSubject(a.Subject); err == nil && of.Aggregate == contract.AggregateToken {
		data = nil
	}
	if subject != "" {
		_ = b.nc.Publish(subject, data)
	}
}
