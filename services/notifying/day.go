// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// dayEnds is the hour after which an empty day is no news any more.
const dayEnds = 18

// seeDay notices a working day for which nothing is due: approvals that nobody gave, a plan that was not made.
func (s *Service) seeDay(ctx context.Context, p *picture) error {
	now := s.Clock().In(s.cfg.Location())
	clock := int(s.cfg.Alerts.NothingDueAt)
	from := time.Date(now.Year(), now.Month(), now.Day(), clock/60, clock%60, 0, 0, now.Location())
	if !s.cfg.Alerts.NothingDue || !workingDay(now, s.cfg) || now.Before(from) || now.Hour() >= dayEnds {
		p.known["day"] = true
		return nil
	}
	some, err := s.somethingDue(ctx, startOfDay(now), startOfDay(now).AddDate(0, 0, 1))
	if err != nil {
		return err
	}
	p.known["day"] = true
	if !some {
		p.add(condition{kind: palinsesto.AlertNothingDue, count: 1, detail: now.Format(time.DateOnly)})
	}
	return nil
}

// openDay tells whether an empty day is over because something is due now, and not because it has passed.
func (s *Service) openDay() bool {
	now := s.Clock().In(s.cfg.Location())
	return workingDay(now, s.cfg) && now.Hour() < dayEnds
}

// somethingDue looks at the ends of each state's list, which is sorted by the moment that is due.
func (s *Service) somethingDue(ctx context.Context, from, to time.Time) (bool, error) {
	counts, err := s.Index.Counts(ctx, setPosts, "state")
	if err != nil {
		return false, err
	}
	for _, st := range []palinsesto.PostState{palinsesto.PostQueued, palinsesto.PostPlanned, palinsesto.PostRetrying,
		palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostHeld, palinsesto.PostPosted, palinsesto.PostEdited,
		palinsesto.PostFailed, palinsesto.PostUncertain, palinsesto.PostMissed} {
		if counts[string(st)] == 0 {
			continue
		}
		for _, ascending := range []bool{true, false} {
			page, err := s.Index.List(ctx, index.Query{Set: setPosts, Facets: []string{"state=" + string(st)}, Limit: 1, Ascending: ascending})
			if err != nil {
				return false, err
			}
			for _, h := range page.Hits {
				if due := time.UnixMilli(h.Score); !due.Before(from) && due.Before(to) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// startOfDay is midnight; where the clock skips it, the first moment of the day.
func startOfDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

func workingDay(t time.Time, cfg *config.Config) bool {
	if wd := t.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return false
	}
	if slices.Contains(cfg.Alerts.Closed, t.Format(time.DateOnly)) {
		return false
	}
	return cfg.Organisation.Timezone != "Europe/Rome" || !holiday(t)
}

// holiday tells the national holidays of Italy: L. 260/1949 as amended; the 4th of October again from
// 2026 on (L. 151/2025).
func holiday(t time.Time) bool {
	switch t.Format("01-02") {
	case "01-01", "01-06", "04-25", "05-01", "06-02", "08-15", "11-01", "12-08", "12-25", "12-26":
		return true
	case "10-04":
		return t.Year() >= 2026
	}
	easter := easter(t.Year()).AddDate(0, 0, 1)
	return t.Month() == easter.Month() && t.Day() == easter.Day()
}

// easter is the Gregorian Easter Sunday (Meeus/Jones/Butcher).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e, g := b/4, b%4, (8*b+13)/25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
