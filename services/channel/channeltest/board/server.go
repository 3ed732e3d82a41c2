// SPDX-License-Identifier: AGPL-3.0-or-later

// Package board is a network that exists nowhere: a notice board with an HTTP API that has what networks
// have of which an uncertain attempt can be asked. It lists what is on it, late if told so, and answers the
// same idempotency key with the same message. Its server stands on the sandbox's wall and fails like the
// others; its adapter passes the one suite. So what the house does with such powers is proven before there
// is a network that has them, and an adapter's author finds here how they are meant.
package board

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

const (
	// Network is the name under which it stands on the wall.
	Network = "board"
	account = "@bacheca"
	// keysLast is for how long a key is remembered.
	keysLast = time.Hour
	textMost = 500
	// page is small, so that a list has several.
	page     = 3
	bodyMost = 8 << 20
)

// Options of a Server.
type Options struct {
	Token string
	// IgnoresKeys is a server that takes the header and does nothing with it, as some do.
	IgnoresKeys bool
}

// Server is the network's API, mounted on a sandbox under /board.
type Server struct {
	s *sandbox.Sandbox
	o Options

	mu     sync.Mutex
	last   int64
	keys   map[string]keyed
	hidden map[string]bool // not yet in lists
	lags   bool
}

type keyed struct {
	id string
	at time.Time
}

// message is one notice, as it is sent and as it is listed; media are base64 on the way in and SHA-256 on
// the way out.
type message struct {
	ID      string   `json:"id,omitempty"`
	Text    string   `json:"text"`
	Media   []string `json:"media"`
	ReplyTo string   `json:"reply_to,omitempty"`
	Link    string   `json:"link,omitempty"`
	At      string   `json:"at,omitempty"` // whole seconds
}

// NewServer mounts it.
func NewServer(s *sandbox.Sandbox, o Options) *Server {
	b := &Server{s: s, o: o, keys: map[string]keyed{}, hidden: map[string]bool{}}
	s.Mount(Network, b, nil)
	return b
}

// Lag has lists leave out what is published from now on; without it they show all.
func (b *Server) Lag(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lags = on; !on {
		clear(b.hidden)
	}
}

// ServeHTTP speaks the API.
func (b *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := sandbox.Call{Network: Network, Account: account, Method: r.Method + " " + r.URL.Path, Refuse: refused}
	if r.Header.Get("Authorization") != "Bearer "+b.o.Token {
		c.Apply = func() sandbox.Answer { return refusal(http.StatusUnauthorized, "unauthorized") }
		b.s.Serve(w, r, c)
		return
	}
	id, one := strings.CutPrefix(r.URL.Path, "/v1/messages/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/about":
		c.Apply = b.about
	case r.Method == http.MethodPost && r.URL.Path == "/v1/messages":
		var m message
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMost))
		d.DisallowUnknownFields()
		err := d.Decode(&m)
		c.Apply = func() sandbox.Answer {
			if err != nil {
				return refusal(http.StatusBadRequest, "malformed")
			}
			return b.post(m, r.Header.Get("Idempotency-Key"))
		}
	case r.Method == http.MethodGet && r.URL.Path == "/v1/messages":
		c.Apply = func() sandbox.Answer { return b.list(r.URL.Query().Get("since"), r.URL.Query().Get("after")) }
	case r.Method == http.MethodDelete && one:
		c.Apply = func() sandbox.Answer { return b.remove(id) }
	default:
		c.Apply = func() sandbox.Answer { return refusal(http.StatusNotFound, "not_found") }
	}
	b.s.Serve(w, r, c)
}

func answer(status int, body any) sandbox.Answer {
	raw, err := json.Marshal(body)
	if err != nil { // only plain structs are marshalled here
		return sandbox.Answer{Status: http.StatusInternalServerError}
	}
	return sandbox.Answer{Status: status, Body: raw}
}

func refusal(status int, code string) sandbox.Answer {
	return answer(status, map[string]string{"error": code})
}

func refused(f sandbox.Fault) sandbox.Answer {
	switch f.Kind {
	case sandbox.FaultRateLimit:
		a := refusal(http.StatusTooManyRequests, "slow_down")
		a.Header = http.Header{"Retry-After": {strconv.Itoa(f.RetryAfter)}}
		return a
	case sandbox.FaultUnauthorized:
		return refusal(http.StatusUnauthorized, "unauthorized")
	case sandbox.FaultKicked:
		return refusal(http.StatusForbidden, "not_yours")
	case sandbox.FaultNoTarget:
		return refusal(http.StatusNotFound, "no_board")
	default:
		return refusal(http.StatusInternalServerError, "internal")
	}
}

func (b *Server) about() sandbox.Answer {
	lasts := int(keysLast.Seconds())
	if b.o.IgnoresKeys {
		lasts = 0
	}
	return answer(http.StatusOK, map[string]int{"keys_last": lasts})
}

// post takes a notice in. The key is noted after the notice stands, as with Mastodon: two requests with one
// key at the same moment may make two.
func (b *Server) post(m message, key string) sandbox.Answer {
	if utf8.RuneCountInString(m.Text) > textMost {
		return refusal(http.StatusUnprocessableEntity, "too_long")
	}
	if m.Text == "" && len(m.Media) == 0 {
		return refusal(http.StatusUnprocessableEntity, "empty")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if k, known := b.keys[key]; known && !b.o.IgnoresKeys && key != "" && b.s.Now().Sub(k.at) < keysLast {
		if item, there := b.s.Find(Network, account, k.id); there {
			return answer(http.StatusCreated, shown(item))
		}
	}
	b.last++
	item := sandbox.Item{Network: Network, Account: account, ID: strconv.FormatInt(b.last, 10), Kind: "text",
		Text: m.Text, ReplyTo: m.ReplyTo, At: b.s.Now()}
	for _, file := range m.Media {
		raw, err := base64.StdEncoding.DecodeString(file)
		if err != nil {
			return refusal(http.StatusUnprocessableEntity, "bad_media")
		}
		hash, err := b.s.PutMedia(raw)
		if err != nil {
			return refusal(http.StatusInternalServerError, "internal")
		}
		item.Kind, item.Media = "photo", append(item.Media, sandbox.Media{Kind: "photo", SHA256: hash, Bytes: len(raw)})
	}
	b.s.Post(item)
	b.hidden[item.ID] = b.lags
	b.keys[key] = keyed{item.ID, b.s.Now()}
	a := answer(http.StatusCreated, shown(item))
	a.Applied = true
	return a
}

func shown(i sandbox.Item) message {
	m := message{ID: i.ID, Text: i.Text, Media: []string{}, ReplyTo: i.ReplyTo, Link: "https://board.example/" + i.ID,
		At: i.At.UTC().Truncate(time.Second).Format(time.RFC3339)}
	for _, f := range i.Media {
		m.Media = append(m.Media, f.SHA256)
	}
	return m
}

// list gives a page of what stands there since a moment, oldest first.
func (b *Server) list(since, after string) sandbox.Answer {
	from, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return refusal(http.StatusBadRequest, "malformed")
	}
	start, _ := strconv.ParseInt(after, 10, 64) // none: from the first
	b.mu.Lock()
	defer b.mu.Unlock()
	out := struct {
		Messages []message `json:"messages"`
		More     bool      `json:"more"`
	}{Messages: []message{}}
	for _, item := range b.s.Wall() {
		id, _ := strconv.ParseInt(item.ID, 10, 64)
		if item.Network != Network || item.Deleted || b.hidden[item.ID] || id <= start || item.At.Before(from) {
			continue
		}
		if len(out.Messages) == page {
			out.More = true
			break
		}
		out.Messages = append(out.Messages, shown(item))
	}
	return answer(http.StatusOK, out)
}

// remove takes a notice down; what is gone is gone.
func (b *Server) remove(id string) sandbox.Answer {
	_, there := b.s.Edit(Network, account, id, func(i *sandbox.Item) { i.Deleted = true })
	return sandbox.Answer{Status: http.StatusNoContent, Applied: there}
}
