// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var errTiming = errors.New("clean: malformed caption time")

// times reads "start --> end"; what follows the end (positions of SubRip, settings of WebVTT) is
// passed over.
func times(line string) (start, end time.Duration, err error) {
	left, right, _ := strings.Cut(line, "-->")
	fields := strings.Fields(right)
	if len(fields) == 0 {
		return 0, 0, errTiming
	}
	if start, err = stamp(strings.TrimSpace(left)); err != nil {
		return 0, 0, err
	}
	end, err = stamp(fields[0])
	return start, end, err
}

// stamp reads [h…h:]mm:ss followed by a comma or point and three digits. Both marks are taken for
// both formats, since files converted by hand often keep the other one.
func stamp(s string) (time.Duration, error) {
	if len(s) < 9 || s[len(s)-4] != ',' && s[len(s)-4] != '.' {
		return 0, errTiming
	}
	ms, ok := digits(s[len(s)-3:], 3, 3)
	parts := strings.Split(s[:len(s)-4], ":")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return 0, errTiming
	}
	hours := 0
	if len(parts) == 3 {
		if hours, ok = digits(parts[0], 1, 3); !ok {
			return 0, errTiming
		}
		parts = parts[1:]
	}
	minutes, okm := digits(parts[0], 2, 2)
	seconds, oks := digits(parts[1], 2, 2)
	if !okm || !oks || minutes > 59 || seconds > 59 {
		return 0, errTiming
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute +
		time.Duration(seconds)*time.Second + time.Duration(ms)*time.Millisecond, nil
}

func digits(s string, least, most int) (int, bool) {
	if len(s) < least || len(s) > most {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func clock(d time.Duration, point string) string {
	return fmt.Sprintf("%02d:%02d:%02d%s%03d", d/time.Hour, d/time.Minute%60, d/time.Second%60, point, d/time.Millisecond%1000)
}
