// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import "encoding/binary"

// exifFacts is all that is ever read of an EXIF block: how to turn the image, and what to tell the
// person that was taken out. Values of place and device are not read.
type exifFacts struct {
	orientation int // 1..8; 1 when absent or wrong
	present     bool
	gps         bool
	device      bool
}

// The tags of IFD0 that matter (CIPA DC-008, Exif 2.32, section 4.6).
const (
	tagMake        = 0x010f
	tagModel       = 0x0110
	tagOrientation = 0x0112
	tagGPSInfo     = 0x8825
)

// readExif reads IFD0 of a TIFF block. It follows one offset, goes through the entries once and
// allocates nothing; whatever is malformed is as if it were absent.
func readExif(tiff []byte) exifFacts {
	f := exifFacts{orientation: 1}
	if len(tiff) < 8 {
		return f
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return f
	}
	f.present = true
	ifd := uint64(order.Uint32(tiff[4:]))
	if ifd+2 > uint64(len(tiff)) {
		return f
	}
	entries := tiff[ifd+2:]
	for n := order.Uint16(tiff[ifd:]); n > 0 && len(entries) >= 12; n-- {
		f.entry(order, entries[:12])
		entries = entries[12:]
	}
	return f
}

func (f *exifFacts) entry(order binary.ByteOrder, e []byte) {
	const short = 3
	switch order.Uint16(e) {
	case tagOrientation:
		v := order.Uint16(e[8:])
		if order.Uint16(e[2:]) == short && v >= 1 && v <= 8 {
			f.orientation = int(v)
		}
	case tagGPSInfo:
		f.gps = true
	case tagMake, tagModel:
		f.device = true
	}
}
