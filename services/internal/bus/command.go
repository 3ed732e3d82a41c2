// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/palinsesto/palinsesto/services/contract"
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
	srv, err := micro.AddService(b.nc, micro.Config{
		Name: "palinsesto-" + room, Version: Version, Description: description,
		Metadata: map[string]string{"room": room, "host": hostname()},
	})
	if err != nil {
		return fmt.Errorf("offer commands of %s: %w", room, err)
	}
	work := context.WithoutCancel(ctx)
	var under sync.RWMutex // read-held by each command under way
	for _, e := range endpoints {
		err := srv.AddEndpoint(e.Verb, micro.HandlerFunc(func(req micro.Request) {
			// One command must not wait for another: a handler of the library runs in the subscription's goroutine.
			go func() {
				under.RLock()
				defer under.RUnlock()
				b.answer(work, e, req)
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

func (b *Bus) answer(ctx context.Context, e Endpoint, req micro.Request) {
	ctx, cancel := context.WithTimeout(ctx, CommandWait)
	defer cancel()
	reply, err := b.carryOut(ctx, e, req.Data())
	if err == nil {
		err = req.Respond(reply)
	}
	if err == nil {
		return
	}
	var refusal *palinsesto.Error
	if !errors.As(err, &refusal) {
		// What broke is for the log of this room; people get a sentence without its innards.
		b.o.Log.Error("command failed", "verb", e.Verb, "error", err)
		refusal = palinsesto.Refuse(palinsesto.CodeInternal,
			"Qualcosa non ha funzionato da parte nostra: nulla è stato cambiato, oppure il comando si può ripetere senza danno.",
			"Something failed on our side: nothing was changed, or the command can be sent again without harm.")
	}
	// The library refuses to answer without a description.
	if err := req.Error(string(refusal.Code), cmp.Or(refusal.TextEN, refusal.Text, "refused"), contract.EncodeRefusal(refusal)); err != nil {
		b.o.Log.Error("answer not sent", "verb", e.Verb, "error", err)
	}
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
	m, err := b.nc.RequestWithContext(ctx, contract.CommandSubject(room, verb), data)
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
