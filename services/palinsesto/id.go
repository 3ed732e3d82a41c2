// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// DeriveID makes the same UUID from the same words for ever, so that doing a thing twice is doing it
// once. It is a UUIDv8 (RFC 9562, section 5.8): a version 7 would need a time that the words do not hold.
func DeriveID(words ...string) string {
	h := sha256.New()
	for _, w := range words {
		// A length before each word: ("ab","c") and ("a","bc") must differ.
		h.Write([]byte(strconv.Itoa(len(w)) + ":" + w))
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// PostID is the id of the post of a segnalazione on a channel; occurrence counts repeats, from 0.
func PostID(segnalazione, channel string, occurrence int) string {
	return DeriveID("post", segnalazione, channel, strconv.Itoa(occurrence))
}

// ValidName tells whether s may name a centre or a channel: [a-z0-9-]{1,40}.
func ValidName(s string) bool {
	return len(s) >= 1 && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// ValidID tells whether s is a UUID as the house writes them: lower case, with hyphens.
func ValidID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
