// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"sync"
	"time"
)

const defaultRequests = 50_000

// Arrival is one request to a network's API.
type Arrival struct {
	Network string `json:"network"`
	Account string `json:"account,omitempty"` // the target's name on the wall, or what the caller named
	Caller  string `json:"caller,omitempty"`
	Method  string `json:"method"`
	// At is when the first byte of the request was handled, by the machine's clock with its monotonic
	// reading, whatever the sandbox's own clock says: differences between arrivals are real time.
	At       time.Time `json:"at"`
	Answered time.Time `json:"answered,omitzero"`
	Status   int       `json:"status,omitempty"` // 0 while unanswered, or when the connection was cut
	Applied  bool      `json:"applied"`          // whether the wall changed
	Fault    FaultKind `json:"fault,omitempty"`
	Done     bool      `json:"done"`
}

type arrivals struct {
	mu   sync.Mutex
	max  int
	list []*Arrival
}

func (a *arrivals) add(arrival Arrival) *Arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.max
	if limit <= 0 {
		limit = defaultRequests
	}
	if len(a.list) >= limit {
		a.list = append([]*Arrival(nil), a.list[len(a.list)/2+1:]...)
	}
	entry := &arrival
	a.list = append(a.list, entry)
	return entry
}

func (a *arrivals) change(entry *Arrival, change func(*Arrival)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(entry)
}

func (a *arrivals) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = nil
}

// Requests are the arrivals so far, oldest first, with what each was answered.
func (s *Sandbox) Requests() []Arrival {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	list := make([]Arrival, len(s.calls.list))
	for i, entry := range s.calls.list {
		list[i] = *entry
	}
	return list
}
