// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// keeper remembers between two looks what is not an alert yet, and what may be over.
type keeper struct {
	pending map[string]pending
	gone    map[string]time.Time // since when the cause of a standing alert was not seen
	direct  map[string]condition // told past the log, which could not take it
}

type pending struct {
	since, grew time.Time // on this process's monotonic clock
	count       int
}

func newKeeper() keeper {
	return keeper{pending: map[string]pending{}, gone: map[string]time.Time{}, direct: map[string]condition{}}
}

// look compares what is wrong with the alerts that stand: raises, grows, reminds, and says what is over.
func (s *Service) look(ctx context.Context) {
	now := s.see(ctx)
	if ctx.Err() != nil {
		return // a look that was cut short shows nothing
	}
	for id, c := range now.wrong {
		delete(s.keep.gone, id)
		if e, ok := s.seen.get(id); ok && e.State.State == palinsesto.AlertOpen {
			delete(s.keep.pending, id)
			s.grow(ctx, e, c)
		} else if s.lasted(id, c) {
			s.raise(ctx, id, c)
		}
	}
	for id := range s.keep.pending {
		if _, still := now.wrong[id]; !still {
			delete(s.keep.pending, id)
		}
	}
	s.clear(ctx, now)
}

// lasted tells whether a condition has lasted, and stopped growing, for long enough to be told.
func (s *Service) lasted(id string, c condition) bool {
	now := time.Now()
	p, known := s.keep.pending[id]
	if !known {
		p = pending{since: now, grew: now, count: c.count}
	}
	if c.count != p.count {
		p.count, p.grew = c.count, now
	}
	s.keep.pending[id] = p
	if c.settles && now.Sub(p.since) < s.pace.settleMost {
		return now.Sub(p.grew) >= c.after
	}
	return now.Sub(p.since) >= c.after
}

// raise makes the alert stand. Of two copies of the room one wins.
func (s *Service) raise(ctx context.Context, id string, c condition) {
	event := palinsesto.AlertWasRaised
	err := s.change(ctx, id, func(a palinsesto.Alert) (string, palinsesto.Alert) {
		if a.State == palinsesto.AlertOpen {
			return "", a
		}
		was := a
		a = palinsesto.Alert{ID: id, Kind: c.kind, Scope: c.scope, Cause: c.cause, State: palinsesto.AlertOpen,
			Count: c.count, Examples: c.examples, Detail: c.detail, Raised: s.Clock(), Message: was.Message, Ways: was.Ways}
		a = a.Say(s.Clock(), s.wayNames())
		if _, told := s.keep.direct[id]; told {
			a = toldAll(a)
		}
		return event, a
	})
	if err != nil {
		s.Log.Warn("alert not written, tried again", "kind", c.kind, "scope", c.scope, "error", err)
		s.tellDirect(id, c)
		return
	}
	delete(s.keep.direct, id)
	delete(s.keep.pending, id)
}

// toldAll marks a message as told: it was, past the log.
func toldAll(a palinsesto.Alert) palinsesto.Alert {
	for _, w := range a.Ways {
		w.Told = a.Message
		a = a.SetWay(w)
	}
	return a
}

// grow says again what stands: when there is more of it and the quiet time has passed, or as a reminder.
func (s *Service) grow(ctx context.Context, e alert, c condition) {
	if s.again(e.State, c) == "" {
		return
	}
	err := s.change(ctx, e.State.ID, func(a palinsesto.Alert) (string, palinsesto.Alert) {
		event := s.again(a, c)
		if event == "" {
			return "", a
		}
		a.Count, a.Examples, a.Detail = c.count, c.examples, c.detail
		return event, a.Say(s.Clock(), s.wayNames())
	})
	if err != nil {
		s.Log.Warn("alert not written, tried again", "kind", c.kind, "scope", c.scope, "error", err)
	}
}

// again is the event that says an alert once more; empty: it is not said.
func (s *Service) again(a palinsesto.Alert, c condition) string {
	since := s.Clock().Sub(a.Decided)
	switch {
	case a.State != palinsesto.AlertOpen:
		return ""
	case c.count > a.Count && (c.grave || since >= s.cfg.Alerts.Quiet):
		return palinsesto.AlertWasGrown
	case s.cfg.Alerts.Remind > 0 && since >= s.cfg.Alerts.Remind:
		return palinsesto.AlertWasReminded
	default:
		return ""
	}
}

// clear ends the alerts whose cause is gone.
func (s *Service) clear(ctx context.Context, now picture) {
	for _, e := range s.seen.standing() {
		a := e.State
		if _, still := now.wrong[a.ID]; still || !now.known[family(a.Kind)] {
			continue
		}
		since, noticed := s.keep.gone[a.ID]
		if !noticed {
			s.keep.gone[a.ID] = time.Now()
			continue
		}
		if time.Since(since) < s.pace.well {
			continue
		}
		if err := s.over(ctx, a.ID); err != nil {
			s.Log.Warn("end of an alert not written, tried again", "kind", a.Kind, "scope", a.Scope, "error", err)
			continue
		}
		delete(s.keep.gone, a.ID)
	}
	for id, c := range s.keep.direct {
		if _, still := now.wrong[id]; !still {
			delete(s.keep.direct, id)
			s.queueDirect(s.ended(id, c))
		}
	}
}

// over writes the end and has it told, to those who were told of the beginning or will be.
func (s *Service) over(ctx context.Context, id string) error {
	return s.change(ctx, id, func(a palinsesto.Alert) (string, palinsesto.Alert) {
		if a.State != palinsesto.AlertOpen {
			return "", a
		}
		a.State, a.Over = palinsesto.AlertOver, s.Clock()
		if a.Kind == palinsesto.AlertNothingDue && !s.openDay() {
			return palinsesto.AlertWasOver, a // the day has passed: nothing was mended
		}
		return palinsesto.AlertWasOver, a.Say(s.Clock(), s.wayNames())
	})
}

// change decides on an alert as it stands on the log and appends; no event changes nothing.
func (s *Service) change(ctx context.Context, id string, decide func(palinsesto.Alert) (string, palinsesto.Alert)) error {
	env := contract.Envelope{Actor: s.actor, At: s.Clock()}
	e, err := bus.Update(ctx, s.Bus, contract.Alerts, contract.AlertSubject(id), env,
		func(cur alert) (bus.Decision[palinsesto.Alert], error) {
			event, next := decide(cur.State)
			return bus.Decision[palinsesto.Alert]{Event: event, State: next}, nil
		})
	if err == nil && e.Seq > 0 {
		s.noted(e)
	}
	return err
}

func (s *Service) wayNames() []string {
	names := make([]string, len(s.ways))
	for i, w := range s.ways {
		names[i] = w.name
	}
	return names
}

// tellDirect tells what the log cannot take, because it is away or full: from memory, once by each copy of
// the room. When the log is back, the alert is written as told.
func (s *Service) tellDirect(id string, c condition) {
	if _, told := s.keep.direct[id]; told || c.kind != palinsesto.AlertLog && time.Since(s.keep.pending[id].since) < c.after+s.pace.ill {
		return // the log may only have been busy
	}
	s.keep.direct[id] = c
	s.queueDirect(palinsesto.Alert{ID: id, Kind: c.kind, Scope: c.scope, Cause: c.cause, State: palinsesto.AlertOpen,
		Count: c.count, Examples: slices.Clone(c.examples), Detail: c.detail, Raised: s.Clock(), Decided: s.Clock()})
}

func (s *Service) ended(id string, c condition) palinsesto.Alert {
	return palinsesto.Alert{ID: id, Kind: c.kind, Scope: c.scope, Cause: c.cause, State: palinsesto.AlertOver,
		Count: c.count, Detail: c.detail, Over: s.Clock(), Decided: s.Clock()}
}

func (s *Service) queueDirect(a palinsesto.Alert) {
	for _, w := range s.ways {
		w.queue(a)
	}
}
