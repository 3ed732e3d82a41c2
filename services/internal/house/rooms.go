// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/api"
	"github.com/palinsesto/palinsesto/services/approval"
	"github.com/palinsesto/palinsesto/services/indexing"
	"github.com/palinsesto/palinsesto/services/intake"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/media"
	"github.com/palinsesto/palinsesto/services/notifying"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/publishing"
	"github.com/palinsesto/palinsesto/services/scheduling"
)

// room is one row of the table.
type room struct {
	name string
	does string
	// lists: it reads or fills the index, so that alone it is of no use without a shared one.
	lists bool
	// door: it lets people in, and is stopped before the others.
	door bool
	make func(context.Context, *House, kit) (made, error)
}

// kit is what every room is given.
type kit struct {
	cfg   *config.Config
	bus   *bus.Bus
	index *index.Index
	clock func() time.Time
	log   *slog.Logger
}

// made is a room that can run, with what only it can say of its health.
type made struct {
	run   func(context.Context) error
	ready func(context.Context) error // nil: ready while it runs
	facts func() map[string]any       // nil: none
	// progress of a rebuild of the index; nil: not this room's business
	progress func() (done, total uint64, ok bool)
}

const (
	apiRoom        = "api"
	indexingRoom   = "indexing"
	publishingRoom = "publishing"
)

// table is the house, room by room, in the order in which they are made.
func table() []room {
	return []room{
		{name: indexingRoom, does: "projects the log into the index, rebuilds and sweeps it", lists: true,
			make: func(_ context.Context, _ *House, k kit) (made, error) {
				s, err := indexing.New(k.cfg, indexing.Deps{Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run, ready: s.Ready, progress: s.Progress, facts: func() map[string]any {
					return map[string]any{"leads": s.Leads(), "skipped": s.Skipped()}
				}}, nil
			}},
		{name: "intake", does: "takes segnalazioni in, and their revisions", lists: true,
			make: func(_ context.Context, _ *House, k kit) (made, error) {
				s, err := intake.New(k.cfg, intake.Deps{Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run}, nil
			}},
		{name: "approval", does: "carries out what people decide about segnalazioni", lists: true,
			make: func(_ context.Context, _ *House, k kit) (made, error) {
				s, err := approval.New(k.cfg, approval.Deps{Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run}, nil
			}},
		{name: "media", does: "cleans uploaded files and makes what networks take",
			make: func(_ context.Context, _ *House, k kit) (made, error) {
				s, err := media.New(k.cfg, media.Deps{Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run}, nil
			}},
		{name: "scheduling", does: "makes posts and hands them over when they are due", lists: true,
			make: func(_ context.Context, h *House, k kit) (made, error) {
				s, err := scheduling.New(k.cfg, scheduling.Deps{Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log, Metrics: h.metrics})
				if err != nil {
					return made{}, err
				}
				p := pulse{last: s.LastPass, off: s.ClockOff, clock: k.clock}
				return made{run: s.Run, ready: p.ready, facts: p.facts}, nil
			}},
		{name: publishingRoom, does: "takes what is due to its channel and records what became of it", lists: true,
			make: func(_ context.Context, h *House, k kit) (made, error) {
				s, err := publishing.New(k.cfg, publishing.Deps{
					Bus: k.bus, Index: k.index, Channels: h.channels, Clock: k.clock, Log: k.log,
					Worker: h.worker, Metrics: h.metrics,
					// Nobody else can publish from a log that is in our locked folder.
					Sole: h.server != nil,
				})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run, ready: func(context.Context) error { return clockReady(s.ClockOff()) },
					facts: func() map[string]any { return map[string]any{"clock_off_ms": s.ClockOff().Milliseconds()} }}, nil
			}},
		{name: "notifying", does: "tells operators what needs a person, once per cause", lists: true,
			make: func(_ context.Context, h *House, k kit) (made, error) {
				s, err := notifying.New(k.cfg, notifying.Deps{
					Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log, Worker: h.worker, Sole: h.server != nil,
					Report: h.Report, Rooms: Names(), PublicURL: h.Public, Metrics: h.metrics,
				})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run, facts: s.Facts}, nil
			}},
		{name: apiRoom, does: "answers HTTP: turns requests into commands, and the log into answers", lists: true, door: true,
			make: func(ctx context.Context, h *House, k kit) (made, error) {
				l, err := h.door.listener(ctx)
				if err != nil {
					return made{}, err
				}
				s, err := api.New(k.cfg, api.Deps{
					Bus: k.bus, Index: k.index, Clock: k.clock, Log: k.log, Listener: l, Extra: h.pages(), Tracer: h.tracing.Tracer(),
					Check: func(ctx context.Context) ([]palinsesto.Problem, error) { return checkRunning(ctx, k.bus, k.index) },
				})
				if err != nil {
					return made{}, err
				}
				return made{run: s.Run}, nil
			}},
	}
}

// Names are the rooms that there are, in the order of the table.
func Names() []string {
	var names []string
	for _, r := range table() {
		names = append(names, r.name)
	}
	return names
}

// chosen are the rooms with these names; no names: all.
func chosen(names []string) ([]room, error) {
	all := table()
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(r room) bool { return r.name == n }) {
			return nil, fmt.Errorf("la stanza %q non esiste: ci sono %s (no such room)", n, strings.Join(Names(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(r room) bool { return !slices.Contains(names, r.name) }), nil
}

// pulse is scheduling's heartbeat.
type pulse struct {
	last  func() time.Time
	off   func() time.Duration
	clock func() time.Time
}

const (
	// passMost is how old the newest look at the due queue may be.
	passMost = 15 * time.Second
	// offMost is how far the log's clock may be from ours: beyond it nothing is claimed nor published.
	offMost = 2 * time.Second
)

func (p pulse) ready(context.Context) error {
	if err := clockReady(p.off()); err != nil {
		return err
	}
	if age := p.clock().Sub(p.last()); age > passMost {
		return fmt.Errorf("la coda non viene guardata da troppo tempo (the due queue was not looked at for too long)")
	}
	return nil
}

func clockReady(off time.Duration) error {
	if off.Abs() <= offMost {
		return nil
	}
	return fmt.Errorf("l'orologio differisce di %s da quello del registro: sincronizzarli (NTP); fino ad allora non si pubblica (the clock is off)", off.Round(time.Millisecond))
}

func (p pulse) facts() map[string]any {
	f := map[string]any{"clock_off_ms": p.off().Milliseconds()}
	if last := p.last(); last.Unix() > 0 {
		f["last_pass_age_ms"] = p.clock().Sub(last).Milliseconds()
	}
	return f
}
