// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"strconv"
	"time"
	_ "time/tzdata" // a machine without zone files must not shift by the wrong hour
)

// reference is the day on which the sample segnalazioni are written to be read.
var reference = time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// weeksTo is how many weeks the samples are to be moved so that they lie ahead of now as they lay ahead
// of the reference day: rounded up, so that nothing that was to come has passed.
func weeksTo(now time.Time) int {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	days := int(today.Sub(reference) / day)
	weeks := days / 7
	if days%7 > 0 {
		weeks++
	}
	return weeks
}

// ParseShift reads a number of weeks, or auto.
func ParseShift(s string, now time.Time) (int, error) {
	switch s {
	case "":
		return 0, nil
	case "auto":
		return weeksTo(now), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < -5200 || n > 5200 {
		return 0, fmt.Errorf("--shift-weeks %q: serve un numero di settimane, oppure auto (a number of weeks, or auto)", s)
	}
	return n, nil
}

// shiftMoment moves an RFC 3339 moment by whole weeks: the wall clock stays, the offset follows the
// zone over a change of the clocks, and an offset that was wrong stays wrong by as much. What is no
// moment is left to the house to refuse.
func shiftMoment(s string, weeks int, zone *time.Location) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || weeks == 0 {
		return s
	}
	_, written := t.Zone()
	wrong := written - offsetAt(t, zone)
	moved := t.AddDate(0, 0, 7*weeks) // in its own fixed offset: the wall clock stays
	offset := offsetAt(moved, zone) + wrong
	year, month, dayOf := moved.Date()
	hour, minute, second := moved.Clock()
	at := time.Date(year, month, dayOf, hour, minute, second, moved.Nanosecond(), time.FixedZone("", offset))
	return at.Format(time.RFC3339Nano)
}

// offsetAt is the zone's offset at t's wall clock.
func offsetAt(t time.Time, zone *time.Location) int {
	year, month, dayOf := t.Date()
	hour, minute, second := t.Clock()
	_, offset := time.Date(year, month, dayOf, hour, minute, second, 0, zone).Zone()
	return offset
}
