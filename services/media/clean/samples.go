// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"cmp"
	"slices"
)

// chunks reads the tables that say where a track's samples are (14496-12, sections 8.7.3 to 8.7.5).
// Nothing is allocated: each table is read where it stands, and is as long as its box.
type chunks struct {
	m       *movie
	t       *track
	count   int // chunks
	wide    bool
	runs    int    // entries of stsc
	samples uint32 // declared; with a size of their own each they are as many as the table holds
	uniform uint32 // size of every sample, or zero
	bits    int    // width of an entry of the size table
	frames  frames // of sound
	run     int
	sample  uint32
}

func (m *movie) chunks(t *track) (*chunks, error) {
	c := &chunks{m: m, t: t, wide: t.offsets.typ == "co64", bits: 32}
	entry := 4
	if c.wide {
		entry = 8
	}
	var okC, okR, okS bool
	c.count, okC = m.table(t.offsets, 4, entry)
	c.runs, okR = m.table(t.stsc, 4, 12)
	c.samples, okS = m.u32(t.sizes, 8)
	field, _ := m.u32(t.sizes, 4)
	if t.sizes.typ == "stz2" {
		c.bits = int(field & 0xff)
		okS = okS && (c.bits == 4 || c.bits == 8 || c.bits == 16)
	} else {
		c.uniform = field
	}
	if t.handler == "soun" {
		c.frames = m.frames(t)
	}
	if c.uniform == 0 {
		okS = okS && (int64(c.samples)*int64(c.bits)+7)/8 <= int64(t.sizes.len()-12)
	}
	if !okC || !okR || !okS || c.count > 0 && c.runs == 0 {
		return nil, errBoxes
	}
	return c, nil
}

// offset is where chunk i begins in the file.
func (c *chunks) offset(i int) uint64 {
	if c.wide {
		v, _ := c.m.u64(c.t.offsets, 8+8*i)
		return v
	}
	v, _ := c.m.u32(c.t.offsets, 8+4*i)
	return uint64(v)
}

// size is how many bytes chunk i has, and how many a decoder of sound may take. It must be asked for the
// chunks one after the other.
func (c *chunks) size(i int) (size, atMost uint64) {
	for c.run+1 < c.runs {
		first, _ := c.m.u32(c.t.stsc, 8+12*(c.run+1))
		if uint64(first) > uint64(i)+1 {
			break
		}
		c.run++
	}
	n, _ := c.m.u32(c.t.stsc, 8+12*c.run+4)
	n = min(n, c.samples-c.sample)
	first := c.sample
	c.sample += n
	if c.uniform > 0 {
		return uint64(n) * uint64(c.uniform), c.frames.bytes(n)
	}
	for s := first; s < c.sample; s++ {
		size += uint64(c.sampleSize(s))
	}
	return size, size
}

func (c *chunks) sampleSize(s uint32) uint32 {
	data, at := c.m.data, c.t.sizes.at+12
	switch c.bits {
	case 4:
		return uint32(data[at+int(s/2)] >> (4 * (1 - s%2)) & 15)
	case 8:
		return uint32(data[at+int(s)])
	case 16:
		v, _ := c.m.u16(c.t.sizes, 12+2*int(s))
		return uint32(v)
	}
	v, _ := c.m.u32(c.t.sizes, 12+4*int(s))
	return v
}

// hold notes where the samples of a track that stays are. A chunk that does not lie whole in the media
// data is of a file that was cut short.
func (m *movie) hold(t *track) error {
	c, err := m.chunks(t)
	if err != nil {
		return err
	}
	if c.count == 0 || c.samples == 0 {
		return errBoxes
	}
	for i := range c.count {
		off := c.offset(i)
		size, atMost := c.size(i)
		in, ok := m.inMdat(off)
		if !ok || size > uint64(in.end)-off {
			return errCutShort
		}
		length := max(size, min(atMost, uint64(in.end)-off))
		if err := m.held.add(span{int(off), int(off + length)}); err != nil {
			return err
		}
	}
	return nil
}

// spans are ranges of the file in the order in which they were met.
type spans []span

// add joins a range to the one before it where they touch: the chunks of one track mostly do.
func (s *spans) add(x span) error {
	if n := len(*s); n > 0 && (*s)[n-1].end == x.at {
		(*s)[n-1].end = x.end
		return nil
	}
	if len(*s) >= maxEdits {
		return errTooMany
	}
	*s = append(*s, x)
	return nil
}

// wipeStray plans to overwrite whatever of the media data no kept sample holds: the samples of tracks
// that go, and what no table names at all, as the "freeGPS" blocks of dash cameras.
func (m *movie) wipeStray() error {
	slices.SortFunc(m.held, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	next := 0
	for _, mdat := range m.mdats {
		at := mdat.at
		for ; next < len(m.held) && m.held[next].at < mdat.end; next++ {
			if err := m.stray(span{at, m.held[next].at}); err != nil {
				return err
			}
			at = max(at, m.held[next].end)
		}
		if err := m.stray(span{at, mdat.end}); err != nil {
			return err
		}
	}
	return nil
}

func (m *movie) stray(s span) error {
	if s.len() <= 0 || m.blank(s) {
		return nil
	}
	m.found.stray = true
	return m.zero(s)
}
