// SPDX-License-Identifier: AGPL-3.0-or-later

// Package house puts the rooms together: the log and the index first, then every room that was asked
// for with a connection of its own, one table of them (rooms.go), and a stop in the reverse order.
//
// The all-in-one and a single room are the same code; what differs is where the log and the index are
// (see open in parts.go), and no room can tell.
package house

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Options say what to run, and on what.
type Options struct {
	Config *config.Config
	Data   string // folder of what is kept here; locked while the log is in it
	State  string // folder of what must not go back with the data; empty: beside Data, none where the log is elsewhere
	// NATSURL is a server that is not ours; empty: embedded, its files under Data.
	NATSURL, NATSUser, NATSPassword string
	// NATSMonitor is that server's monitoring address (http://host:8222), where its settings can be seen.
	NATSMonitor string
	Replicas    int    // of what is made on that server's cluster; 0 counts as 1
	RedisURL    string // empty: an index in this process
	Listen      string // of the API; in a process without the API, of its health pages, empty: none
	PublicURL   string // how people reach the API; empty: as it listens
	Rooms       []string
	Log         *slog.Logger
	Clock       func() time.Time
}

// House is a number of rooms in one process.
type House struct {
	o        Options
	log      *slog.Logger
	metrics  *telemetry.Metrics
	tracing  *telemetry.Tracing // nil: off
	worker   string             // names this process and this start of it
	folder   *folder
	server   *embednats.Server // nil where the log is not ours
	index    *index.Index
	channels map[string]channel.Channel
	door     *door
	units    []*unit
	undo     []func() // what New opened, newest last
	closed   sync.Once
	sync     syncWatch
	outside  *backup.Outside // nil where nothing is kept outside the data folder
	unmarked string          // why not, for people
	keeper   *backup.Keeper  // nil where no copies are scheduled here
}

// Version of the program.
const Version = bus.Version

// stopWait bounds a graceful stop: whoever restarts machines kills after it.
const stopWait = 20 * time.Second

// New opens the log and the index and makes every room; nothing runs before Run. What cannot be made
// is said at once, and everything opened is closed again.
func New(ctx context.Context, o Options) (*House, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = failpoint.Clock()
	}
	h := &House{o: o, log: o.Log, metrics: telemetry.NewMetrics(bus.Version), worker: workerName()}
	err := h.trace()
	if err == nil {
		err = h.open(ctx)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Run runs the rooms until ctx ends or one cannot be made again; then it stops them within 20 seconds
// and closes everything.
func (h *House) Run(ctx context.Context) error {
	defer h.Close()
	rooms, failed := h.start(ctx)
	var err error
	select {
	case <-ctx.Done():
		h.log.Info("stopping: what is being sent is finished, nothing new begins", "under_way", h.UnderWay(), "at_most", stopWait)
	case err = <-failed:
	}
	if err = errors.Join(err, h.stop(rooms)); err == nil {
		h.Close()
		h.log.Info("stopped: everything is kept")
	}
	return err
}

// UnderWay is how many posts are being sent just now, as the index has it.
func (h *House) UnderWay() int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	page, err := h.index.List(ctx, index.Query{Set: "post", Facets: []string{"state=" + string(palinsesto.PostPublishing)}, Limit: 1})
	if err != nil {
		return 0
	}
	return page.Total
}

// start sets the rooms going; the channel tells of one that cannot be made again.
func (h *House) start(ctx context.Context) (*running, <-chan error) {
	r := &running{done: make(chan struct{})}
	failed := make(chan error, len(h.units)+1)
	// The rooms outlive ctx: they are stopped one wave after the other.
	base := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for _, u := range h.units {
		uctx, cancel := context.WithCancel(base)
		u.cancel, u.ended = cancel, make(chan struct{})
		wg.Go(func() {
			defer close(u.ended)
			if err := h.keep(uctx, u); err != nil {
				failed <- err
			}
		})
	}
	background, cancel := context.WithCancel(base)
	r.background = cancel
	wg.Go(func() { h.watch(background) })
	wg.Go(func() { h.noteOutside(background) })
	wg.Go(func() { h.keepCopies(background) })
	if h.door != nil && !h.has(apiRoom) {
		wg.Go(func() { h.door.serveHealth(background, h, failed) })
	}
	go func() { wg.Wait(); close(r.done) }()
	return r, failed
}

type running struct {
	background context.CancelFunc
	done       chan struct{}
}

// stop closes the doors first, so that nobody is let in whose command no room would carry out any more.
func (h *House) stop(r *running) error {
	limit := time.NewTimer(stopWait)
	defer limit.Stop()
	for _, wave := range []bool{true, false} {
		for _, u := range h.units {
			if u.room.door == wave {
				u.cancel()
			}
		}
		if !wave {
			r.background()
			break
		}
		for _, u := range h.units {
			if u.room.door {
				waitFor(u.ended, stopWait/4)
			}
		}
	}
	select {
	case <-r.done:
		return nil
	case <-limit.C:
		return fmt.Errorf("non tutto si è fermato in %s, si chiude comunque; nulla di confermato va perso (these rooms did not stop in time: %v)", stopWait, h.stillRunning())
	}
}

func waitFor(ended <-chan struct{}, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	}
}

func (h *House) stillRunning() []string {
	var names []string
	for _, u := range h.units {
		select {
		case <-u.ended:
		default:
			names = append(names, u.room.name)
		}
	}
	return names
}

// Close lets go of what New opened, the log last. Run does it by itself.
func (h *House) Close() {
	h.closed.Do(func() {
		for i := len(h.undo) - 1; i >= 0; i-- {
			h.undo[i]()
		}
	})
}

func (h *House) later(undo func()) { h.undo = append(h.undo, undo) }

// URL is where the API listens; empty where this process has none.
func (h *House) URL() string {
	if h.door == nil {
		return ""
	}
	return "http://" + h.door.address()
}

// Public is how people reach the API.
func (h *House) Public() string { return cmp.Or(strings.TrimRight(h.o.PublicURL, "/"), h.URL()) }

// NATSURL is where the embedded log can be reached on this machine, without credentials.
func (h *House) NATSURL() string {
	if h.server == nil {
		return ""
	}
	return h.server.URL()
}

// readyEvery is how often Ready looks. It is for tests, the demo and start-up lines, not for a crowd.
const readyEvery = 5 * time.Millisecond

// Ready waits until the house can do its work.
func (h *House) Ready(ctx context.Context) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		rep := h.Report(ctx)
		if rep.Ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("non ancora pronto (not ready): %s: %w", why(rep), ctx.Err())
		case <-tick.C:
		}
	}
}

func (h *House) has(room string) bool {
	for _, u := range h.units {
		if u.room.name == room {
			return true
		}
	}
	return false
}

var errNoListener = errors.New("house: no address to listen on")

// door is the address that the house listens on. It is taken in New, so that a port in use is told at
// once; a room that is started again takes it anew.
type door struct {
	mu    sync.Mutex
	first net.Listener
	addr  string
}

func openDoor(ctx context.Context, listen string) (*door, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("l'indirizzo %s è occupato da un altro programma: scegliere un'altra porta con --listen (the address is in use): %w", listen, err)
	case err != nil:
		return nil, fmt.Errorf("l'indirizzo %s non si può usare: --listen vuole HOST:PORTA di questa macchina, come 127.0.0.1:8080 (cannot listen): %w", listen, err)
	}
	return &door{first: l, addr: l.Addr().String()}, nil
}

func (d *door) address() string { return d.addr }

// listener hands out the open one, or takes the address again.
func (d *door) listener(ctx context.Context) (net.Listener, error) {
	if d == nil {
		return nil, errNoListener
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.first; l != nil {
		d.first = nil
		return l, nil
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", d.addr)
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first != nil {
		_ = d.first.Close() // nobody was let in
		d.first = nil
	}
}
