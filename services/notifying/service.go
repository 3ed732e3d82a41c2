// SPDX-License-Identifier: AGPL-3.0-or-later

// Package notifying tells operators what needs a person: posts that failed, are uncertain or were missed,
// a channel that lost its connection, a working day with nothing due, a house that is not well.
//
// Every few seconds it asks the index and the house's report what is wrong now (posts.go, house.go,
// day.go) and compares that with the alerts on the log (keep.go). One cause is one alert, however many
// posts it befell; an alert is an aggregate of the log like all else, so that a restart or a second copy
// of the room says nothing twice. Each way of telling (telegram.go, mail.go) goes through the alerts that
// it is behind with (tell.go), at its own pace: a mail server that is away holds up no chat, and loses nothing.
package notifying

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus   *bus.Bus
	Index *index.Index
	Clock func() time.Time
	Log   *slog.Logger
	// Report says how the process is in which the room runs; others say it on the bus.
	Report func(context.Context) telemetry.Report
	// Rooms are those that a whole house has.
	Rooms []string
	// PublicURL is how people reach the API, for links.
	PublicURL func() string
	// Worker names this process and this start of it.
	Worker string
	// Sole says that no other process works on this log: what an earlier start had begun to tell, nobody tells.
	Sole    bool
	Metrics *telemetry.Metrics // may be nil
}

// Service is the room.
type Service struct {
	Deps
	cfg   *config.Config
	actor palinsesto.Actor
	pace  pace
	ways  []*way
	seen  *seen // alerts as they stand on the log
	posts postLook
	house slowly
	day   slowly
	keep  keeper

	mu      sync.Mutex
	reports map[string]heard // of other processes
}

// pace is how fast the room does what it does; tests are faster.
type pace struct {
	look       time.Duration // between two looks while something may have to be told soon
	rest       time.Duration // and while nothing is wrong: an idle house must be idle
	slow       time.Duration // between two looks at what changes slowly: the house, the day
	settle     time.Duration // posts: what still grows is not told yet
	settleMost time.Duration // and no longer than so long
	ill        time.Duration // a room must be not ready for so long: a restart is no news
	well       time.Duration // a cause must be gone for so long
	lapse      time.Duration // who began to tell and does not end is given up
	first      time.Duration // wait after a try to tell that failed, doubled up to
	last       time.Duration
	send       time.Duration // most for one try
}

func usual() pace {
	return pace{look: 3 * time.Second, rest: 10 * time.Second, slow: 20 * time.Second, settle: 5 * time.Second, settleMost: 30 * time.Second, ill: time.Minute,
		well: 10 * time.Second, lapse: 2 * time.Minute, first: 5 * time.Second, last: 10 * time.Minute, send: 30 * time.Second}
}

// New makes the room. Without a way to tell it still keeps the alerts on the log.
func New(cfg *config.Config, d Deps) (*Service, error) {
	s := &Service{Deps: d, cfg: cfg, actor: palinsesto.Room("notifying"), pace: usual(), seen: newSeen(), reports: map[string]heard{}}
	s.keep = newKeeper()
	if t := cfg.Alerts.Telegram; t != nil {
		s.ways = append(s.ways, newWay("telegram", newTelegram(*t)))
	}
	if m := cfg.Alerts.Mail; m != nil {
		s.ways = append(s.ways, newWay("mail", newMailer(*m, cfg.Organisation.Name)))
	}
	return s, nil
}

// Run notices and tells until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.follow(ctx) })
	g.Go(func() error { return s.Bus.Reports(ctx, s.hear) })
	g.Go(func() error { return s.watch(ctx) })
	for _, w := range s.ways {
		g.Go(func() error { return s.tellBy(ctx, w) })
	}
	g.Go(func() error { return s.Bus.Serve(ctx, "notifying", "tells operators what needs a person") })
	return g.Wait()
}

// Facts say how each way of telling is, for readiness.
func (s *Service) Facts() map[string]any {
	f := map[string]any{"open_alerts": s.seen.open()}
	for _, w := range s.ways {
		f[w.name] = w.health()
	}
	return f
}

// follow keeps the alerts of the log at hand.
func (s *Service) follow(ctx context.Context) error {
	return s.Bus.Tail(ctx, contract.AllAlerts, func(batch []bus.Record, _ uint64) error {
		for _, r := range batch {
			e, err := bus.Decode(contract.Alerts, r)
			if err != nil {
				s.Log.Warn("alert that cannot be read, left alone", "error", err)
				continue
			}
			s.noted(e)
		}
		return nil
	})
}

// noted remembers an alert as it stands, and wakes the ways that are behind.
func (s *Service) noted(e alert) {
	s.seen.put(e)
	for _, w := range s.ways {
		if e.State.Behind(w.name) {
			w.nudge()
		}
	}
}

// alert is an alert as it stands on the log.
type alert = contract.Event[palinsesto.Alert]

// watch looks, again and again, at what is wrong.
func (s *Service) watch(ctx context.Context) error {
	for {
		s.look(ctx)
		wait := s.pace.rest
		if len(s.keep.pending)+len(s.keep.gone) > 0 {
			wait = s.pace.look
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// heard is what another process said of itself, and when.
type heard struct {
	report telemetry.Report
	at     time.Time
}

const (
	// heardFor is how long a report is believed; processes report every ten seconds.
	heardFor = 35 * time.Second
	// mostReports bounds what is kept of others: whoever reaches the bus could make up processes.
	mostReports = 256
)

func (s *Service) hear(worker string, data []byte) {
	var r telemetry.Report
	if err := json.Unmarshal(data, &r); err != nil {
		s.Log.Warn("report that cannot be read, left alone", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.reports[worker]; known || len(s.reports) < mostReports {
		s.reports[worker] = heard{r, time.Now()}
	}
}

// others are the reports of other processes that are fresh enough to be believed.
func (s *Service) others() []telemetry.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []telemetry.Report
	for worker, h := range s.reports {
		if time.Since(h.at) > heardFor {
			delete(s.reports, worker)
			continue
		}
		all = append(all, h.report)
	}
	return all
}
