// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

// pictureCodec and soundCodec are the sample descriptions that are kept
// (https://mp4ra.org/registered-types/sampleentries and the QuickTime File Format Specification).
// Still pictures as a video track (jpeg, png) are not: each may carry an EXIF block.
func pictureCodec(typ string) bool {
	switch typ {
	case "avc1", "avc2", "avc3", "avc4", "hvc1", "hev1", "dva1", "dvav", "dvh1", "dvhe", "av01", "vp08", "vp09", "mp4v":
		return true
	}
	return false
}

func soundCodec(typ string) bool {
	switch typ {
	case "mp4a", "ac-3", "ec-3", "Opus", "fLaC", "alac", ".mp3", "samr", "sawb",
		"sowt", "twos", "lpcm", "ipcm", "fpcm", "in24", "in32", "fl32", "fl64", "ulaw", "alaw", "raw ", "NONE":
		return true
	}
	return false
}

// entries visits the sample descriptions of a track (14496-12, section 8.5.2).
func (m *movie) entries(stsd box, visit func(box) error) error {
	if stsd.len() < 8 {
		return errBoxes
	}
	n := 0
	return m.each(span{stsd.at + 8, stsd.end}, func(b box) error {
		if n++; n > maxDescs {
			return errTooMany
		}
		return visit(b)
	})
}

func (m *movie) codecs(t *track) error {
	t.known = true
	err := m.entries(t.stsd, func(b box) error {
		if t.codec == "" {
			t.codec = b.typ
		}
		t.known = t.known && (t.handler == "vide" && pictureCodec(b.typ) || t.handler == "soun" && soundCodec(b.typ))
		return nil
	})
	t.known = t.known && t.codec != ""
	return err
}

// codedSize is the size that the first description of a video track gives.
func (m *movie) codedSize(stsd box) (w, h int) {
	first := box{span: span{stsd.at + 16, stsd.end}} // past the header of the entry
	x, _ := m.u16(first, 24)
	y, _ := m.u16(first, 26)
	return int(x), int(y)
}

// descriptions cleans the sample descriptions of a track that stays: the names of encoder and vendor
// are overwritten, boxes that a decoder does not need are dropped.
func (m *movie) descriptions(t *track) error {
	version, _ := m.u32(t.stsd, 0)
	return m.entries(t.stsd, func(b box) error {
		const vendor, vendorLen = 12, 4
		if err := m.field(b, vendor, vendorLen); err != nil {
			return err
		}
		if t.handler == "vide" {
			return m.picture(b)
		}
		return m.sound(b, version>>24)
	})
}

func (m *movie) picture(b box) error {
	const compressor, compressorLen, fixed = 42, 32, 78
	if b.len() < fixed {
		return errBoxes
	}
	if err := m.field(b, compressor, compressorLen); err != nil {
		return err
	}
	return m.each(span{b.at + fixed, b.end}, func(c box) error {
		switch c.typ {
		case "avcC", "hvcC", "lhvC", "av1C", "vpcC", "esds", "dvcC", "dvvC", "btrt", "pasp", "clap", "fiel", "gama",
			"mdcv", "clli", "amve", "cclv", "SmDm", "CoLL":
			return nil
		case "colr":
			// Numbers are kept, an ICC profile names who made it.
			if kind, ok := m.u32(c, 0); ok && (kind == 0x6e636c78 || kind == 0x6e636c63) { // nclx, nclc
				return nil
			}
		}
		return m.leave(c)
	})
}

// sound knows that QuickTime's descriptions of version 1 and 2 are longer (QuickTime File Format
// Specification, "Sound Sample Descriptions"); in a stsd of another version than 0 these are MP4's own.
func (m *movie) sound(b box, stsdVersion uint32) error {
	fixed := 28
	version, ok := m.u16(b, 8)
	if stsdVersion == 0 {
		fixed += map[uint16]int{1: 16, 2: 36}[version]
	}
	if !ok || b.len() < fixed {
		return errBoxes
	}
	return m.each(span{b.at + fixed, b.end}, func(c box) error {
		switch c.typ {
		case "esds", "btrt", "chan", "chnl", "srat", "dac3", "dec3", "dOps", "dfLa", "alac", "pcmC":
			return nil
		case "wave":
			return m.gather(c, nil, "frma", "mp4a", "esds", "enda", "alac", "\x00\x00\x00\x00")
		}
		return m.leave(c)
	})
}

// frames says how many bytes of sound some samples take, where that is said beside the size table.
type frames struct{ size, samples uint64 }

func (f frames) bytes(n uint32) uint64 {
	if f.samples == 0 {
		return 0
	}
	return (uint64(n)*f.size + f.samples - 1) / f.samples
}

// frames reads the first description of a sound track. QuickTime writes one byte as the size of every
// sample of plain sound, and the true one here (QuickTime File Format Specification, "Sound Sample
// Descriptions"): channels and bits, or what versions 1 and 2 have beyond them.
func (m *movie) frames(t *track) frames {
	first := box{span: span{min(t.stsd.at+16, t.stsd.end), t.stsd.end}} // past the header of the entry
	if mp4, _ := m.u32(t.stsd, 0); mp4>>24 != 0 {
		return frames{}
	}
	var size, samples uint32
	switch version, _ := m.u16(first, 8); version {
	case 1:
		samples, _ = m.u32(first, 28)
		size, _ = m.u32(first, 36)
	case 2:
		size, _ = m.u32(first, 56)
		samples, _ = m.u32(first, 60)
	default:
		channels, _ := m.u16(first, 16)
		bits, _ := m.u16(first, 18)
		size, samples = uint32(channels)*uint32(bits)/8, 1
	}
	return frames{uint64(size), uint64(samples)}
}
