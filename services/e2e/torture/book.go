// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"sync"
	"time"
)

// book is what was promised: who asked for what, when the question left and when the answer came.
type book struct {
	mu      sync.Mutex
	stories []*story
	holds   []*hold
}

func newBook() *book { return &book{} }

// story is the life of one segnalazione as its people know it.
type story struct {
	n        int
	centre   string
	channels []string
	tags     []string
	id       string // of the segnalazione; empty until it was acknowledged
	expires  time.Time
	revs     []*revision
	voids    []*void
	state    string // that was acknowledged last: submitted, changes_requested, approved, rejected, withdrawn
	doubt    bool   // an answer never came: what was asked for may have been done
	acks     []time.Time
	media    bool
	files    []map[string]any // uploaded
}

// revision is one text and, once it was asked for, its approval.
type revision struct {
	n     int
	asked time.Time // for its approval; zero: never
	acked time.Time
	at    time.Time           // when it is to go out; zero: soon
	texts map[string][]string // by channel, part by part
}

// void is what takes an approval back: a revision, a withdrawal.
type void struct {
	what     string
	rev      int // the newest revision that it voids
	asked    time.Time
	acked    time.Time // zero: no answer came
	flying   map[string]bool
	listless bool // the answer could not list what was in flight
}

// hold is a stop as the one who placed it knows it.
type hold struct {
	id, scope, value string
	asked, acked     time.Time
	lifting, lifted  time.Time // zero: stands
	flying           map[string]bool
	listless         bool
}

func (b *book) begin(s *story) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.n = len(b.stories) + 1
	b.stories = append(b.stories, s)
}

func (b *book) place(h *hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = append(b.holds, h)
}

// note changes a story or a hold under the book's lock.
func (b *book) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// size tells how many stories there are and how many approvals were acknowledged.
func (b *book) size() (stories, approved int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.stories {
		for _, r := range s.revs {
			if !r.acked.IsZero() {
				approved++
			}
		}
	}
	return len(b.stories), approved
}

// find is the story with a number.
func (b *book) find(n int) *story {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n < 1 || n > len(b.stories) {
		return nil
	}
	return b.stories[n-1]
}

// rev is the newest revision.
func (s *story) rev() *revision { return s.revs[len(s.revs)-1] }
