// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// seen is what this process knows of the alerts on the log. It decides nothing: every append is guarded.
type seen struct {
	mu     sync.Mutex
	alerts map[string]alert
	claims map[claimOf]claim
}

type claimOf struct{ id, way string }

// claim is that somebody is telling, and since when this process knows it, on its own monotonic clock:
// clocks of rooms are not compared.
type claim struct {
	worker string
	told   uint64
	since  time.Time
}

func newSeen() *seen { return &seen{alerts: map[string]alert{}, claims: map[claimOf]claim{}} }

// put keeps the newest state of an alert.
func (s *seen) put(e alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Seq <= s.alerts[e.State.ID].Seq {
		return
	}
	s.alerts[e.State.ID] = e
	for _, w := range e.State.Ways {
		of, now := claimOf{e.State.ID, w.Way}, claim{w.Worker, w.Told, time.Now()}
		if old := s.claims[of]; old.worker != now.worker || old.told != now.told {
			s.claims[of] = now
		}
	}
}

func (s *seen) get(id string) (alert, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.alerts[id]
	return e, ok
}

// standing are the alerts that are not over.
func (s *seen) standing() []alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []alert
	for _, e := range s.alerts {
		if e.State.State == palinsesto.AlertOpen {
			all = append(all, e)
		}
	}
	return all
}

func (s *seen) open() int { return len(s.standing()) }

// behind are the alerts that a way has to tell, and how long to wait for those that another is telling.
func (s *seen) behind(way, me string, sole bool, lapse time.Duration) (mine []alert, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, e := range s.alerts {
		if !e.State.Behind(way) {
			continue
		}
		c := s.claims[claimOf{id, way}]
		left := lapse - time.Since(c.since)
		if sole || c.worker == "" || c.worker == me || left <= 0 {
			mine = append(mine, e)
		} else if wait == 0 || left < wait {
			wait = left
		}
	}
	return mine, wait
}

// claimOn is who tells an alert one way, as far as this process knows.
func (s *seen) claimOn(id, way string) (claim, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.claims[claimOf{id, way}]
	return c, ok
}
