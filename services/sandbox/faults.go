// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultKind is a way to fail.
type FaultKind string

// The faults of the wire: with Fault.Applied the call takes effect first, without it the wall stays as it is.
const (
	FaultDrop        FaultKind = "drop"         // the connection is closed without an answer
	FaultReset       FaultKind = "reset"        // the same, by a TCP reset
	FaultHalf        FaultKind = "half"         // the connection is closed in the middle of the answer
	FaultServerError FaultKind = "server_error" // 500 in the network's own form
	FaultBadGateway  FaultKind = "bad_gateway"  // 502 with an HTML page, as from a front server
	FaultSlow        FaultKind = "slow"         // Delay before (or, applied, after) the effect, then the true answer
	FaultHang        FaultKind = "hang"         // no answer until the client leaves
	FaultWrongJSON   FaultKind = "wrong_json"   // 200 with JSON of another shape
	FaultEndless     FaultKind = "endless"      // 200 with a body that does not end (Bytes bounds it)
	FaultRedirect    FaultKind = "redirect"     // 307 to Location (default: the very same address)
	FaultStale       FaultKind = "stale"        // the true answer, then the kept-alive connection is closed
)

// The refusals, answered in the network's own form; nothing is applied.
const (
	FaultRateLimit    FaultKind = "rate_limit" // RetryAfter seconds
	FaultUnauthorized FaultKind = "unauthorized"
	FaultKicked       FaultKind = "kicked"
	FaultNoTarget     FaultKind = "chat_not_found"
	FaultMigrate      FaultKind = "migrate" // MigrateTo is the new id
)

var (
	wireFaults = []FaultKind{
		FaultDrop, FaultReset, FaultHalf, FaultServerError, FaultBadGateway, FaultSlow, FaultHang,
		FaultWrongJSON, FaultEndless, FaultRedirect, FaultStale,
	}
	refusals = []FaultKind{FaultRateLimit, FaultUnauthorized, FaultKicked, FaultNoTarget, FaultMigrate}
)

// maxFaults and maxDelay bound what a script may ask for.
const (
	maxFaults = 1000
	maxDelay  = 10 * time.Minute
)

// Fault makes calls fail that match: an empty Network, Account or Method matches all of them.
type Fault struct {
	ID      int       `json:"id"` // given by Add
	Kind    FaultKind `json:"kind"`
	Network string    `json:"network,omitempty"`
	Account string    `json:"account,omitempty"` // target by name or id, or the caller's name
	Method  string    `json:"method,omitempty"`  // case does not matter

	Applied     bool    `json:"applied,omitempty"`
	Skip        int     `json:"skip,omitempty"`        // so many matching calls pass first
	Count       int     `json:"count,omitempty"`       // strikes so many times; 0: until cleared
	Probability float64 `json:"probability,omitempty"` // 0 is always; else by a generator from Seed
	Seed        uint64  `json:"seed,omitempty"`

	Delay      time.Duration `json:"-"` // "delay" in JSON, as "1.5s"; before the strike
	RetryAfter int           `json:"retry_after,omitempty"`
	MigrateTo  int64         `json:"migrate_to,omitempty"`
	Location   string        `json:"location,omitempty"`
	Bytes      int64         `json:"bytes,omitempty"`

	Seen int `json:"seen"` // matching calls so far
	Hits int `json:"hits"` // of them, struck
}

type plainFault Fault // without the methods, for JSON

type faultJSON struct {
	plainFault
	Delay string `json:"delay,omitempty"`
}

// MarshalJSON writes the delay as people write it.
func (f Fault) MarshalJSON() ([]byte, error) {
	out := faultJSON{plainFault: plainFault(f)}
	if f.Delay != 0 {
		out.Delay = f.Delay.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var in faultJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = Fault(in.plainFault)
	if in.Delay == "" {
		return nil
	}
	delay, err := time.ParseDuration(in.Delay)
	if err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	f.Delay = delay
	return nil
}

// Validate says everything that is wrong with a fault.
func (f Fault) Validate() error {
	var errs []error
	fail := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	wire, refusal := slices.Contains(wireFaults, f.Kind), slices.Contains(refusals, f.Kind)
	fail(!wire && !refusal, fmt.Sprintf("kind: %q non è un guasto; ci sono %v e %v", f.Kind, wireFaults, refusals))
	fail(refusal && f.Applied, "applied: un rifiuto non applica nulla, togliere applied")
	fail(f.Kind == FaultSlow && f.Delay == 0, "delay: serve, per esempio \"2s\"")
	fail(f.Delay < 0 || f.Delay > maxDelay, "delay: da 0 a 10m")
	fail(f.Skip < 0 || f.Count < 0, "skip, count: non negativi")
	fail(!(f.Probability >= 0 && f.Probability <= 1), "probability: da 0 a 1")
	fail(f.RetryAfter < 0 || f.RetryAfter > 86400, "retry_after: da 0 a 86400 secondi")
	fail(f.Kind == FaultMigrate && f.MigrateTo == 0, "migrate_to: serve il nuovo id")
	fail(f.Bytes < 0, "bytes: non negativo")
	fail(strings.ContainsAny(f.Location, "\r\n"), "location: una riga sola")
	return errors.Join(errs...)
}

// Faults is the script of failures; the first in order that matches a call strikes it.
type Faults struct {
	mu     sync.Mutex
	lastID int
	list   []*armed
}

type armed struct {
	Fault
	dice *rand.Rand
}

// Add appends a fault and returns its id.
func (f *Faults) Add(fault Fault) (int, error) {
	if err := fault.Validate(); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= maxFaults {
		return 0, fmt.Errorf("ci sono già %d guasti: cancellarne", maxFaults)
	}
	f.lastID++
	fault.ID, fault.Seen, fault.Hits = f.lastID, 0, 0
	f.list = append(f.list, &armed{fault, rand.New(rand.NewPCG(fault.Seed, 0))})
	return fault.ID, nil
}

// Remove takes one fault away; false when there is none with that id.
func (f *Faults) Remove(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.list)
	f.list = slices.DeleteFunc(f.list, func(a *armed) bool { return a.ID == id })
	return len(f.list) < before
}

// Clear takes all faults away; calls that one holds already stay held.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// List shows the faults with how often each struck, the spent ones included.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Fault, len(f.list))
	for i, a := range f.list {
		list[i] = a.Fault
	}
	return list
}

// strike picks the fault for a call and counts it.
func (f *Faults) strike(c Call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.list {
		if a.matches(c) && a.fires() {
			return a.Fault, true
		}
	}
	return Fault{}, false
}

func (f Fault) matches(c Call) bool {
	return (f.Network == "" || f.Network == c.Network) &&
		(f.Method == "" || strings.EqualFold(f.Method, c.Method)) &&
		(f.Account == "" || slices.ContainsFunc(c.names(), func(n string) bool { return strings.EqualFold(n, f.Account) }))
}

// fires rolls the dice only for calls that match, so that a seed gives the same story whatever else is sent.
func (a *armed) fires() bool {
	if a.Count > 0 && a.Hits >= a.Count {
		return false
	}
	a.Seen++
	if a.Seen <= a.Skip || a.Probability > 0 && a.dice.Float64() >= a.Probability {
		return false
	}
	a.Hits++
	return true
}
