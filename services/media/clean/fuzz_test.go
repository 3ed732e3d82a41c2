// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"testing"
)

// small keeps a fuzzer's images cheap.
func small() Limits {
	lim := Default()
	lim.MaxPixels, lim.MaxMemory = 1<<16, 1<<20
	return lim
}

// holds checks what is true of every input: a refusal or something that is clean afterwards. It works
// on a copy, because Clean takes its input over and the fuzzer's must not change.
func holds(t *testing.T, before []byte) {
	data := bytes.Clone(before)
	res, err := Clean(data, small())
	var r *Refusal
	switch {
	case err != nil && !errors.As(err, &r):
		t.Fatalf("not a refusal: %v", err)
	case err != nil:
		if !bytes.Equal(before, data) || r.Text == "" || r.TextEN == "" || r.Code != Code {
			t.Fatalf("a refusal that changed its input or says nothing: %+v", r)
		}
		return
	}
	again, err := Clean(bytes.Clone(before), small())
	if err != nil || !bytes.Equal(res.Data, again.Data) {
		t.Fatalf("not the same bytes twice: %v", err)
	}
	twice, err := Clean(bytes.Clone(res.Data), small())
	if err != nil {
		t.Fatalf("what is clean is refused: %v", err)
	}
	if len(twice.Notes) > 0 {
		t.Fatalf("what is clean was cleaned again: %v", twice.Notes)
	}
	if res.Kind != Image && !bytes.Equal(res.Data, twice.Data) {
		t.Fatal("what is clean changed")
	}
	if res.Kind == Image && (res.Width != twice.Width || res.Height != twice.Height) {
		t.Fatal("a clean image was turned")
	}
}

func FuzzClean(f *testing.F) {
	f.Add(jpegWith(f, quarters(16, 8), segment(0xe1, "Exif\x00\x00"+string(exifBlock(binary.BigEndian, 6)))))
	f.Add(pngWith(f, quarters(16, 8), chunk("eXIf", string(exifBlock(binary.LittleEndian, 8)))))
	f.Add(webpOf(8, 8, corners[0]))
	f.Add(webpOf(8, 8, corners[0], []byte("EXIF\x08\x00\x00\x00II*\x00\x08\x00\x00\x00")...))
	f.Add(newFilm().bytes())
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.000\nCiao\n"))
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))
	var b bytes.Buffer
	pal := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{corners[0], corners[1]})
	if err := gif.Encode(&b, pal, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(holds)
}

func FuzzMP4(f *testing.F) {
	f.Add(newFilm().bytes())
	film := newFilm()
	film.wide, film.rotated = true, true
	film.extra = append(bx("udta", bx("\xa9xyz", "+43")), soundTrack(bx("mp4a", zeros(28), bx("esds")))...)
	f.Add(film.bytes())
	film.extra = overlapping()
	f.Add(film.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 12 {
			return
		}
		// Whatever the fuzzer writes is read as a video.
		data = bytes.Clone(data)
		copy(data[4:], "ftypisom")
		holds(t, data)
		// What no table can name is gone, wherever it stands.
		if _, err := Clean(bytes.Clone(data), small()); err != nil {
			return
		}
		if res, err := Clean(append(bytes.Clone(data), bx("mdat", stray)...), small()); err == nil && bytes.Contains(res.Data, []byte(stray)) {
			t.Fatal("media data that no sample holds stay in the file")
		}
	})
}

// stray is what a camera hides behind the last sample.
const stray = "freeGPS +43.6158+013.5189/"

func FuzzOrientation(f *testing.F) {
	for o := range 10 {
		f.Add(exifBlock(binary.LittleEndian, o))
		f.Add(exifBlock(binary.BigEndian, o))
	}
	f.Fuzz(func(t *testing.T, tiff []byte) {
		e := readExif(tiff)
		if e.orientation < 1 || e.orientation > 8 {
			t.Fatalf("orientation %d", e.orientation)
		}
		if !e.present && (e.gps || e.device || e.orientation != 1) {
			t.Fatalf("facts without a block: %+v", e)
		}
	})
}

func FuzzCaptions(f *testing.F) {
	f.Add("1\n00:00:00,000 --> 00:00:03,000\nMi chiamo Giulia.\n\n2\n00:00:03,000 --> 00:00:06,000 X1:3\nFine")
	f.Add("WEBVTT - a\nKind: b\n\nNOTE c\n\nSTYLE\n\nd\n00:01.000 --> 00:02.000 align:start\nCiao\n")
	f.Add("\ufeffWEBVTT\r\r00:01.000 --> 100:00:02.000\rCi\x00ao")
	f.Add("1\n00:00:00,000 --> 00:00:03,000\n-\x01->\n")
	f.Fuzz(func(t *testing.T, text string) { holds(t, []byte(text)) })
}

func BenchmarkClean12MP(b *testing.B) {
	data := sample(b, "IMG_20261118_101112.jpg")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Clean(data, Default()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCleanVideo(b *testing.B) {
	data := sample(b, "giulia.mp4")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Clean(data, Default()); err != nil {
			b.Fatal(err)
		}
	}
}
