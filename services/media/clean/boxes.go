// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// span is a range of the file: data[at:end].
type span struct{ at, end int }

func (s span) len() int { return s.end - s.at }

// box is a box of the ISO base media format (ISO/IEC 14496-12, section 4.2): start is that of its
// header, the span that of its payload.
type box struct {
	typ   string
	start int
	span
}

// Bounds of a walk. Real files have some hundred boxes and a few tracks.
const (
	maxBoxes  = 1 << 16
	maxEdits  = 1 << 20
	maxTracks = 64
	maxDescs  = 64
)

var (
	errBoxes     = errors.New("clean: malformed boxes")
	errCutShort  = errors.New("clean: a box reaches beyond the end")
	errTooMany   = errors.New("clean: too many boxes or samples")
	errDuplicate = errors.New("clean: a box that must be alone comes twice")
)

// edit overwrites a range with zeros and, if wordAt is set, the four bytes there with a word.
type edit struct {
	zero   span
	wordAt int
	word   [4]byte
}

// editor walks the boxes of a file and collects what is to be overwritten. Nothing is changed before
// the walk has come to its end, and no offset ever moves.
type editor struct {
	data  []byte
	boxes int
	edits []edit
}

// next reads the header of the box at off, which must end by end. Only on the top level may a size of
// zero stand for "until the end of the file".
func (e *editor) next(off, end int, top bool) (box, error) {
	if e.boxes++; e.boxes > maxBoxes {
		return box{}, errTooMany
	}
	size := uint64(binary.BigEndian.Uint32(e.data[off:]))
	b := box{typ: string(e.data[off+4 : off+8]), start: off, span: span{at: off + 8, end: end}}
	switch {
	case size == 0 && top:
		return b, nil
	case size == 1:
		if end-off < 16 {
			return box{}, errCutShort
		}
		size = binary.BigEndian.Uint64(e.data[off+8:])
		b.at += 8
	}
	if size < uint64(b.at-off) {
		return box{}, errBoxes
	}
	if size > uint64(end-off) {
		return box{}, fmt.Errorf("%w: %q", errCutShort, b.typ)
	}
	b.end = off + int(size)
	return b, nil
}

// each visits the boxes inside s. What is left behind the last one, as QuickTime's four zeros at the
// end of a list, is overwritten.
func (e *editor) each(s span, visit func(box) error) error {
	off := s.at
	for s.end-off >= 8 {
		if binary.BigEndian.Uint32(e.data[off:]) == 0 {
			break
		}
		b, err := e.next(off, s.end, false)
		if err != nil {
			return err
		}
		if err := visit(b); err != nil {
			return err
		}
		off = b.end
	}
	return e.zero(span{off, s.end})
}

// blank tells whether a range holds nothing but zeros.
func (e *editor) blank(s span) bool { return len(bytes.TrimLeft(e.data[s.at:s.end], "\x00")) == 0 }

// zero plans to overwrite a range with zeros.
func (e *editor) zero(s span) error {
	if s.len() <= 0 {
		return nil
	}
	if n := len(e.edits); n > 0 && e.edits[n-1].wordAt == 0 && e.edits[n-1].zero.end == s.at {
		e.edits[n-1].zero.end = s.end
		return nil
	}
	return e.add(edit{zero: s})
}

// drop plans to turn a box into free space of the same size (14496-12, section 8.1.2).
func (e *editor) drop(b box) error {
	return e.add(edit{zero: b.span, wordAt: b.start + 4, word: [4]byte{'f', 'r', 'e', 'e'}})
}

// rename plans to overwrite the four letters at off.
func (e *editor) rename(off int, word [4]byte) error { return e.add(edit{wordAt: off, word: word}) }

func (e *editor) add(x edit) error {
	if len(e.edits) >= maxEdits {
		return errTooMany
	}
	e.edits = append(e.edits, x)
	return nil
}

func (e *editor) apply() {
	for _, x := range e.edits {
		clear(e.data[x.zero.at:x.zero.end])
		if x.wordAt > 0 {
			copy(e.data[x.wordAt:], x.word[:])
		}
	}
}

// field plans to overwrite n bytes at an offset inside a box.
func (e *editor) field(b box, off, n int) error {
	if b.len() < off+n {
		return errBoxes
	}
	return e.zero(span{b.at + off, b.at + off + n})
}

// u16, u32 and u64 read a number inside a box; ok is false where the box is too short.
func (e *editor) u16(b box, off int) (uint16, bool) {
	if b.len() < off+2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(e.data[b.at+off:]), true
}

func (e *editor) u32(b box, off int) (uint32, bool) {
	if b.len() < off+4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(e.data[b.at+off:]), true
}

func (e *editor) u64(b box, off int) (uint64, bool) {
	if b.len() < off+8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(e.data[b.at+off:]), true
}

// table says how many entries of the given size a box declares at off, if they are all there.
func (e *editor) table(b box, off, size int) (int, bool) {
	n, ok := e.u32(b, off)
	if !ok || int64(n)*int64(size) > int64(b.len()-off-4) {
		return 0, false
	}
	return int(n), true
}

// only remembers a box of which a container holds one.
func only(into *box, b box) error {
	if into.typ != "" {
		return fmt.Errorf("%w: %q", errDuplicate, b.typ)
	}
	*into = b
	return nil
}
