// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// measureRooms tells room by room what only this process knows.
func (h *House) measureRooms() {
	h.metrics.Add(
		telemetry.Sample{Name: "palinsesto_room_ready", Help: "1 when the room can do its work.", Labels: []string{"room"},
			Read: func(ctx context.Context, tell func(float64, ...string)) error {
				for name, r := range h.Report(ctx).Rooms {
					tell(one(r.Ready), name)
				}
				return nil
			}},
		h.fact("palinsesto_scheduling_last_pass_age_seconds", "Time since the due queue was last looked at with success.", "last_pass_age_ms"),
		h.fact("palinsesto_clock_offset_seconds", "By how much the log's clock is ahead of the room's.", "clock_off_ms"),
		telemetry.Sample{Name: "palinsesto_bus_appends_total", Help: "Appends to the log, by room and outcome (stored, stale: decided again, failed).",
			Labels: []string{"room", "outcome"}, Counter: true,
			Read: h.appends(func(a bus.Appends, room string, tell func(float64, ...string)) {
				tell(float64(a.Stored), room, "stored")
				tell(float64(a.Stale), room, "stale")
				tell(float64(a.Failed), room, "failed")
			})},
		telemetry.Sample{Name: "palinsesto_bus_batches_total", Help: "Atomic batches of appends that shared one flush to disk.", Labels: []string{"room"}, Counter: true,
			Read: h.appends(func(a bus.Appends, room string, tell func(float64, ...string)) { tell(float64(a.Batches), room) })},
		telemetry.Sample{Name: "palinsesto_bus_batched_appends_total", Help: "Appends that went in a batch.", Labels: []string{"room"}, Counter: true,
			Read: h.appends(func(a bus.Appends, room string, tell func(float64, ...string)) { tell(float64(a.Batched), room) })},
		telemetry.Sample{Name: "palinsesto_consumer_events_total", Help: "Events that this process was handed, by outcome (handled, later, failed: it comes again, buried: a dead letter).",
			Labels: []string{"room", "consumer", "outcome"}, Counter: true,
			Read: h.consumers(func(c bus.Consumed, room string, tell func(float64, ...string)) {
				tell(float64(c.Handled), room, c.Name, "handled")
				tell(float64(c.Later), room, c.Name, "later")
				tell(float64(c.Failed), room, c.Name, "failed")
				tell(float64(c.Buried), room, c.Name, "buried")
			})},
		telemetry.Sample{Name: "palinsesto_consumer_pending_events", Help: "Events on the log that no copy of the room has been handed yet.", Labels: []string{"room", "consumer"},
			Read: h.consumers(func(c bus.Consumed, room string, tell func(float64, ...string)) {
				if c.Known {
					tell(float64(c.Pending), room, c.Name)
				}
			})},
		telemetry.Sample{Name: "palinsesto_consumer_unacknowledged_events", Help: "Events handed out, and neither done nor given up.", Labels: []string{"room", "consumer"},
			Read: h.consumers(func(c bus.Consumed, room string, tell func(float64, ...string)) {
				if c.Known {
					tell(float64(c.Unacknowledged), room, c.Name)
				}
			})},
	)
}

type reader = func(context.Context, func(float64, ...string)) error

func (h *House) appends(take func(bus.Appends, string, func(float64, ...string))) reader {
	return func(_ context.Context, tell func(float64, ...string)) error {
		for _, u := range h.units {
			take(u.bus.Appends(), u.room.name, tell)
		}
		return nil
	}
}

func (h *House) consumers(take func(bus.Consumed, string, func(float64, ...string))) reader {
	return func(ctx context.Context, tell func(float64, ...string)) error {
		for _, u := range h.units {
			for _, c := range u.bus.Consumers(ctx) {
				take(c, u.room.name, tell)
			}
		}
		return nil
	}
}

// fact is a figure in milliseconds that a room tells in its readiness.
func (h *House) fact(name, help, key string) telemetry.Sample {
	return telemetry.Sample{Name: name, Help: help, Labels: []string{"room"},
		Read: func(ctx context.Context, tell func(float64, ...string)) error {
			for room, r := range h.Report(ctx).Rooms {
				if ms, ok := r.Facts[key].(int64); ok {
					tell(float64(ms)/1000, room)
				}
			}
			return nil
		}}
}
