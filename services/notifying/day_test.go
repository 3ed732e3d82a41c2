// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func bustestBus(t *testing.T) *bus.Bus { t.Helper(); return bustest.New(t) }

// The dates of Easter are those of the table of the Istituto di Ricerca Metrologica / the Book of Common Prayer.
func TestEaster(t *testing.T) {
	for year, want := range map[int]string{1961: "04-02", 2000: "04-23", 2008: "03-23", 2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2038: "04-25"} {
		require.Equal(t, want, easter(year).Format("01-02"), "%d", year)
	}
}

func TestWorkingDay(t *testing.T) {
	rome := &config.Config{Organisation: config.Organisation{Timezone: "Europe/Rome"}, Alerts: config.Alerts{Closed: []string{"2026-12-24"}}}
	berlin := &config.Config{Organisation: config.Organisation{Timezone: "Europe/Berlin"}}
	for day, want := range map[string]bool{
		"2026-11-23": true, "2026-11-22": false, "2026-11-21": false, // Monday, Sunday, Saturday
		"2026-12-08": false, "2026-12-24": false, "2026-12-23": true,
		"2026-04-06": false, "2026-04-07": true, // Easter Monday
		"2027-10-04": false, "2021-10-04": true, // a holiday again since 2026
	} {
		d, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		require.Equal(t, want, workingDay(d, rome), day)
	}
	d, err := time.Parse(time.DateOnly, "2026-12-08")
	require.NoError(t, err)
	require.True(t, workingDay(d, berlin), "another country's holidays are not known: closed days are listed")
}

func TestNothingDueToday(t *testing.T) {
	h := newHouse(t)
	h.cfg.Alerts.NothingDue, h.cfg.Alerts.NothingDueAt = true, 9*60
	s := h.room("w1", nil)
	at := func(clock string) bool {
		now, err := time.ParseInLocation("2006-01-02 15:04", clock, h.cfg.Location())
		require.NoError(t, err)
		s.Clock = func() time.Time { return now }
		p := newPicture()
		h.eventually("the index is there", func() bool { return s.seeDay(t.Context(), &p) == nil })
		_, wrong := p.wrong[palinsesto.AlertID(palinsesto.AlertNothingDue, "", "")]
		return wrong
	}
	require.False(t, at("2026-11-23 08:59"), "not yet")
	require.True(t, at("2026-11-23 09:00"))
	require.False(t, at("2026-11-23 18:00"), "the day has passed")
	require.False(t, at("2026-11-22 10:00"), "Sunday")
	require.False(t, at("2026-12-08 10:00"), "a holiday")
	h.post(1, palinsesto.PostWasQueued, palinsesto.PostQueued, "", 0) // due now, which is the test's own day
	h.eventually("something is due today", func() bool {
		now := time.Now().In(h.cfg.Location())
		some, err := s.somethingDue(t.Context(), startOfDay(now), startOfDay(now).AddDate(0, 0, 1))
		return err == nil && some
	})
	require.True(t, at("2030-11-25 09:00"), "not on another day")
}
