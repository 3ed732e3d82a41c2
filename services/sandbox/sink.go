// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxSinkBody bounds a request to the sink; a message has at most 4,096 characters.
const maxSinkBody = 128 << 10

// Sink answers any sendMessage of Telegram's Bot API at once with a minimal valid Message and remembers
// when each arrived. It keeps no wall and takes no lock: it measures the sender, not itself.
type Sink struct {
	slots   []atomic.Pointer[SinkArrival]
	arrived atomic.Int64
	wanted  atomic.Int64
	reached chan struct{}
	buffers sync.Pool
}

// SinkArrival is one message: Key is the first line of its text, At has a monotonic reading.
type SinkArrival struct {
	Key string
	At  time.Time
}

// NewSink makes a sink that remembers the first capacity arrivals and counts the rest.
func NewSink(capacity int) *Sink {
	return &Sink{
		slots: make([]atomic.Pointer[SinkArrival], capacity), reached: make(chan struct{}, 1),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

// ServeHTTP takes /bot<token>/<method>, under any prefix.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	buffer, _ := s.buffers.Get().(*bytes.Buffer) // the pool holds nothing else
	defer s.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, maxSinkBody)); err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !strings.EqualFold(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "sendMessage") {
		_, _ = io.WriteString(w, `{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"Sink","username":"sink_bot"}}`)
		return
	}
	chat, text := sinkFields(r.Header.Get("Content-Type"), buffer.Bytes())
	key, _, _ := strings.Cut(text, "\n")
	id := s.record(SinkArrival{Key: strings.TrimSuffix(key, "\r"), At: at})
	_, _ = w.Write(sinkMessage(buffer.AvailableBuffer(), id, at, chat)) //nolint:gosec // JSON, its content type said above
}

func (s *Sink) record(a SinkArrival) int64 {
	n := s.arrived.Add(1)
	if int(n) <= len(s.slots) {
		s.slots[n-1].Store(&a)
	}
	if n >= s.wanted.Load() {
		select {
		case s.reached <- struct{}{}:
		default:
		}
	}
	return n
}

func sinkMessage(out []byte, id int64, at time.Time, chat string) []byte {
	out = append(out, `{"ok":true,"result":{"message_id":`...)
	out = strconv.AppendInt(out, id, 10)
	out = append(out, `,"date":`...)
	out = strconv.AppendInt(out, at.Unix(), 10)
	out = append(out, `,"chat":{"type":"channel","id":`...)
	if number, err := strconv.ParseInt(chat, 10, 64); err == nil {
		out = strconv.AppendInt(out, number, 10)
	} else {
		out = append(out, `-1000000000001,"username":`...)
		out = strconv.AppendQuoteToASCII(out, strings.TrimPrefix(printable(chat), "@"))
	}
	return append(out, `},"text":""}}`...)
}

// printable keeps a name within what Go and JSON quote alike.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
}

// sinkFields finds chat_id and text in a urlencoded or JSON body.
func sinkFields(contentType string, body []byte) (chat, text string) {
	if strings.HasPrefix(contentType, "application/json") {
		var fields struct {
			Chat json.RawMessage `json:"chat_id"`
			Text string          `json:"text"`
		}
		_ = json.Unmarshal(body, &fields) // what is no message has an empty key
		return strings.Trim(string(fields.Chat), `"`), fields.Text
	}
	return formField(body, "chat_id"), formField(body, "text")
}

// formField picks one field without building a map of all.
func formField(body []byte, name string) string {
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		if key, value, _ := bytes.Cut(pair, []byte("=")); string(key) == name {
			plain, err := url.QueryUnescape(string(value))
			if err != nil {
				return ""
			}
			return plain
		}
	}
	return ""
}

// Count is how many messages arrived.
func (s *Sink) Count() int { return int(s.arrived.Load()) }

// Arrivals are the times by key, each list in order; a key with two of them was sent twice.
func (s *Sink) Arrivals() map[string][]time.Time {
	times := make(map[string][]time.Time, s.Count())
	for i := range s.slots {
		if a := s.slots[i].Load(); a != nil {
			times[a.Key] = append(times[a.Key], a.At)
		}
	}
	return times
}

// Wait blocks until n messages arrived; for one waiter at a time.
func (s *Sink) Wait(ctx context.Context, n int) error {
	s.wanted.Store(int64(n))
	for s.Count() < n {
		select {
		case <-s.reached:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
