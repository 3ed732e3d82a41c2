// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// unit is a room in this process.
type unit struct {
	room   room
	log    *slog.Logger
	bus    *bus.Bus
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	made     made
	state    string
	restarts int
	last     string // why it was last started again
}

// The states of a unit.
const (
	starting   = "starting"
	runs       = "running"
	restarting = "restarting"
	stopped    = "stopped"
)

func (u *unit) set(m made) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.made, u.state = m, starting
}

func (u *unit) now(state string) made {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state = state
	return u.made
}

func (u *unit) failed(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state, u.last = restarting, string(telemetry.Redact([]byte(err.Error())))
	u.restarts++
}

const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 30 * time.Second
	// settled: a room that ran so long is well again, and its next fault is a new one.
	settled = time.Minute
)

// errEnded is a room that stopped although nobody asked it to.
var errEnded = errors.New("la stanza si è fermata da sola (it ended by itself)")

// keep runs a room, and again when it ends with an error, until ctx ends. The error is that of a room
// that cannot be made any more.
func (h *House) keep(ctx context.Context, u *unit) error {
	again := firstRestart
	for {
		began := time.Now()
		err := u.now(runs).run(ctx)
		if ctx.Err() != nil {
			u.now(stopped)
			if err != nil && !errors.Is(err, context.Canceled) {
				u.log.Warn("the room did not stop cleanly", "error", err)
			}
			return nil
		}
		if err == nil {
			err = errEnded
		}
		if time.Since(began) > settled {
			again = firstRestart
		}
		u.failed(err)
		h.metrics.Restarted(u.room.name)
		u.log.Error("the room ended with an error and is started again", "error", err, "in", again)
		if !wait.For(ctx, again) {
			u.now(stopped)
			return nil
		}
		again = min(2*again, lastRestart)
		if err := h.makeRoom(ctx, u); err != nil {
			return err
		}
	}
}

// report is the room's state for /readyz.
func (u *unit) report(ctx context.Context) telemetry.RoomReport {
	u.mu.Lock()
	r := telemetry.RoomReport{State: u.state, Restarts: u.restarts, Error: u.last}
	m := u.made
	u.mu.Unlock()
	r.Bus = u.bus.Connected()
	r.Ready = r.State == runs && r.Bus
	if r.State == runs {
		r.Error = ""
	}
	if !r.Bus {
		r.Error = "il registro non si raggiunge (the log cannot be reached)"
	}
	if m.facts != nil {
		r.Facts = m.facts()
	}
	if r.Ready && m.ready != nil {
		if err := m.ready(ctx); err != nil {
			r.Ready, r.Error = false, err.Error()
		}
	}
	return r
}

func (u *unit) String() string { return fmt.Sprintf("room %s", u.room.name) }
