// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"time"
)

var (
	weekdays = [...]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"}
	months   = [...]string{"", "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"}
)

// When writes a moment as Italians do: "martedì 15 dicembre 2026, ore 9.30"; the first of a month is
// "1º". A day's last minute, as deadlines have it, and its first are the day alone.
func When(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if wholeDay(t) {
		return day(t)
	}
	return day(t) + ", ore " + clock(t)
}

// Span writes from when to when; without an end it is When.
func Span(from, to time.Time, zone *time.Location) string {
	from, to = from.In(zone), to.In(zone)
	switch {
	case to.Before(from) || to.Equal(from):
		return When(from, zone)
	case from.YearDay() == to.YearDay() && from.Year() == to.Year():
		if wholeDay(from) && wholeDay(to) {
			return day(from)
		}
		return day(from) + ", ore " + clock(from) + "-" + clock(to)
	case wholeDay(from) && wholeDay(to):
		return "da " + day(from) + " a " + day(to)
	default:
		return "da " + day(from) + ", ore " + clock(from) + ", a " + day(to) + ", ore " + clock(to)
	}
}

func wholeDay(t time.Time) bool {
	return t.Hour() == 23 && t.Minute() == 59 || t.Hour() == 0 && t.Minute() == 0
}

func day(t time.Time) string {
	n := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		n = "1º"
	}
	return fmt.Sprintf("%s %s %s %d", weekdays[t.Weekday()], n, months[t.Month()], t.Year())
}

func clock(t time.Time) string { return fmt.Sprintf("%d.%02d", t.Hour(), t.Minute()) }
