// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sandbox is the world outside: a strict program that speaks the networks' APIs, keeps a wall of
// what the public would see, and fails on demand.
//
// The wall is the truth of what was published; what an API answers is a separate thing, and a fault may
// make the two differ. Networks are mounted under their own path and share the wall, the faults, the clock
// and the log of arrivals. Nothing here imports the adapters it stands opposite to.
package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Clock tells the sandbox's time: dates of messages, rate budgets and the age of what is to be deleted.
type Clock func() time.Time

// Options of a Sandbox; the zero value is a sandbox in memory on the system's clock.
type Options struct {
	Clock Clock
	Log   *slog.Logger
	// Zone is the one in which the wall page shows times (default Europe/Rome).
	Zone *time.Location
	// File, when set, is a journal of the wall (JSON lines) that is read at the start and appended to;
	// media lie in the folder File + ".media". Nothing is flushed: this is a play-world.
	File string
	// MaxRequests bounds the arrivals that are remembered (default 50,000; the oldest half goes).
	MaxRequests int
	// MaxMediaBytes bounds the media kept in memory when there is no File (default 512 MiB).
	MaxMediaBytes int64
	// Hosts are names by which people reach it besides localhost and addresses of digits.
	Hosts []string
}

// Account is one channel of a network that the wall shows, also before its first message.
type Account struct {
	Network string `json:"network"`
	Name    string `json:"name"` // as on the wall's items
	ID      string `json:"id,omitempty"`
	Title   string `json:"title,omitempty"`
}

// Sandbox holds what all networks share; it is an http.Handler with the networks mounted under their name.
type Sandbox struct {
	clock Clock
	log   *slog.Logger
	zone  *time.Location

	wall   wall
	media  mediaStore
	calls  arrivals
	faults Faults
	signal signal
	pages  http.Handler
	door   http.Handler // all of it, for who asks by a name of its own
	guard  *http.CrossOriginProtection

	mu       sync.Mutex
	networks map[string]http.Handler
	accounts []Account
	onReset  []func()
	closed   chan struct{}
	once     sync.Once
}

// New makes a sandbox; with Options.File it reads the wall back and fails when that cannot be read.
func New(o Options) (*Sandbox, error) {
	s := &Sandbox{
		clock: o.Clock, log: o.Log, zone: o.Zone,
		networks: map[string]http.Handler{}, closed: make(chan struct{}),
		guard: http.NewCrossOriginProtection(),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.zone == nil {
		s.zone = defaultZone()
	}
	s.calls.max = o.MaxRequests
	s.media.init(o)
	if err := s.wall.open(o.File, s.log); err != nil {
		return nil, fmt.Errorf("sandbox: il muro %s non si apre: %w", o.File, err)
	}
	s.pages = s.routes()
	s.door = atHome(o.Hosts, http.HandlerFunc(s.serve))
	return s, nil
}

func defaultZone() *time.Location {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		return time.UTC
	}
	return zone
}

// Now is the sandbox's time.
func (s *Sandbox) Now() time.Time { return s.clock() }

// Log is for the networks; they never write a token to it.
func (s *Sandbox) Log() *slog.Logger { return s.log }

// Done is closed when the sandbox closes; calls that wait for news end then.
func (s *Sandbox) Done() <-chan struct{} { return s.closed }

// Mount serves a network's API under /name/; onReset, if not nil, is called when everything is wiped.
func (s *Sandbox) Mount(name string, h http.Handler, onReset func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.networks[name] = http.StripPrefix("/"+name, h)
	if onReset != nil {
		s.onReset = append(s.onReset, onReset)
	}
}

// Declare puts accounts on the wall page before anything is published on them.
func (s *Sandbox) Declare(accounts ...Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts = append(s.accounts, accounts...)
}

// Accounts lists what was declared.
func (s *Sandbox) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Account(nil), s.accounts...)
}

// ServeHTTP lets in who asks for the sandbox by a name of its own.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.door.ServeHTTP(w, r) }

// serve hands /<network>/… to that network and the rest to the wall's own pages. Networks are matched
// before any ServeMux, which would redirect unclean paths: a real API does not.
func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	network := s.networks[name]
	s.mu.Unlock()
	if network != nil {
		network.ServeHTTP(w, r)
		return
	}
	s.pages.ServeHTTP(w, r)
}

// Reset wipes the wall with its journal and media, the arrivals, the faults and the networks' memory.
func (s *Sandbox) Reset() error {
	s.mu.Lock()
	hooks := append([]func(){}, s.onReset...)
	s.mu.Unlock()
	s.faults.Clear()
	s.calls.clear()
	err := errors.Join(s.wall.clear(), s.media.clear())
	for _, hook := range hooks {
		hook()
	}
	s.signal.fire()
	return err
}

// Close lets go of every call that a fault keeps waiting and closes the journal.
func (s *Sandbox) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = s.wall.close()
	})
	return err
}
