// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/contract"
)

// Record is one message of the log.
type Record struct {
	Subject string
	Event   string
	Seq     uint64
	Time    time.Time // of the log's server
	Data    []byte
}

// manyReader asks for several messages in one request: the newest of several subjects (direct get with
// multi_last, ADR-31), or those of one in a row. The library's own call hides up to which sequence the
// answer saw, and exactly that makes a stop exact.
type manyReader struct {
	nc     *nats.Conn
	prefix string
	next   atomic.Uint64
	mu     sync.Mutex
	open   map[string]*manyAnswer
}

type manyAnswer struct {
	records []Record
	upTo    uint64
	err     error
	done    chan struct{}
}

// errTooMany is the server's 413: more than 1,024 subjects match.
var errTooMany = errors.New("bus: too many subjects in one read")

func newManyReader(nc *nats.Conn, inbox string) (*manyReader, error) {
	r := &manyReader{nc: nc, prefix: nats.NewInbox(), open: map[string]*manyAnswer{}}
	r.prefix = inbox + strings.TrimPrefix(r.prefix, "_INBOX") + "."
	sub, err := nc.Subscribe(r.prefix+"*", r.take)
	if err != nil {
		return nil, err
	}
	return r, sub.SetPendingLimits(-1, 256<<20)
}

// last reads the newest message of each subject (wildcards allowed), and up to which sequence the
// answer saw the log.
func (r *manyReader) last(ctx context.Context, subjects []string) ([]Record, uint64, error) {
	return r.ask(ctx, map[string]any{"multi_last": subjects})
}

// following reads the messages of one subject from a sequence on, at most so many.
func (r *manyReader) following(ctx context.Context, subject string, from uint64, most int) ([]Record, error) {
	records, _, err := r.ask(ctx, map[string]any{"seq": from, "next_by_subj": subject, "batch": most})
	return records, err
}

func (r *manyReader) ask(ctx context.Context, request map[string]any) ([]Record, uint64, error) {
	req, err := json.Marshal(request)
	if err != nil {
		return nil, 0, err
	}
	reply := r.prefix + strconv.FormatUint(r.next.Add(1), 36)
	a := &manyAnswer{done: make(chan struct{})}
	r.mu.Lock()
	r.open[reply] = a
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.open, reply)
		r.mu.Unlock()
	}()
	if err := r.nc.PublishRequest("$JS.API.DIRECT.GET."+contract.Stream, reply, req); err != nil {
		return nil, 0, err
	}
	select {
	case <-a.done:
		return a.records, a.upTo, a.err
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("read the log: %w", ctx.Err())
	}
}

// take sorts one message of an answer to whoever asked.
func (r *manyReader) take(m *nats.Msg) {
	r.mu.Lock()
	a := r.open[m.Subject]
	r.mu.Unlock()
	if a == nil || isDone(a) {
		return
	}
	switch m.Header.Get("Status") {
	case "":
		rec, err := recordOf(m)
		if err != nil {
			a.end(err)
			return
		}
		a.records = append(a.records, rec)
	case "204": // end of batch
		var err error
		if upTo := m.Header.Get("Nats-UpTo-Sequence"); upTo != "" {
			a.upTo, err = strconv.ParseUint(upTo, 10, 64)
		}
		a.end(err)
	case "404":
		a.end(nil) // none of the subjects has a message
	case "413":
		a.end(errTooMany)
	default:
		a.end(fmt.Errorf("bus: the log answers %s %s", m.Header.Get("Status"), m.Header.Get("Description")))
	}
}

func isDone(a *manyAnswer) bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

func (a *manyAnswer) end(err error) {
	a.err = err
	close(a.done)
}

// recordOf reads the headers that a direct get adds.
func recordOf(m *nats.Msg) (Record, error) {
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("bus: answer without a sequence: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return Record{}, fmt.Errorf("bus: answer without a time: %w", err)
	}
	return Record{
		Subject: m.Header.Get(jetstream.SubjectHeader), Event: m.Header.Get(contract.HeaderEvent),
		Seq: seq, Time: at, Data: m.Data,
	}, nil
}
