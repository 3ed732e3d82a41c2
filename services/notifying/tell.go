// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// sender brings one message to people. An error means that it may be tried again.
type sender interface {
	send(ctx context.Context, m message) error
}

// message is what is told at once: several alerts that wait together are one message.
type message struct {
	id      string // the same for the same alerts, so that a mailbox may recognise a repeat
	subject string
	body    string
	silent  bool // nothing but good news
}

// way is one way of telling.
type way struct {
	name string
	sender
	wake chan struct{}

	mu     sync.Mutex
	direct []palinsesto.Alert // past the log
	failed int                // tries since the last that worked
	since  time.Time
}

func newWay(name string, s sender) *way {
	return &way{name: name, sender: s, wake: make(chan struct{}, 1)}
}

// mostDirect bounds what is kept in memory while the log is away.
const mostDirect = 32

func (w *way) queue(a palinsesto.Alert) {
	w.mu.Lock()
	if len(w.direct) < mostDirect {
		w.direct = append(w.direct, a)
	}
	w.mu.Unlock()
	w.nudge()
}

func (w *way) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// health is one word, or for how long nothing could be told. Why stands in the log: whoever may ask for
// readiness need not know which servers there are.
func (w *way) health() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == 0 {
		return "ok"
	}
	return fmt.Sprintf("non riesce da %s, %d tentativi (failing)", time.Since(w.since).Round(time.Second), w.failed)
}

// tellBy tells one way what it is behind with, until ctx ends.
func (s *Service) tellBy(ctx context.Context, w *way) error {
	for {
		wait := s.tellOnce(ctx, w)
		t := time.NewTimer(wait)
		wake := w.wake
		if w.failing() {
			wake = nil // news does not make a server that is away come back sooner
		}
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-wake:
		case <-t.C:
		}
		t.Stop()
	}
}

const (
	// idle: a nudge that was lost, or a claim of another, is found again after it.
	idle = 30 * time.Second
	// mostAtOnce bounds one message.
	mostAtOnce = 10
)

// tellOnce tells what there is and says how long to wait.
func (s *Service) tellOnce(ctx context.Context, w *way) time.Duration {
	all, claimed, wait := s.take(ctx, w)
	if len(all) == 0 {
		return cmp.Or(min(wait, idle), idle)
	}
	send, cancel := context.WithTimeout(ctx, s.pace.send)
	err := w.send(send, s.compose(all))
	cancel()
	if ctx.Err() != nil && err != nil {
		return 0
	}
	s.Metrics.AlertTold(w.name, err == nil)
	if err != nil {
		return s.failing(w, len(all), err)
	}
	w.worked(len(all) - len(claimed))
	s.Log.Info("alerts told", "way", w.name, "alerts", len(all))
	for _, e := range claimed {
		s.told(ctx, w, e)
	}
	return 0
}

// take gathers what is told next: what goes past the log, and what was claimed on it.
func (s *Service) take(ctx context.Context, w *way) (all []palinsesto.Alert, claimed []alert, wait time.Duration) {
	w.mu.Lock()
	all = slices.Clone(w.direct)
	w.mu.Unlock()
	mine, wait := s.seen.behind(w.name, s.Worker, s.Sole, s.pace.lapse)
	slices.SortFunc(mine, func(a, b alert) int { return a.State.Decided.Compare(b.State.Decided) })
	for _, e := range mine[:min(len(mine), mostAtOnce)] {
		if got, ok := s.claim(ctx, w, e.State.ID); ok {
			claimed, all = append(claimed, got), append(all, got.State)
		}
	}
	return all, claimed, wait
}

// claim takes the newest message of an alert to tell it one way: written before it is sent, so that two
// copies do not both tell.
func (s *Service) claim(ctx context.Context, w *way, id string) (alert, bool) {
	mine := false
	err := s.change(ctx, id, func(a palinsesto.Alert) (string, palinsesto.Alert) {
		mine = false
		u, ok := a.Way(w.name)
		if !ok || u.Told >= a.Message {
			return "", a
		}
		if u.Worker == s.Worker {
			mine = true
			return "", a
		}
		if c, ok := s.seen.claimOn(id, w.name); !s.Sole && u.Worker != "" && (!ok || c.worker != u.Worker || time.Since(c.since) < s.pace.lapse) {
			return "", a
		}
		mine = true
		u.Worker = s.Worker
		return palinsesto.AlertWasTelling, a.SetWay(u)
	})
	if err != nil {
		s.Log.Warn("alert not claimed, tried again", "way", w.name, "error", err)
		return alert{}, false
	}
	e, ok := s.seen.get(id)
	return e, ok && mine && e.State.Behind(w.name)
}

// told writes down what was said. If that fails, the claim lapses and it is said once more: twice is
// better than never.
func (s *Service) told(ctx context.Context, w *way, said alert) {
	err := s.change(context.WithoutCancel(ctx), said.State.ID, func(a palinsesto.Alert) (string, palinsesto.Alert) {
		u, ok := a.Way(w.name)
		if !ok || u.Told >= said.State.Message {
			return "", a
		}
		u.Told, u.Worker = said.State.Message, ""
		return palinsesto.AlertWasTold, a.SetWay(u)
	})
	if err != nil {
		s.Log.Warn("alert told, which could not be written down", "way", w.name, "error", err)
	}
}

func (w *way) failing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed > 0
}

// worked forgets the trouble, and what of the direct messages was told.
func (w *way) worked(direct int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = 0
	w.direct = w.direct[min(direct, len(w.direct)):]
}

// failing notes a try that failed and says when the next is made.
func (s *Service) failing(w *way, alerts int, err error) time.Duration {
	w.mu.Lock()
	if w.failed == 0 {
		w.since = time.Now()
	}
	w.failed++
	wait := min(s.pace.last, s.pace.first<<min(w.failed-1, 20))
	w.mu.Unlock()
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1))
	s.Log.Warn("alerts not told, tried again", "way", w.name, "alerts", alerts, "in", wait, "error", err)
	return wait
}
