// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// addressLength is what X and Mastodon count for any address, however long it is.
const addressLength = 23

// Count is the length of s as a network counts it. Bytes that are not UTF-8 count as one character each.
func Count(u Unit, s string) int {
	switch u {
	case Bytes:
		return len(s)
	case Runes:
		return utf8.RuneCountInString(s)
	case Graphemes:
		return uniseg.GraphemeClusterCount(s)
	case Weighted:
		return countWeighted(s)
	case Mastodon:
		return countMastodon(s)
	case Little:
		return countUTF16(s) + countReserved(s)
	default: // UTF16, and the count that is never the smaller for a unit that nobody has named
		return countUTF16(s)
	}
}

func countUTF16(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// countReserved counts what "little text" wants a backslash before
// (https://learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format).
func countReserved(s string) int {
	n := 0
	for i := range len(s) {
		if strings.IndexByte(`|{}@[]()<>#\*_~`, s[i]) >= 0 {
			n++
		}
	}
	return n
}

// address finds what X links by itself: with a scheme, or a bare domain. Its list of top-level domains
// has some 1,500 entries and changes; any two-letter one and the usual longer ones are taken here, so
// that the count is rather too large than too small.
var address = regexp.MustCompile(`(?i)https?://[^\s<>"]+|` +
	`(?:[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?\.)+` +
	`(?:[a-z]{2}|com|org|net|edu|gov|info|biz|int|mobi|name|pro|jobs|travel|museum|coop|cat|post|app|dev|blog|news|online|site|shop|store|tech|cloud|academy|social|media|live|today|work|works|careers|xn--[a-z0-9-]+)` +
	`(?::[0-9]+)?(?:/[^\s<>"]*)?(?:\?[^\s<>"]*)?`)

// countWeighted follows twitter-text v3: code points of four ranges weigh 1, all others 2, an emoji
// sequence 2, an address 23.
func countWeighted(s string) int {
	n, at := 0, 0
	for _, m := range address.FindAllStringIndex(s, -1) {
		n += weigh(s[at:m[0]]) + addressLength
		at = m[1]
	}
	return n + weigh(s[at:])
}

func weigh(s string) int {
	n, state := 0, -1
	var cluster string
	for s != "" {
		cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		n += weighCluster(cluster)
	}
	return n
}

func weighCluster(c string) int {
	sum, runes, emoji := 0, 0, false
	for _, r := range c {
		runes++
		emoji = emoji || r >= 0x1F000 || r == 0xFE0F || r == 0x20E3
		if r <= 0x10FF || r >= 0x2000 && r <= 0x200D || r >= 0x2010 && r <= 0x201F || r >= 0x2032 && r <= 0x2037 {
			sum++
		} else {
			sum += 2
		}
	}
	if emoji && runes > 1 {
		return 2
	}
	return sum
}

// withScheme and mention follow mastodon/mastodon, app/validators/status_length_validator.rb.
var (
	withScheme = regexp.MustCompile(`(?i)https?://[^\s<>"]+`)
	mention    = regexp.MustCompile(`(@[\p{L}\p{N}_][\p{L}\p{N}_.-]*)@[\p{L}\p{N}][\p{L}\p{N}.-]*(?::[0-9]+)?`)
)

func countMastodon(s string) int {
	s = withScheme.ReplaceAllLiteralString(s, strings.Repeat("x", addressLength))
	s = mention.ReplaceAllString(s, "$1")
	return uniseg.GraphemeClusterCount(s)
}
