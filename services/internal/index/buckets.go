// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Lists are kept in buckets of 10^9 ms (11.6 days), because miniredis sorts a whole sorted set at each
// read: with 100,000 members that is 100 ms, during which nothing else runs. The order inside is by
// name, "<score, 16 digits><id>", so that a cursor is exact among equal scores too.
const (
	bucketWidth = 1_000_000_000
	lastBucket  = 4102 // of the year 2100: everything later shares it, so that a list visits few buckets
	scoreDigits = 16
)

func bucketOf(score int64) int { return int(min(score/bucketWidth, lastBucket)) }

func memberOf(score int64, id string) string {
	b := make([]byte, 0, scoreDigits+len(id))
	n := strconv.AppendInt(make([]byte, 0, scoreDigits), score, 10)
	for range scoreDigits - len(n) {
		b = append(b, '0')
	}
	return string(append(append(b, n...), id...))
}

// splitMember is the reverse of memberOf.
func splitMember(m string) (score int64, id string, ok bool) {
	if len(m) <= scoreDigits || len(m) > scoreDigits+maxID {
		return 0, "", false
	}
	v, err := strconv.ParseUint(m[:scoreDigits], 10, 63)
	if err != nil || v > maxMoment {
		return 0, "", false
	}
	return int64(v), m[scoreDigits:], true
}

// buckets are those that a set has ever used, as runs in order: "0-0,1500-1763". A list looks at no
// others, so that one document with a score of another age does not make all lists slow.
type buckets []run

type run struct{ low, high int }

// with gives b and the bucket n; false when it was there already.
func (b buckets) with(n int) (buckets, bool) {
	for _, r := range b {
		if r.low <= n && n <= r.high {
			return b, false
		}
	}
	return joined(append(slices.Clone(b), run{n, n})), true
}

// joined puts runs in order and joins those that touch.
func joined(runs buckets) buckets {
	slices.SortFunc(runs, func(x, y run) int { return cmp.Compare(x.low, y.low) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && r.low <= out[n-1].high+1 {
			out[n-1].high = max(out[n-1].high, r.high)
		} else {
			out = append(out, r)
		}
	}
	return out
}

func (b buckets) String() string {
	parts := make([]string, len(b))
	for i, r := range b {
		parts[i] = strconv.Itoa(r.low) + "-" + strconv.Itoa(r.high)
	}
	return strings.Join(parts, ",")
}

// parseBuckets reads what String wrote; what it does not understand it leaves out, as Redis may hold
// anything.
func parseBuckets(text string) buckets {
	var b buckets
	for part := range strings.SplitSeq(text, ",") {
		low, high, _ := strings.Cut(part, "-")
		l, err := strconv.Atoi(low)
		h, err2 := strconv.Atoi(high)
		if err == nil && err2 == nil && 0 <= l && l <= h && h <= lastBucket {
			b = append(b, run{l, h})
		}
	}
	return joined(b)
}

const bucketsField = "buckets:"

// bucketsOf reads the buckets of all sets out of meta.
func bucketsOf(meta map[string]string) map[string]buckets {
	out := map[string]buckets{}
	for k, v := range meta {
		if set, ok := strings.CutPrefix(k, bucketsField); ok {
			out[set] = parseBuckets(v)
		}
	}
	return out
}
