// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
)

// Consumer says which events a room wants, and how they come to it.
type Consumer struct {
	Name    string   // durable, shared by all copies of the room; From says where its place is kept
	Filters []string // subjects, wildcards allowed
	// Wants chooses events by name before anything else is done; nil: all.
	Wants func(event string) bool
	// From tells where to begin when the consumer has to be made, for a room that can find out what is
	// still to be done. Where it left off is then kept in the server's memory: with every flush on disk,
	// a hundred channels noting their place would cost more than all appends together. Nil: kept on disk.
	From    func(context.Context) (uint64, error)
	Workers int           // events handled at the same moment; 0 counts as 1
	Lease   time.Duration // an event whose handler gives no sign of life for so long goes to another copy
}

// Delivery is an event handed to a room, at least once.
type Delivery struct {
	Record
	Deliveries int // from 1
}

// verdict is a handler's answer that is neither "done" nor "something broke".
type verdict struct {
	delay time.Duration
	drop  bool
	err   error
}

func (v *verdict) Error() string {
	if v.err == nil {
		return "later"
	}
	return v.err.Error()
}

func (v *verdict) Unwrap() error { return v.err }

// Later asks for the event again after a delay, which the log keeps, not a goroutine.
func Later(d time.Duration, why error) error { return &verdict{delay: d, err: why} }

// IsLater tells whether err is a verdict that asks for the event again, as opposed to a failure.
func IsLater(err error) bool {
	var v *verdict
	return errors.As(err, &v) && !v.drop
}

// IsDrop tells whether err is the verdict that gives an event up.
func IsDrop(err error) bool {
	var v *verdict
	return errors.As(err, &v) && v.drop
}

// Drop gives the event up: it goes to the dead letters, where an operator sees it with the reason.
func Drop(why error) error { return &verdict{drop: true, err: why} }

const (
	firstRedelivery = 200 * time.Millisecond
	lastRedelivery  = 30 * time.Second
	// panicsBeforeDrop: an event that crashes its handler each time is given up in the end.
	panicsBeforeDrop = 5
	// fetchMost bounds what one copy takes from the others before it can handle it.
	fetchMost = 128
	// pendingMost: what was put back for later counts as pending, and must keep nothing new away.
	pendingMost = 1 << 16
)

// Consume hands events to handle until ctx ends, then lets those under way finish. It returns nil on
// a clean stop. handle returns nil when the event is done with, Later, Drop, or any other error to get
// it again after a while.
func (b *Bus) Consume(ctx context.Context, c Consumer, handle func(context.Context, Delivery) error) error {
	cons, err := b.consumer(ctx, c)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, err)
	}
	r := &receiver{b: b, c: c, counts: b.consuming(c.Name, cons), handle: handle, slots: make(chan struct{}, max(1, c.Workers))}
	// Handlers outlive ctx: a clean stop lets what has begun come to its end.
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer r.cancel()
	trouble := make(chan struct{}, 1)
	cc, err := cons.Consume(func(m jetstream.Msg) { r.take(ctx, m) },
		jetstream.PullMaxMessages(min(4*max(4, c.Workers), fetchMost)),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			b.o.Log.Debug("consumer", "name", c.Name, "error", err)
			select {
			case trouble <- struct{}{}:
			default:
			}
		}))
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.Name, err)
	}
	closed := cc.Closed()
	b.watchConsumer(ctx, c.Name, closed, trouble)
	if b.Connected() {
		cc.Drain() // what was fetched still comes to take, which gives it back
	} else {
		cc.Stop() // there is nobody to give it back to
	}
	<-closed
	r.wg.Wait()
	if ctx.Err() == nil {
		return fmt.Errorf("consumer %s was ended by the server", c.Name)
	}
	return nil
}

// watchConsumer waits until the room stops or the consumer is gone: one in memory does not outlive its
// server, and the library goes on asking for it for ever.
func (b *Bus) watchConsumer(ctx context.Context, name string, closed, trouble <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-closed:
			return
		case <-trouble:
			_, err := b.js.Consumer(ctx, contract.Stream, name)
			if errors.Is(err, jetstream.ErrConsumerNotFound) {
				return
			}
		}
	}
}

func (b *Bus) consumer(ctx context.Context, c Consumer) (jetstream.Consumer, error) {
	conf := jetstream.ConsumerConfig{
		Durable:        c.Name,
		FilterSubjects: c.Filters,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        c.Lease,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		MaxDeliver:     -1,
		MaxAckPending:  pendingMost,
	}
	if c.From == nil {
		ctx, cancel := context.WithTimeout(ctx, connectWait)
		defer cancel()
		return b.js.CreateOrUpdateConsumer(ctx, contract.Stream, conf)
	}
	return b.volatile(ctx, c, conf)
}

// volatile joins a consumer in memory, or makes it; of several copies that make it one is first. One
// that was made with another configuration takes this one's, but for where it began.
func (b *Bus) volatile(ctx context.Context, c Consumer, conf jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	for {
		cons, err := b.js.Consumer(ctx, contract.Stream, c.Name)
		if err == nil {
			was := cons.CachedInfo().Config
			conf.MemoryStorage, conf.DeliverPolicy, conf.OptStartSeq = was.MemoryStorage, was.DeliverPolicy, was.OptStartSeq
			if cons, err = b.js.UpdateConsumer(ctx, contract.Stream, conf); errors.Is(err, jetstream.ErrConsumerDoesNotExist) {
				continue
			}
		}
		if !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return cons, err
		}
		from, err := c.From(ctx)
		if err != nil {
			return nil, err
		}
		conf.MemoryStorage, conf.DeliverPolicy, conf.OptStartSeq = true, jetstream.DeliverByStartSequencePolicy, max(1, from)
		cons, err = b.js.CreateConsumer(ctx, contract.Stream, conf)
		if !errors.Is(err, jetstream.ErrConsumerExists) {
			return cons, err
		}
	}
}

// receiver runs handlers and is the only place that acknowledges.
type receiver struct {
	b      *Bus
	c      Consumer
	counts *consumed
	handle func(context.Context, Delivery) error
	slots  chan struct{}
	wg     sync.WaitGroup
	ctx    context.Context //nolint:containedctx // of the handlers: it outlives the call that consumes
	cancel context.CancelFunc
}

func (r *receiver) take(ctx context.Context, m jetstream.Msg) {
	event := m.Headers().Get(contract.HeaderEvent)
	if r.c.Wants != nil && !r.c.Wants(event) {
		_ = m.Ack()
		return
	}
	meta, err := m.Metadata()
	if err != nil {
		r.b.o.Log.Error("message without metadata", "subject", m.Subject(), "error", err)
		return
	}
	d := Delivery{
		Record: Record{Subject: m.Subject(), Event: event, Seq: meta.Sequence.Stream,
			Time: meta.Timestamp, Data: m.Data()},
		Deliveries: int(min(meta.NumDelivered, 1<<30)),
	}
	alive := r.keepAlive(m)
	if !r.slot(ctx) {
		alive()
		_ = m.Nak() // not begun: another copy gets it now, without waiting for the lease
		return
	}
	r.wg.Go(func() {
		defer func() { <-r.slots }()
		err := r.run(d)
		alive()
		failpoint.Hit("bus.before-ack")
		r.answer(m, d, err)
		failpoint.Hit("bus.after-ack")
	})
}

// slot waits until a worker is free; false when the room stops.
func (r *receiver) slot(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepAlive extends the lease of a message while it waits and is handled; the result ends it.
func (r *receiver) keepAlive(m jetstream.Msg) func() {
	if r.c.Lease <= 0 {
		return func() {}
	}
	every := r.c.Lease / 3
	var mu sync.Mutex
	ended := false
	var t *time.Timer
	mu.Lock()
	defer mu.Unlock()
	t = time.AfterFunc(every, func() {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			_ = m.InProgress()
			t.Reset(every)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		t.Stop()
	}
}

// run calls the handler; a panic there must not take the house down.
func (r *receiver) run(d Delivery) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("handler panicked: %v", x)
			r.b.o.Log.Error("handler panicked", "consumer", r.c.Name, "subject", d.Subject, "panic", x, "stack", string(debug.Stack()))
			if d.Deliveries >= panicsBeforeDrop {
				err = Drop(err)
			}
		}
	}()
	ctx, end := r.b.traceHandle(r.ctx, r.c.Name, d)
	err = r.handle(ctx, d)
	if IsLater(err) {
		end(nil)
	} else {
		end(err)
	}
	return err
}

// answer turns the handler's verdict into an acknowledgement.
func (r *receiver) answer(m jetstream.Msg, d Delivery, err error) {
	var v *verdict
	switch {
	case err == nil:
		r.counts.handled.Add(1)
		_ = m.Ack()
	case errors.As(err, &v) && v.drop:
		if derr := r.b.bury(r.ctx, r.c.Name, d, v.err); derr != nil {
			r.b.o.Log.Error("dead letter not stored, the event comes again", "subject", d.Subject, "error", derr)
			_ = m.NakWithDelay(lastRedelivery)
			return
		}
		r.counts.buried.Add(1)
		_ = m.TermWithReason("dead letter")
	case errors.As(err, &v):
		r.counts.later.Add(1)
		_ = m.NakWithDelay(max(v.delay, time.Millisecond))
	default:
		r.counts.failed.Add(1)
		wait := min(lastRedelivery, firstRedelivery<<min(d.Deliveries-1, 10))
		r.b.o.Log.Warn("event not handled, it comes again", "consumer", r.c.Name, "subject", d.Subject,
			"event", d.Event, "seq", d.Seq, "deliveries", d.Deliveries, "in", wait, "error", err)
		_ = m.NakWithDelay(wait)
	}
}
