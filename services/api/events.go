// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	streamsMost    = 128
	streamsOfOne   = 8 // of one token
	heartbeat      = 15 * time.Second
	slowClientWait = 10 * time.Second
)

// streams are the event streams that are open.
type streams struct {
	*places
	ended chan struct{}
	once  sync.Once
	every time.Duration // between heartbeats
}

func newStreams() *streams {
	return &streams{places: newPlaces(streamsMost, streamsOfOne), ended: make(chan struct{}), every: heartbeat}
}

// end lets a stopping server finish: clients come back to the next one, from where they were.
func (x *streams) end() { x.once.Do(func() { close(x.ended) }) }

type eventsInput struct {
	From string `query:"from" maxLength:"20" doc:"Sequence to begin with; absent: what happens from now on"`
	Last string `header:"Last-Event-ID" maxLength:"20" doc:"Goes on after this one; a browser sends it by itself"`
}

// from is the first sequence that is wanted.
func (s *Service) from(ctx context.Context, in *eventsInput) (uint64, error) {
	word, field, after := in.From, "from", uint64(0)
	if in.Last != "" {
		word, field, after = in.Last, "Last-Event-ID", 1
	}
	if word == "" {
		last, err := s.Bus.LastSeq(ctx)
		return last + 1, err
	}
	n, err := strconv.ParseUint(word, 10, 63)
	if err != nil {
		return 0, invalid(field, "Serve un numero di sequenza, da 0 in su.", "A sequence number is needed, from 0.")
	}
	return max(n+after, 1), nil
}

// events streams what happens, each event with the state after it, as far as the role sees it.
func (s *Service) events(ctx context.Context, in *eventsInput) (*streamOutput, error) {
	from, err := s.from(ctx, in)
	if err != nil {
		return nil, err
	}
	a := actorOf(ctx)
	leave, ok := s.streams.take(a.ID)
	if !ok {
		return nil, palinsesto.Refuse(palinsesto.CodeBusy,
			"Troppi flussi di eventi aperti: chiuderne qualcuno, poi riprovare.", "Too many event streams are open: close some, then try again.")
	}
	return &streamOutput{Body: func(hc huma.Context) {
		defer leave()
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
		st := &stream{s: s, w: w, c: http.NewResponseController(w), actor: a, token: bearer(r.Header.Get("Authorization")), seen: from - 1}
		if err := st.run(ctx, from); err != nil {
			s.Log.DebugContext(ctx, "event stream ended", "request", requestID(ctx), "because", err)
		}
	}}, nil
}

// stream writes events to one client.
type stream struct {
	s     *Service
	w     http.ResponseWriter
	c     *http.ResponseController
	actor palinsesto.Actor
	token string

	mu   sync.Mutex
	seen uint64 // up to where the log was looked at, told or not
}

var errRevoked = errors.New("api: the token of this stream is not valid any more")

func (t *stream) run(ctx context.Context, from uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := t.write(ctx, ": palinsesto\nretry: 3000\n\n"); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.beat(ctx, cancel)
	}()
	v := t.s.viewerFor(t.actor, inEnglish(ctx))
	err := t.s.Bus.Follow(ctx, from, nil, func(batch []bus.Record, _ uint64) error {
		for _, r := range batch {
			if err := t.tell(ctx, v, r); err != nil {
				return err
			}
		}
		return nil
	})
	cancel(err)
	<-ended
	return context.Cause(ctx)
}

// beat shows that the line stands, also to what sits between, and ends the stream with the server or
// the token.
func (t *stream) beat(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(t.s.streams.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.s.streams.ended:
			end(http.ErrServerClosed)
			return
		case <-tick.C:
		}
		// An id without data moves a client's Last-Event-ID past what it may not see.
		t.mu.Lock()
		seen := t.seen
		t.mu.Unlock()
		if err := t.write(ctx, fmt.Sprintf(": heartbeat\nid: %d\n\n", seen)); err != nil {
			end(err)
			return
		}
	}
}

func (t *stream) tell(ctx context.Context, v viewer, r bus.Record) error {
	e, ok := v.event(t.actor, r)
	if ok {
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if err := t.write(ctx, fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", r.Seq, e.Event, data)); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = r.Seq
	return nil
}

// write drops a client that takes nothing for a while, and one whose token was revoked.
func (t *stream) write(ctx context.Context, text string) error {
	if _, err := t.s.auth.find(ctx, t.token); err != nil {
		if errors.Is(err, errStranger) {
			return errRevoked
		}
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.c.SetWriteDeadline(time.Now().Add(slowClientWait)) // of a test's recorder there is none
	if _, err := t.w.Write([]byte(text)); err != nil {
		return err
	}
	return t.c.Flush()
}
