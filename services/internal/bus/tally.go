// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"sync"
	"time"
)

// tally counts what became of the commands of one endpoint. The library takes its own figures when the
// handler returns, which is before a command of ours is done: "nats micro stats" shows its number of
// requests, and these beside it, as data.
type tally struct {
	mu   sync.Mutex
	seen figures
}

type figures struct {
	Answered  uint64        `json:"answered"`
	Refused   uint64        `json:"refused"` // what was asked for may not be done: no fault of the room
	Failed    uint64        `json:"failed"`
	Took      time.Duration `json:"average_time"` // in nanoseconds, as the library's
	LastError string        `json:"last_error,omitempty"`

	total time.Duration
}

func (t *tally) answered(took time.Duration) { t.count(took, func(f *figures) { f.Answered++ }) }

func (t *tally) refused(took time.Duration) { t.count(took, func(f *figures) { f.Refused++ }) }

func (t *tally) failed(took time.Duration, why error) {
	t.count(took, func(f *figures) { f.Failed++; f.LastError = why.Error() })
}

func (t *tally) count(took time.Duration, what func(*figures)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what(&t.seen)
	t.seen.total += took
	t.seen.Took = t.seen.total / time.Duration(t.seen.Answered+t.seen.Refused+t.seen.Failed)
}

func (t *tally) figures() figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen
}
