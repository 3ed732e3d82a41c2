// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import "math"

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

// size is how many bytes chunk i has. It must be asked for the chunks one after the other.
func (c *chunks) size(i int) uint64 {
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
		return uint64(n) * uint64(c.uniform)
	}
	var sum uint64
	for s := first; s < c.sample; s++ {
		sum += uint64(c.sampleSize(s))
	}
	return sum
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

// wipeDropped plans to overwrite the samples of the tracks that go. Together they cannot be more than
// the file: tables that say so overlap, and would keep the house busy for hours.
func (m *movie) wipeDropped() error {
	for _, t := range m.dropped {
		c, err := m.chunks(t)
		if err != nil {
			return err
		}
		for i := range c.count {
			size := c.size(i)
			off := c.offset(i)
			in, ok := m.inMdat(off)
			if !ok || size == 0 {
				continue
			}
			n := int(min(size, uint64(in.end)-off, math.MaxInt))
			if m.wiped += n; m.wiped > len(m.data) {
				return errTooMany
			}
			if err := m.zero(span{int(off), int(off) + n}); err != nil {
				return err
			}
		}
	}
	return nil
}
