// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// facts is what a walk over an image's container shows before anything is decoded.
type facts struct {
	exif          exifFacts
	xmp, icc      bool
	text          bool // comments, text chunks
	animated      bool
	photo         bool    // in planes of brightness and colour
	scans         int     // JPEG: how often the decoder goes over the image
	progressive   bool    // JPEG: all coefficients are kept in memory
	bytesPerPixel float64 // that decoding keeps in memory
	planes        float64 // bytes of a pixel, once decoded
}

// memory is how many bytes an image of w x h takes at most until it stands upright: a turned copy lies
// beside the first, and where the planes of a photo cannot be turned as they are, two of all colours.
func (f facts) memory(w, h int) float64 {
	perPixel := f.bytesPerPixel
	if f.exif.orientation > 1 {
		perPixel += f.planes
		if f.photo && (w%2 != 0 || h%2 != 0) {
			perPixel += 8 - f.planes
		}
	}
	return float64(w) * float64(h) * perPixel
}

var errContainer = errors.New("clean: malformed image container")

func inspect(data []byte, f format) (facts, error) {
	switch f {
	case formatJPEG:
		return inspectJPEG(data)
	case formatPNG:
		return inspectPNG(data)
	case formatGIF:
		return inspectGIF(data)
	default:
		return inspectWebP(data)
	}
}

// inspectJPEG walks the marker segments (ITU-T T.81, annex B).
func inspectJPEG(data []byte) (facts, error) {
	f := facts{exif: exifFacts{orientation: 1}}
	for i := 2; i < len(data); {
		if data[i] != 0xff {
			// The decoder skips stray bytes between segments, so does this walk: it must see every
			// scan that the decoder will.
			i++
			continue
		}
		if i+1 >= len(data) {
			break
		}
		m := data[i+1]
		switch {
		case m == 0xff:
			i++
			continue
		case m == 0xd9:
			return f, nil
		case m == 0 || m == 1 || m >= 0xd0 && m <= 0xd8:
			// Stuffed bytes and restarts: this is also how entropy-coded data is passed over.
			i += 2
			continue
		}
		if i+4 > len(data) {
			break
		}
		end := i + 2 + int(binary.BigEndian.Uint16(data[i+2:]))
		if end < i+4 || end > len(data) {
			return f, errContainer
		}
		f.jpegSegment(m, data[i+4:end])
		i = end
	}
	return f, nil // without an end marker: the decoder says whether it is whole
}

func (f *facts) jpegSegment(marker byte, body []byte) {
	switch {
	case marker == 0xda:
		f.scans++
	case marker == 0xc2:
		f.progressive = true
		fallthrough
	case marker == 0xc0, marker == 0xc1:
		f.planes, f.photo = samplesPerPixel(body), true
		f.bytesPerPixel = f.planes
		if f.progressive {
			f.bytesPerPixel *= 5 // a coefficient of four bytes beside each sample
		}
	case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00")) && len(body) > 6:
		if e := readExif(body[6:]); !f.exif.present {
			f.exif = e
		}
	case marker == 0xe1 && bytes.HasPrefix(body, []byte("http://ns.adobe.com/")):
		f.xmp = true
	case marker == 0xe2 && bytes.HasPrefix(body, []byte("ICC_PROFILE")):
		f.icc = true
	case marker == 0xfe, marker == 0xed:
		f.text = true
	}
}

// samplesPerPixel reads a frame header: colour planes are mostly kept at a part of the full size.
func samplesPerPixel(sof []byte) float64 {
	const most = 4
	if len(sof) < 6 || int(sof[5]) > most || len(sof) < 6+3*int(sof[5]) {
		return most // the decoder will refuse it
	}
	var sum, maxH, maxV byte
	for i := range sof[5] {
		h, v := sof[7+3*i]>>4, sof[7+3*i]&15
		sum += h * v
		maxH, maxV = max(maxH, h), max(maxV, v)
	}
	if maxH == 0 || maxV == 0 || maxH > 4 || maxV > 4 {
		return most
	}
	return float64(sum) / float64(maxH*maxV)
}

// inspectPNG walks the chunks (W3C PNG, third edition, section 5).
func inspectPNG(data []byte) (facts, error) {
	f := facts{exif: exifFacts{orientation: 1}, bytesPerPixel: 4, planes: 4}
	for rest := data[8:]; len(rest) >= 12; {
		n := uint64(binary.BigEndian.Uint32(rest))
		if n+12 > uint64(len(rest)) {
			return f, errContainer
		}
		body := rest[8 : 8+n]
		switch string(rest[4:8]) {
		case "IHDR":
			if n >= 10 && body[8] == 16 {
				f.bytesPerPixel, f.planes = 8, 8
			}
		case "acTL":
			f.animated = true
		case "eXIf":
			f.exif = readExif(body)
		case "iCCP":
			f.icc = true
		case "iTXt":
			f.xmp = f.xmp || bytes.HasPrefix(body, []byte("XML:com.adobe.xmp"))
			f.text = true
		case "tEXt", "zTXt", "tIME":
			f.text = true
		case "IEND":
			return f, nil
		}
		rest = rest[n+12:]
	}
	return f, nil
}

// inspectWebP walks the RIFF chunks (RFC 9649).
func inspectWebP(data []byte) (facts, error) {
	// Eight bytes: VP8L keeps four per pixel and its palette transform makes a second copy.
	f := facts{exif: exifFacts{orientation: 1}, bytesPerPixel: 8, planes: 4, photo: true}
	end := min(8+uint64(binary.LittleEndian.Uint32(data[4:])), uint64(len(data)))
	for rest := data[12:max(end, 12)]; len(rest) >= 8; {
		n := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if n+8 > uint64(len(rest)) {
			return f, errContainer
		}
		body := rest[8 : 8+n]
		switch string(rest[:4]) {
		case "ANIM", "ANMF":
			f.animated = true
		case "EXIF":
			f.exif = readExif(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		case "XMP ":
			f.xmp = true
		case "ICCP":
			f.icc = true
		}
		rest = rest[min(8+n+n&1, uint64(len(rest))):]
	}
	return f, nil
}

// inspectGIF walks the blocks (GIF89a specification, section 14) to count the frames: the decoder
// would keep every one of them in memory.
func inspectGIF(data []byte) (facts, error) {
	// The frame, and the screen on which it is put in all colours.
	f := facts{exif: exifFacts{orientation: 1}, bytesPerPixel: 1 + 4}
	if len(data) < 13 {
		return f, errContainer
	}
	i := 13 + colorTable(data[10])
	for frames := 0; i < len(data); {
		switch data[i] {
		case 0x3b:
			return f, nil
		case 0x21:
			f.text = f.text || i+1 < len(data) && data[i+1] == 0xfe
			i += 2
		case 0x2c:
			if i+10 > len(data) {
				return f, errContainer
			}
			if frames++; frames > 1 {
				f.animated = true
				return f, nil
			}
			i += 10 + colorTable(data[i+9]) + 1
		default:
			return f, errContainer
		}
		for i < len(data) && data[i] != 0 {
			i += 1 + int(data[i])
		}
		i++
	}
	return f, nil
}

// colorTable is the size of the colour table that a GIF's packed field announces.
func colorTable(packed byte) int {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}
