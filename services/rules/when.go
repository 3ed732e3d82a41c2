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
// "1º". The first minute of a day is the day alone.
func When(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if midnight(t) {
		return day(t)
	}
	return day(t) + ", ore " + clock(t)
}

// Deadline writes until when: a day's last minute, as deadlines have it, is the day alone.
func Deadline(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if lastMinute(t) {
		return day(t)
	}
	return day(t) + ", ore " + clock(t)
}

// Span writes from when to when; without an end it is When.
func Span(from, to time.Time, zone *time.Location) string {
	from, to = from.In(zone), to.In(zone)
	whole := midnight(from) && lastMinute(to)
	switch {
	case !to.After(from):
		return When(from, zone)
	case from.YearDay() == to.YearDay() && from.Year() == to.Year():
		if whole {
			return day(from)
		}
		return day(from) + ", ore " + clock(from) + "-" + clock(to)
	case whole:
		return "da " + day(from) + " a " + day(to)
	default:
		return "da " + day(from) + ", ore " + clock(from) + ", a " + day(to) + ", ore " + clock(to)
	}
}

func midnight(t time.Time) bool   { return t.Hour() == 0 && t.Minute() == 0 }
func lastMinute(t time.Time) bool { return t.Hour() == 23 && t.Minute() == 59 }

func day(t time.Time) string {
	n := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		n = "1º"
	}
	return fmt.Sprintf("%s %s %s %d", weekdays[t.Weekday()], n, months[t.Month()], t.Year())
}

func clock(t time.Time) string { return fmt.Sprintf("%d.%02d", t.Hour(), t.Minute()) }
