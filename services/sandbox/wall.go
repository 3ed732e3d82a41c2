// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Item is one message as the public sees it (or, Deleted, as it saw it).
type Item struct {
	Seq         int64      `json:"seq"` // order of arrival, from 1
	Network     string     `json:"network"`
	Account     string     `json:"account"`
	ID          string     `json:"id"`   // the network's id of it
	Kind        string     `json:"kind"` // text, photo, video, document, service
	Text        string     `json:"text,omitempty"`
	Entities    []Entity   `json:"entities,omitempty"`
	Media       []Media    `json:"media,omitempty"`
	Album       string     `json:"album,omitempty"`
	Author      string     `json:"author,omitempty"` // who called the API, without secrets
	At          time.Time  `json:"at"`
	Silent      bool       `json:"silent,omitempty"`
	Protected   bool       `json:"protected,omitempty"`
	Pinned      bool       `json:"pinned,omitempty"`
	EditedAt    *time.Time `json:"edited_at,omitempty"`
	Deleted     bool       `json:"deleted,omitempty"`
	ReplyTo     string     `json:"reply_to,omitempty"`
	ForwardOf   string     `json:"forward_of,omitempty"` // account/id of the original
	LinkPreview string     `json:"link_preview,omitempty"`
}

// Entity is formatting of a stretch of text; Offset and Length are UTF-16 units.
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// Media is one file of an item; its bytes are had with Sandbox.Media.
type Media struct {
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256"`
	MIME   string `json:"mime"`
	Bytes  int    `json:"bytes"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Name   string `json:"name,omitempty"`
	Alt    string `json:"alt,omitempty"` // for networks that carry it
}

type itemKey struct{ network, account, id string }

func (i Item) key() itemKey { return itemKey{i.Network, i.Account, i.ID} }

// wall keeps the items. Elements of the slice never change in place (an edit clones the slice), so that a
// snapshot is a slice header.
type wall struct {
	mu      sync.Mutex
	items   []Item
	index   map[itemKey]int
	lastSeq int64
	journal *os.File
	log     *slog.Logger
}

// put adds an item or replaces the one with its key. The index grows with the wall and never shrinks:
// deleted items stay.
func (w *wall) put(item Item) {
	if at, known := w.index[item.key()]; known {
		items := slices.Clone(w.items)
		items[at] = item
		w.items = items
		return
	}
	w.index[item.key()] = len(w.items)
	w.items = append(w.items, item)
	w.lastSeq = max(w.lastSeq, item.Seq)
}

func (w *wall) snapshot() []Item {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.items[:len(w.items):len(w.items)]
}

// Post puts items on the wall, all at once, and returns them with their Seq.
func (s *Sandbox) Post(items ...Item) []Item {
	s.wall.mu.Lock()
	posted := make([]Item, len(items))
	for i, item := range items {
		item.Seq = s.wall.lastSeq + 1
		s.wall.put(item)
		posted[i] = item
	}
	s.wall.write(posted...)
	s.wall.mu.Unlock()
	s.signal.fire()
	return posted
}

// Edit changes one item by change and returns it as it then is; false when there is none.
func (s *Sandbox) Edit(network, account, id string, change func(*Item)) (Item, bool) {
	s.wall.mu.Lock()
	at, known := s.wall.index[itemKey{network, account, id}]
	if !known {
		s.wall.mu.Unlock()
		return Item{}, false
	}
	item := s.wall.items[at]
	change(&item)
	s.wall.put(item)
	s.wall.write(item)
	s.wall.mu.Unlock()
	s.signal.fire()
	return item, true
}

// Find returns one item, deleted or not.
func (s *Sandbox) Find(network, account, id string) (Item, bool) {
	s.wall.mu.Lock()
	defer s.wall.mu.Unlock()
	at, known := s.wall.index[itemKey{network, account, id}]
	if !known {
		return Item{}, false
	}
	return s.wall.items[at], true
}

// Wall is a snapshot of everything, in order of arrival, the deleted included.
func (s *Sandbox) Wall() []Item { return slices.Clone(s.wall.snapshot()) }

// Changed returns a channel that is closed at the next change of the wall, of the arrivals or of an answer.
func (s *Sandbox) Changed() <-chan struct{} { return s.signal.wait() }

// Wait blocks until the wall satisfies done, or the context ends. The slice is to be read only.
func (s *Sandbox) Wait(ctx context.Context, done func([]Item) bool) error {
	return s.await(ctx, func() bool { return done(s.wall.snapshot()) })
}

// WaitRequests blocks until the arrivals satisfy done, or the context ends.
func (s *Sandbox) WaitRequests(ctx context.Context, done func([]Arrival) bool) error {
	return s.await(ctx, func() bool { return done(s.Requests()) })
}

func (s *Sandbox) await(ctx context.Context, done func() bool) error {
	for {
		changed := s.Changed() // taken before looking, so that no change slips between
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signal wakes all who wait, by closing a channel; the zero value is ready.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
