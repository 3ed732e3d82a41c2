// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Version of the rooms, as "nats micro ls" shows it; semantic versioning is required there.
const Version = "0.1.0"

// CommandWait is how long an answer to a command may take.
const CommandWait = 30 * time.Second

// Endpoint is one command that a room carries out.
type Endpoint struct {
	Verb   string
	Handle func(ctx context.Context, data []byte) ([]byte, error)
}

// Serve carries out commands until ctx ends, then finishes those under way. Copies of a room share
// the commands. It is seen by "nats micro ls", "info" and "stats".
func (b *Bus) Serve(ctx context.Context, room, description string, endpoints ...Endpoint) error {
	tallies := make(map[string]*tally, len(endpoints))
	for _, e := range endpoints {
		tallies[e.Verb] = &tally{}
	}
	srv, err := micro.AddService(b.nc, micro.Config{
		Name: servicePrefix + room, Version: Version, Description: description,
		Metadata:     map[string]string{"room": room, "host": hostname()},
		StatsHandler: func(e *micro.Endpoint) any { return tallies[e.Name].figures() },
	})
	if err != nil {
		return fmt.Errorf("offer commands of %s: %w", room, err)
	}
	work := context.WithoutCancel(ctx)
	var under sync.RWMutex // read-held by each command under way
	for _, e := range endpoints {
		err := srv.AddEndpoint(e.Verb, micro.HandlerFunc(func(req micro.Request) {
			under.RLock() // here, not in the goroutine: it may not have begun when the room stops
			// One command must not wait for another: a handler of the library runs in the subscription's
			// goroutine. But the library looks at the request as soon as the handler returns, so it may
			// not be answered through it any more.
			data, to, parent := req.Data(), req.Reply(), req.Headers().Get(telemetry.HeaderTrace)
			if !isInbox(to) {
				under.RUnlock()
				b.o.Log.Warn("command without an inbox for its answer, not carried out", "verb", e.Verb, "reply", to)
				return
			}
			go func() {
				defer under.RUnlock()
				ctx, end := b.traceCommand(work, e.Verb, parent)
				defer end(nil)
				b.answer(ctx, e, tallies[e.Verb], data, to)
			}()
		}), micro.WithEndpointSubject(contract.CommandSubject(room, e.Verb)))
		if err != nil {
			_ = srv.Stop()
			return fmt.Errorf("offer command %s.%s: %w", room, e.Verb, err)
		}
	}
	<-ctx.Done()
	err = srv.Stop()
	// After a round trip the server sends no more commands here, and those sent have arrived.
	if ferr := b.nc.FlushTimeout(requestWait); err == nil && !errors.Is(ferr, nats.ErrConnectionClosed) {
		err = ferr
	}
	under.Lock()
	defer under.Unlock()
	return err
}

func (b *Bus) answer(ctx context.Context, e Endpoint, t *tally, data []byte, to string) {
	ctx, cancel := context.WithTimeout(ctx, CommandWait)
	defer cancel()
	begun := time.Now()
	reply, err := b.carryOut(ctx, e, data)
	if err == nil {
		if err = b.respond(to, reply, nil); err == nil {
			t.answered(time.Since(begun))
			return
		}
	}
	var refusal *palinsesto.Error
	if errors.As(err, &refusal) {
		t.refused(time.Since(begun))
	} else {
		// What broke is for the log of this room; people get a sentence without its innards.
		b.o.Log.Error("command failed", "verb", e.Verb, "error", err)
		t.failed(time.Since(begun), err)
		refusal = palinsesto.Refuse(palinsesto.CodeInternal,
			"Qualcosa non ha funzionato da parte nostra: nulla è stato cambiato, oppure il comando si può ripetere senza danno.",
			"Something failed on our side: nothing was changed, or the command can be sent again without harm.")
	}
	err = b.respond(to, contract.EncodeRefusal(refusal), nats.Header{
		micro.ErrorHeader:     []string{oneLine(cmp.Or(refusal.TextEN, refusal.Text, "refused"))},
		micro.ErrorCodeHeader: []string{string(refusal.Code)},
	})
	if err != nil {
		b.o.Log.Error("answer not sent", "verb", e.Verb, "error", err)
	}
}

// isInbox tells whether an answer may go there. The server does not check which subject an asker names:
// with one of JetStream's own, or of the log, the answer would be done with this room's rights. What a
// consumer delivers is no command either: its reply is an acknowledgement. "_R_." is how the server
// names an inbox of another account.
func isInbox(reply string) bool {
	return strings.HasPrefix(reply, "_INBOX") || strings.HasPrefix(reply, "_R_.")
}

// respond answers as micro does (ADR-32).
func (b *Bus) respond(to string, data []byte, h nats.Header) error {
	return b.nc.PublishMsg(&nats.Msg{Subject: to, Data: data, Header: h})
}

// oneLine keeps a sentence that quotes what somebody sent from ending a header.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}

func (b *Bus) carryOut(ctx context.Context, e Endpoint, data []byte) (reply []byte, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("command panicked: %v", x)
		}
	}()
	return e.Handle(ctx, data)
}

// Request sends a command to a room. Refusals come back as *palinsesto.Error; so does a room that
// does not answer, as CodeBusy.
func (b *Bus) Request(ctx context.Context, room, verb string, data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, CommandWait)
	defer cancel()
	req := &nats.Msg{Subject: contract.CommandSubject(room, verb), Data: data}
	end := b.traceRequest(ctx, req)
	m, err := b.nc.RequestMsgWithContext(ctx, req)
	end(err)
	if err != nil {
		return nil, unanswered(room, err)
	}
	if m.Header.Get(micro.ErrorCodeHeader) != "" {
		if e := contract.DecodeRefusal(m.Data); e != nil {
			return nil, e
		}
		return nil, palinsesto.Refuse(palinsesto.CodeInternal, "Risposta non leggibile.", m.Header.Get(micro.ErrorHeader))
	}
	return m.Data, nil
}

func unanswered(room string, err error) error {
	why := "non risponde in tempo"
	if errors.Is(err, nats.ErrNoResponders) {
		why = "non è in funzione"
	}
	return palinsesto.Refuse(palinsesto.CodeBusy,
		fmt.Sprintf("Il servizio %s %s: riprovare fra poco; se continua, avvisare gli operatori.", room, why),
		fmt.Sprintf("Room %s does not answer (%v): try again soon.", room, err))
}
