// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

// movie is what the walk over a video's container has found. Of each container only the boxes that a
// player needs are kept: phones and cameras write place, device and owner into boxes of their own
// making, so a list of the bad ones would never be complete.
type movie struct {
	editor
	mov      bool
	mdats    []span
	mvhd     box
	tracks   []*track
	dropped  []*track
	held     spans // media data of the tracks that stay
	found    findings
	duration time.Duration
}

// findings are what the person is told.
type findings struct{ meta, place, dates, data, sound, brand, stray bool }

// cleanVideo overwrites place and device in the container of an MP4 or QuickTime file.
func cleanVideo(data []byte, f format) (Result, error) {
	res, m, err := readVideo(data, f)
	if err != nil {
		return Result{}, err
	}
	m.apply()
	res.Data, res.Notes = data, m.found.notes()
	return res, nil
}

// readVideo walks a video and plans its edits; data is not changed.
func readVideo(data []byte, f format) (Result, *movie, error) {
	m := &movie{editor: editor{data: data}, mov: f == formatMOV}
	if err := m.top(); err != nil {
		return Result{}, nil, brokenVideo(err)
	}
	res := Result{Kind: Video, MIME: "video/mp4", Ext: ".mp4", Duration: m.duration}
	if m.mov {
		res.MIME, res.Ext = "video/quicktime", ".mov"
	}
	for _, t := range m.tracks {
		if t.handler == "vide" {
			res.Width, res.Height = t.width, t.height
			return res, m, nil
		}
	}
	for _, t := range m.dropped {
		if t.handler == "vide" {
			return Result{}, nil, unknownCodec(t.codec)
		}
	}
	return Result{}, nil, refuse("Il file non contiene alcun filmato, al più un suono. Per pubblicare un suono, fanne un video MP4 con un'immagine fissa.",
		"The file holds no moving picture, at most sound. To publish sound, make an MP4 video of it with a still picture.")
}

// top walks the boxes of the file. The movie box is read after the others, since its tracks are
// checked against the media data, wherever these stand.
func (m *movie) top() error {
	var moov box
	for off := 0; off < len(m.data); {
		if len(m.data)-off < 8 {
			return errCutShort
		}
		b, err := m.next(off, len(m.data), true)
		if err != nil {
			return err
		}
		off = b.end
		switch b.typ {
		case "ftyp":
			err = m.brands(b)
		case "moov":
			err = only(&moov, b)
		case "mdat":
			m.mdats = append(m.mdats, b.span)
		case "moof":
			return fragmented()
		default:
			err = m.leave(b)
		}
		if err != nil {
			return err
		}
	}
	if moov.typ == "" {
		return errCutShort
	}
	return m.movie(moov)
}

// leave drops a box; what was only filling is overwritten too, since editors turn boxes into "free"
// without emptying them.
func (m *movie) leave(b box) error {
	switch b.typ {
	case "free", "skip", "wide":
		return m.zero(b.span)
	case "udta", "meta":
		m.found.meta = true
		payload := m.data[b.at:b.end]
		m.found.place = m.found.place || bytes.Contains(payload, []byte("\xa9xyz")) ||
			bytes.Contains(payload, []byte("loci")) || bytes.Contains(payload, []byte("location"))
	case "uuid", "XMP_":
		m.found.meta = true
	}
	return m.drop(b)
}

// brands overwrites compatible brands by which cameras name their maker ("CAEP", "MSNV", "niko").
func (m *movie) brands(b box) error {
	for off := b.at; off+4 <= b.end; off += 4 {
		minor := off == b.at+4
		if !minor && !publicBrand(m.data[off:off+4]) {
			m.found.brand = true
			if err := m.rename(off, [4]byte{'i', 's', 'o', 'm'}); err != nil {
				return err
			}
		}
	}
	return nil
}

func publicBrand(brand []byte) bool {
	switch string(brand) {
	case "qt  ", "M4V ", "M4VP", "M4VH", "avc1", "hvc1", "hev1", "av01", "dash", "cmfc", "f4v ", "\x00\x00\x00\x00":
		return true
	}
	return bytes.HasPrefix(brand, []byte("iso")) || bytes.HasPrefix(brand, []byte("mp4")) || bytes.HasPrefix(brand, []byte("3gp"))
}

// movie reads the movie box: its header, and each track.
func (m *movie) movie(moov box) error {
	err := m.each(moov.span, func(b box) error {
		switch b.typ {
		case "mvhd":
			return only(&m.mvhd, b)
		case "trak":
			return m.track(b)
		case "mvex":
			return fragmented()
		case "iods":
			return nil
		}
		return m.leave(b)
	})
	if err != nil {
		return err
	}
	if m.duration, err = m.header(m.mvhd); err != nil {
		return err
	}
	for _, t := range m.tracks {
		if m.duration == 0 {
			m.duration = t.length
		}
	}
	if m.duration == 0 {
		return refuse("Il video non dice quanto dura: le reti lo rifiuterebbero. Esportalo di nuovo come MP4 (H.264) e caricalo.",
			"The video does not say how long it is: the networks would refuse it. Export it again as MP4 (H.264) and upload it.")
	}
	return m.wipeStray()
}

// header reads the time scale and duration of a mvhd or mdhd box (14496-12, sections 8.2.2 and 8.4.2)
// and plans to overwrite when it was made and changed.
func (m *movie) header(b box) (time.Duration, error) {
	version, ok := m.u32(b, 0)
	if !ok {
		return 0, errBoxes
	}
	var scale, short uint32
	var long uint64
	stamps := 8
	if version>>24 == 1 {
		stamps = 16
		scale, _ = m.u32(b, 20)
		long, ok = m.u64(b, 24)
	} else {
		scale, _ = m.u32(b, 12)
		short, ok = m.u32(b, 16)
		if long = uint64(short); short == math.MaxUint32 {
			long = 0
		}
	}
	if !ok || scale == 0 {
		return 0, errBoxes
	}
	return seconds(long, uint64(scale)), m.stamps(b, stamps)
}

// stamps plans to overwrite the n bytes of creation and modification time behind a full box's header.
func (m *movie) stamps(b box, n int) error {
	if b.len() < 4+n {
		return errBoxes
	}
	m.found.dates = m.found.dates || !m.blank(span{b.at + 4, b.at + 4 + n})
	return m.field(b, 4, n)
}

// seconds is n ticks; zero stands for unknown, which is also what more than a day is taken for.
func seconds(n, scale uint64) time.Duration {
	whole := n / scale
	if whole > 24*60*60 {
		return 0
	}
	return time.Duration(whole)*time.Second + time.Duration(float64(n%scale)/float64(scale)*1e3+0.5)*time.Millisecond
}

// inMdat finds the media data that hold the byte at off.
func (m *movie) inMdat(off uint64) (span, bool) {
	lo, hi := 0, len(m.mdats) // ascending, as they were found
	for lo < hi {
		if mid := (lo + hi) / 2; uint64(m.mdats[mid].end) <= off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(m.mdats) || off < uint64(m.mdats[lo].at) {
		return span{}, false
	}
	return m.mdats[lo], true
}

func (f findings) notes() []string {
	var out []string
	for _, n := range []struct {
		is   bool
		text string
	}{
		{f.place, "Posizione GPS rimossa"},
		{f.meta, "Dati su apparecchio, autore e programma rimossi"},
		{f.data, "Tracce di dati o di testo (sensori, posizione) rimosse"},
		{f.stray && !f.data && !f.sound, "Dati nascosti fra immagini e suono rimossi"},
		{f.sound, "Traccia audio di tipo sconosciuto rimossa"},
		{f.dates, "Date di ripresa rimosse"},
		{f.brand, "Marchio del produttore rimosso"},
	} {
		if n.is {
			out = append(out, n.text)
		}
	}
	return out
}

func brokenVideo(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	if errors.Is(err, errCutShort) {
		return refuse("Il video è incompleto: manca la fine, forse il caricamento o la copia si è interrotta. Copialo di nuovo dall'apparecchio e ricaricalo.",
			"The video is incomplete: its end is missing, perhaps an upload or a copy was interrupted. Copy it again from the device and upload it again.").because(err)
	}
	return refuse("Il video è danneggiato o fatto in modo insolito: non se ne possono togliere posizione e apparecchio con certezza. Esportalo di nuovo come MP4 (H.264) e ricaricalo.",
		"The video is damaged or made in an unusual way: place and device cannot be removed with certainty. Export it again as MP4 (H.264) and upload it again.").because(err)
}

func fragmented() *Refusal {
	return refuse("Il video è un MP4 a frammenti, fatto per la trasmissione in diretta: molte reti non lo prendono. Esportalo come MP4 normale (H.264) e caricalo di nuovo.",
		"The video is a fragmented MP4, made for streaming: many networks do not take it. Export it as a plain MP4 (H.264) and upload it again.")
}

func unknownCodec(codec string) *Refusal {
	return refuse(
		fmt.Sprintf("Il video usa la codifica %q, che le reti non leggono. Esportalo come MP4 (H.264) e caricalo di nuovo.", codec),
		fmt.Sprintf("The video uses the encoding %q, which the networks cannot read. Export it as MP4 (H.264) and upload it again.", codec))
}
