// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// truth is what the public saw, read from the sandbox's own journal: every state of every message.
type truth struct {
	file string

	mu     sync.Mutex
	offset int64
	rest   []byte
	by     map[string]*message // account and id
	order  []*message
	seen   map[place][]*message
}

// message is one message with all that was seen of it.
type message struct {
	account, id string
	mark        mark
	media       int
	at          time.Time // when it went out
	states      []seen
	deleted     bool
	gone        time.Time // when we saw that it was deleted, at most pollTruth late
}

// seen is one state of a message; the moment is when we read it, at most pollTruth late.
type seen struct {
	text string
	at   time.Time
}

// mark is what every text of the load carries: which story, which revision, which part.
type mark struct{ story, rev, part int }

// place is where one part of one story belongs.
type place struct {
	story   int
	account string
	part    int
}

var markForm = regexp.MustCompile(`\[T(\d+)\.(\d+)\.(\d+)\]`)

func markOf(text string) (mark, bool) {
	m := markForm.FindStringSubmatch(text)
	if m == nil {
		return mark{}, false
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits by the form
	}
	return mark{n[0], n[1], n[2]}, true
}

func newTruth(file string) *truth {
	return &truth{file: file, by: map[string]*message{}, seen: map[place][]*message{}}
}

const pollTruth = 20 * time.Millisecond

// follow reads what is new until ctx ends.
func (t *truth) follow(ctx context.Context) {
	tick := time.NewTicker(pollTruth)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = t.read() // read again in a moment; the judge reads once more and tells
		}
	}
}

// read takes all whole lines that are there.
func (t *truth) read() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := os.Open(t.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(t.offset, io.SeekStart); err != nil {
		return err
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	t.offset += int64(len(raw))
	t.rest = append(t.rest, raw...)
	for {
		line, after, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			return nil
		}
		t.rest = after
		var item sandbox.Item
		if err := json.Unmarshal(line, &item); err != nil {
			return err
		}
		t.take(item)
	}
}

func (t *truth) take(i sandbox.Item) {
	k := i.Account + "/" + i.ID
	m := t.by[k]
	if m == nil {
		m = &message{account: i.Account, id: i.ID, at: i.At, media: len(i.Media)}
		m.mark, _ = markOf(i.Text)
		t.by[k] = m
		t.order = append(t.order, m)
		p := place{m.mark.story, m.account, m.mark.part}
		t.seen[p] = append(t.seen[p], m)
	}
	at := i.At
	if i.EditedAt != nil {
		at = *i.EditedAt
	}
	if i.Deleted && !m.deleted {
		m.gone = time.Now()
	}
	m.deleted = i.Deleted
	if len(m.states) == 0 || m.states[len(m.states)-1].text != i.Text {
		m.states = append(m.states, seen{i.Text, at})
	}
}

// visible are the messages of one part that the public sees now.
func (t *truth) visible(p place) []*message {
	_ = t.read()
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*message
	for _, m := range t.seen[p] {
		if !m.deleted {
			out = append(out, m)
		}
	}
	return out
}

// count is how many messages ever went out.
func (t *truth) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.order)
}

func (m *message) text() string { return m.states[len(m.states)-1].text }
