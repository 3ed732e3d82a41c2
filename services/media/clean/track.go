// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import "time"

// track is one trak box (14496-12, section 8.3) with the boxes in it that matter here.
type track struct {
	handler, codec string // "vide", "soun", … and the type of the first sample description
	known          bool   // every sample description is of a known codec
	width, height  int
	tkhd, mdhd     box
	hdlr, dataHdlr box // dataHdlr: QuickTime's second one, in minf
	mdia, minf     box
	dinf, stbl     box
	stsd, stsc     box
	sizes, offsets box // stsz or stz2; stco or co64
	length         time.Duration
}

// track reads one track. Pictures and sound of known codecs are kept; all else (positions, sensors,
// time codes, texts in which drones write where they fly) becomes free space.
func (m *movie) track(b box) error {
	if len(m.tracks)+len(m.dropped) >= maxTracks {
		return errTooMany
	}
	before := len(m.edits)
	t := &track{}
	if err := m.readTrack(b, t); err != nil {
		return err
	}
	if t.known && (t.handler == "vide" || t.handler == "soun") {
		m.tracks = append(m.tracks, t)
		return m.keep(t)
	}
	m.edits = m.edits[:before] // the box goes as a whole
	m.dropped = append(m.dropped, t)
	if t.handler == "soun" {
		m.found.sound = true
	} else {
		m.found.data = true
	}
	return m.drop(b)
}

// readTrack descends trak, mdia, minf and stbl, dropping on the way what no player needs. References
// to other tracks (tref) go too: what they point at is mostly dropped.
func (m *movie) readTrack(b box, t *track) error {
	var edts, tapt box
	err := m.gather(b, map[string]*box{"tkhd": &t.tkhd, "mdia": &t.mdia, "edts": &edts, "tapt": &tapt})
	if err != nil {
		return err
	}
	if err := m.gather(edts, nil, "elst"); err != nil {
		return err
	}
	if err := m.gather(tapt, nil, "clef", "prof", "enof"); err != nil {
		return err
	}
	if err := m.gather(t.mdia, map[string]*box{"mdhd": &t.mdhd, "hdlr": &t.hdlr, "minf": &t.minf}, "elng"); err != nil {
		return err
	}
	if err := m.gather(t.minf, map[string]*box{"hdlr": &t.dataHdlr, "dinf": &t.dinf, "stbl": &t.stbl}, "vmhd", "smhd"); err != nil {
		return err
	}
	err = m.gather(t.stbl, map[string]*box{
		"stsd": &t.stsd, "stsc": &t.stsc, "stsz": &t.sizes, "stz2": &t.sizes, "stco": &t.offsets, "co64": &t.offsets,
	}, "stts", "stss", "ctts", "cslg", "stsh", "stps", "padb", "stdp", "sdtp", "sbgp", "sgpd", "subs")
	if err != nil {
		return err
	}
	if t.hdlr.len() < 24 || t.stsd.typ == "" || t.offsets.typ == "" || t.sizes.typ == "" || t.stsc.typ == "" {
		return errBoxes
	}
	t.handler = string(m.data[t.hdlr.at+8 : t.hdlr.at+12])
	return m.codecs(t)
}

// gather goes through a container: boxes named in want may come once and are remembered, those of
// stay are left as they are, all else is dropped.
func (m *movie) gather(in box, want map[string]*box, stay ...string) error {
	return m.each(in.span, func(b box) error {
		if into, ok := want[b.typ]; ok {
			return only(into, b)
		}
		for _, typ := range stay {
			if b.typ == typ {
				return nil
			}
		}
		return m.leave(b)
	})
}

// keep plans the edits inside a track that stays, and notes where its data are.
func (m *movie) keep(t *track) error {
	if err := m.trackHeader(t); err != nil {
		return err
	}
	length, err := m.header(t.mdhd)
	if err != nil {
		return err
	}
	t.length = length
	for _, h := range []box{t.hdlr, t.dataHdlr} {
		if err := m.anonymous(h); err != nil {
			return err
		}
	}
	if err := m.references(t); err != nil {
		return err
	}
	if err := m.descriptions(t); err != nil {
		return err
	}
	return m.hold(t)
}

// anonymous overwrites the name of a handler and QuickTime's manufacturer (14496-12, section 8.4.3):
// cameras write their model there.
func (m *movie) anonymous(h box) error {
	if h.typ == "" {
		return nil
	}
	if h.len() < 24 {
		return errBoxes
	}
	return m.zero(span{h.at + 12, h.end})
}

// trackHeader reads the size at which a track is shown, turned by its matrix (14496-12, section 8.3.2).
func (m *movie) trackHeader(t *track) error {
	version, ok := m.u32(t.tkhd, 0)
	stamps, matrix := 8, 40
	if version>>24 == 1 {
		stamps, matrix = 16, 52
	}
	a, okA := m.u32(t.tkhd, matrix)
	b, okB := m.u32(t.tkhd, matrix+4)
	w, okW := m.u32(t.tkhd, matrix+36)
	h, okH := m.u32(t.tkhd, matrix+40)
	if !ok || !okA || !okB || !okW || !okH {
		return errBoxes
	}
	t.width, t.height = int(w>>16), int(h>>16)
	if t.handler == "vide" && (t.width == 0 || t.height == 0) {
		t.width, t.height = m.codedSize(t.stsd)
	}
	if t.handler == "vide" && (t.width == 0 || t.height == 0) {
		return errBoxes
	}
	if a == 0 && b != 0 {
		t.width, t.height = t.height, t.width
	}
	return m.stamps(t.tkhd, stamps)
}

// references empties the data references, in which QuickTime names volumes and folders (14496-12,
// section 8.7.2), and refuses a track whose data are in another file.
func (m *movie) references(t *track) error {
	var dref box
	if err := m.gather(t.dinf, map[string]*box{"dref": &dref}); err != nil || dref.typ == "" {
		return err
	}
	if dref.len() < 8 {
		return errBoxes
	}
	return m.each(span{dref.at + 8, dref.end}, func(b box) error {
		const inThisFile = 1
		flags, ok := m.u32(b, 0)
		if !ok {
			return errBoxes
		}
		if flags&inThisFile == 0 {
			return refuse("Il video rimanda a un altro file che non c'è: senza quello non si vede nulla. Esportalo come MP4 completo (H.264) e caricalo.",
				"The video points to another file that is not here: without it there is nothing to see. Export it as a complete MP4 (H.264) and upload it.")
		}
		return m.zero(span{b.at + 4, b.end})
	})
}
