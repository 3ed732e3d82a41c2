// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"math"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Posts are written four times and read a dozen times on their way, ten thousand of them in a burst
// and a hundred thousand in a rebuild. So PostEvent, and nothing else, is also written and read by hand
// (postwrite.go, postread.go): half the processor time of the generated code and a fifth of its
// allocations. The bytes are the same, and the generated code stays the judge: whatever is odd here (a
// time or text that cannot be written, a field that these pages do not expect) is left to it, errors
// included. TestPostsByHand and FuzzPostsByHand compare the two.

// The years 1 to 9999, all that google.protobuf.Timestamp can hold.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// A field's key is its number with its wire type; a number with another type than expected is odd.
const (
	varint   = uint64(protowire.VarintType)
	lengthed = uint64(protowire.BytesType)
)

// wireReader walks the fields of a message. Its texts are cut from one copy of the whole payload, and
// it holds positions in it: slices would cost a write barrier at every step while the collector runs.
type wireReader struct {
	all      string
	pos, end int    // what is left of this message
	key      uint64 // of the field that next found
	n        uint64 // its value, of a varint
	from, to int    // its value, of all else
	seen     uint64 // messages met, by number: a second one would have to be merged with the first
	odd      bool
}

// next moves to the next field; it ends at what it cannot read, and that is odd.
func (r *wireReader) next() bool {
	if r.odd || r.pos >= r.end {
		return false
	}
	r.key = r.uvarint()
	switch r.key & 7 {
	case varint:
		r.n = r.uvarint()
	case lengthed:
		n := r.uvarint()
		if n > uint64(r.end-r.pos) {
			r.odd = true
			return false
		}
		r.from, r.pos = r.pos, r.pos+int(n)
		r.to = r.pos
	default:
		r.odd = true
	}
	return !r.odd
}

func (r *wireReader) uvarint() uint64 {
	if r.pos < r.end && r.all[r.pos] < 0x80 { // nearly always: small enough to be inlined
		r.pos++
		return uint64(r.all[r.pos-1])
	}
	return r.longVarint()
}

func (r *wireReader) longVarint() uint64 {
	var n uint64
	for shift := 0; shift < 63 && r.pos < r.end; shift += 7 {
		c := r.all[r.pos]
		r.pos++
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	if r.pos < r.end && r.all[r.pos] <= 1 { // the tenth byte holds the highest bit, as in a time before 1970
		n |= uint64(r.all[r.pos]) << 63
		r.pos++
		return n
	}
	r.odd = true
	return 0
}

func (r *wireReader) text() string {
	s := r.all[r.from:r.to]
	r.odd = r.odd || !utf8.ValidString(s)
	return s
}

// int reads an int32 as protobuf does, which drops what is above 32 bits.
func (r *wireReader) int() int {
	return int(int32(r.n)) // the wire format wants the cut
}

// message enters the field's message; num is 0 for one of a list.
func (r *wireReader) message(num uint) wireReader {
	if num != 0 {
		r.odd = r.odd || r.seen&(1<<num) != 0
		r.seen |= 1 << num
	}
	return wireReader{all: r.all, pos: r.from, end: r.to}
}

// leave comes back from a message that was odd or not.
func (r *wireReader) leave(odd bool) { r.odd = r.odd || odd }

// pair reads a message of an int64 and an int32, which Timestamp and Duration both are.
func (r *wireReader) pair(num uint) (sec, nanos int64) {
	in := r.message(num)
	for in.next() {
		switch in.key {
		case 1<<3 | varint:
			sec = int64(in.n) // the wire format wants the wrap-around
		case 2<<3 | varint:
			nanos = int64(in.int())
		default:
			in.odd = true
		}
	}
	r.leave(in.odd)
	return sec, nanos
}

func (r *wireReader) time(num uint) time.Time {
	sec, nanos := r.pair(num)
	if sec < firstSecond || sec > lastSecond || nanos < 0 || nanos > 999_999_999 {
		r.odd = true
		return time.Time{}
	}
	return time.Unix(sec, nanos).UTC()
}

func (r *wireReader) duration(num uint) time.Duration {
	const most = 9_000_000_000 // seconds, well inside what time.Duration can hold
	sec, nanos := r.pair(num)
	if sec < 0 || sec > most || nanos < 0 || nanos > 999_999_999 {
		r.odd = true
		return 0
	}
	return time.Duration(sec)*time.Second + time.Duration(nanos)
}

// wireWriter appends fields to b; odd is set by what the generated code has to look at.
type wireWriter struct {
	b   []byte
	odd bool
}

var scratch = sync.Pool{New: func() any { return &wireWriter{b: make([]byte, 0, 1024)} }}

// open begins a message inside the message with one byte for its length; close makes room if it takes more.
func (w *wireWriter) open(num protowire.Number) int {
	w.b = append(protowire.AppendTag(w.b, num, protowire.BytesType), 0)
	return len(w.b)
}

func (w *wireWriter) close(at int) {
	n := len(w.b) - at
	if more := protowire.SizeVarint(uint64(n)) - 1; more > 0 {
		w.b = append(w.b, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"[:more]...)
		copy(w.b[at+more:], w.b[at:at+n])
	}
	protowire.AppendVarint(w.b[:at-1], uint64(n))
}

func (w *wireWriter) text(num protowire.Number, s string) {
	if s != "" {
		w.item(num, s)
	}
}

// item is a text that is written even when it is empty: one of a list.
func (w *wireWriter) item(num protowire.Number, s string) {
	w.odd = w.odd || !utf8.ValidString(s)
	w.b = protowire.AppendString(protowire.AppendTag(w.b, num, protowire.BytesType), s)
}

func (w *wireWriter) uint(num protowire.Number, n uint64) {
	if n != 0 {
		w.b = protowire.AppendVarint(protowire.AppendTag(w.b, num, protowire.VarintType), n)
	}
}

// signed is how protobuf writes int32 and int64: in two's complement.
func (w *wireWriter) signed(num protowire.Number, n int64) {
	w.uint(num, uint64(n)) // the wire format wants the wrap-around
}

func (w *wireWriter) int(num protowire.Number, n int) {
	w.odd = w.odd || n < math.MinInt32 || n > math.MaxInt32
	w.signed(num, int64(n))
}

func (w *wireWriter) bool(num protowire.Number, b bool) {
	if b {
		w.uint(num, 1)
	}
}

func (w *wireWriter) time(num protowire.Number, t time.Time) {
	if t.IsZero() {
		return
	}
	at := w.open(num)
	sec := t.Unix()
	w.odd = w.odd || sec < firstSecond || sec > lastSecond
	w.signed(1, sec)
	w.signed(2, int64(t.Nanosecond()))
	w.close(at)
}

func (w *wireWriter) duration(num protowire.Number, d time.Duration) {
	if d == 0 {
		return
	}
	at := w.open(num)
	w.signed(1, int64(d/time.Second))
	w.signed(2, int64(d%time.Second))
	w.close(at)
}
