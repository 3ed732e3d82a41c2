// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import "fmt"

// Clock is a wall-clock time, in minutes since midnight.
type Clock int

// String prints HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// parseClock reads exactly HH:MM, 00:00 to 23:59.
func parseClock(s string) (Clock, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	hour, okHour := twoDigits(s[:2])
	minute, okMinute := twoDigits(s[3:])
	if !okHour || !okMinute || hour > 23 || minute > 59 {
		return 0, false
	}
	return Clock(hour*60 + minute), true
}

func twoDigits(s string) (int, bool) {
	a, b := s[0]-'0', s[1]-'0' // bytes below '0' wrap above 9
	return int(a)*10 + int(b), a <= 9 && b <= 9
}
