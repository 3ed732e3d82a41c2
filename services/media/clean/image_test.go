// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

// The colours of the four corners of the test picture, from the top left clockwise.
var corners = [4]color.NRGBA{{220, 30, 30, 255}, {30, 200, 30, 255}, {30, 30, 220, 255}, {230, 220, 20, 255}}

// quarters draws the four colours as the quarters of a w x h picture.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, r := range []image.Rectangle{
		image.Rect(0, 0, w/2, h/2), image.Rect(w/2, 0, w, h/2), image.Rect(w/2, h/2, w, h), image.Rect(0, h/2, w/2, h),
	} {
		draw.Draw(m, r, image.NewUniform(corners[i]), image.Point{}, draw.Src)
	}
	return m
}

// lying is an upright picture as a camera stores it that writes orientation o: seen through EXIF's
// own words (where row 0 and column 0 are), not through the code under test.
func lying(up image.Image, o int) *image.NRGBA {
	w, h := up.Bounds().Dx(), up.Bounds().Dy()
	sw, sh := w, h
	if o >= 5 {
		sw, sh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for row := range sh {
		for col := range sw {
			x, y := col, row
			switch o {
			case 2:
				x = w - 1 - col // row 0 top, column 0 right
			case 3:
				x, y = w-1-col, h-1-row // bottom, right
			case 4:
				y = h - 1 - row // bottom, left
			case 5:
				x, y = row, col // left, top
			case 6:
				x, y = w-1-row, col // right, top
			case 7:
				x, y = w-1-row, h-1-col // right, bottom
			case 8:
				x, y = row, h-1-col // left, bottom
			}
			out.Set(col, row, up.At(x, y))
		}
	}
	return out
}

const (
	secretMake  = "MarcaSegretissima"
	secretModel = "ModelloSegretissimo"
	secretPlace = "43.6158N 13.5189E Ancona"
)

// exifBlock is a TIFF block with maker, model, orientation and a GPS directory.
func exifBlock(order binary.AppendByteOrder, o int) []byte {
	mark := map[bool]string{true: "II*\x00", false: "MM\x00*"}[order.String() == "LittleEndian"]
	b := order.AppendUint32([]byte(mark), 8)
	const entries = 4
	at := uint32(8 + 2 + entries*12 + 4)
	entry := func(b []byte, tag, typ uint16, n, v uint32) []byte {
		b = order.AppendUint16(order.AppendUint16(b, tag), typ)
		b = order.AppendUint32(b, n)
		if typ == 3 {
			return order.AppendUint16(order.AppendUint16(b, uint16(v)), 0)
		}
		return order.AppendUint32(b, v)
	}
	b = order.AppendUint16(b, entries)
	b = entry(b, tagMake, 2, uint32(len(secretMake)), at)
	b = entry(b, tagModel, 2, uint32(len(secretModel)), at+uint32(len(secretMake)))
	b = entry(b, tagOrientation, 3, 1, uint32(o))
	b = entry(b, tagGPSInfo, 4, 1, at+uint32(len(secretMake)+len(secretModel)))
	b = order.AppendUint32(b, 0)
	b = append(b, secretMake+secretModel...)
	b = order.AppendUint16(b, 1)
	b = entry(b, 0x001b, 7, uint32(len(secretPlace)), uint32(len(b)+16))
	return append(order.AppendUint32(b, 0), secretPlace...)
}

func segment(marker byte, body string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
}

// jpegWith is a JPEG with segments put in behind its start marker.
func jpegWith(tb testing.TB, img image.Image, segments ...[]byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}))
	return bytes.Join([][]byte{b.Bytes()[:2], bytes.Join(segments, nil), b.Bytes()[2:]}, nil)
}

func chunk(typ string, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, typ...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngWith is a PNG with chunks put in behind its header.
func pngWith(tb testing.TB, img image.Image, chunks ...[]byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, png.Encode(&b, img))
	const header = 8 + 25
	return bytes.Join([][]byte{b.Bytes()[:header], bytes.Join(chunks, nil), b.Bytes()[header:]}, nil)
}

func requireUpright(t *testing.T, data []byte, w, h int) {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, w, h), img.Bounds())
	for i, p := range []image.Point{{w / 4, h / 4}, {3 * w / 4, h / 4}, {3 * w / 4, 3 * h / 4}, {w / 4, 3 * h / 4}} {
		have := color.NRGBAModel.Convert(img.At(p.X, p.Y)).(color.NRGBA)
		for _, d := range []int{int(have.R) - int(corners[i].R), int(have.G) - int(corners[i].G), int(have.B) - int(corners[i].B)} {
			require.InDelta(t, 0, d, 12, "corner %d is %v", i, have)
		}
	}
}

func requireNoSecrets(t *testing.T, data []byte) {
	t.Helper()
	for _, s := range []string{secretMake, secretModel, secretPlace, "Exif", "xmpmeta", "ICC_PROFILE", "iCCP", "segreto"} {
		require.NotContains(t, string(data), s)
	}
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	for o := 1; o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, size := range []image.Point{{64, 32}, {65, 33}} { // odd sides: the chroma cannot be turned as it is
				t.Run(fmt.Sprintf("%d %s %v", o, order, size), func(t *testing.T) {
					t.Parallel()
					img := lying(quarters(size.X, size.Y), o)
					exif := string(exifBlock(order, o))

					res, err := Clean(jpegWith(t, img, segment(0xe1, "Exif\x00\x00"+exif)), Default())
					require.NoError(t, err)
					requireUpright(t, res.Data, size.X, size.Y)
					requireNoSecrets(t, res.Data)
					require.Equal(t, []int{size.X, size.Y}, []int{res.Width, res.Height})
					require.Contains(t, res.Notes, "Posizione GPS rimossa")
					require.Contains(t, res.Notes, "Marca e modello dell'apparecchio rimossi")

					res, err = Clean(pngWith(t, img, chunk("eXIf", exif)), Default())
					require.NoError(t, err)
					requireUpright(t, res.Data, size.X, size.Y)
					requireNoSecrets(t, res.Data)
				})
			}
		}
	}
}

func TestUprightOfEveryType(t *testing.T) {
	t.Parallel()
	base := quarters(16, 8)
	palette := color.Palette{corners[0], corners[1], corners[2], corners[3]}
	types := map[string]func(image.Rectangle) draw.Image{
		"gray":    func(r image.Rectangle) draw.Image { return image.NewGray(r) },
		"gray16":  func(r image.Rectangle) draw.Image { return image.NewGray16(r) },
		"rgba":    func(r image.Rectangle) draw.Image { return image.NewRGBA(r) },
		"rgba64":  func(r image.Rectangle) draw.Image { return image.NewRGBA64(r) },
		"nrgba":   func(r image.Rectangle) draw.Image { return image.NewNRGBA(r) },
		"nrgba64": func(r image.Rectangle) draw.Image { return image.NewNRGBA64(r) },
		"cmyk":    func(r image.Rectangle) draw.Image { return image.NewCMYK(r) },
		"palette": func(r image.Rectangle) draw.Image { return image.NewPaletted(r, palette) },
	}
	for name, blank := range types {
		for o := 0; o <= 8; o++ {
			want := blank(base.Rect)
			draw.Draw(want, base.Rect, base, image.Point{}, draw.Src)
			turned := lying(want, o)
			in := blank(turned.Rect)
			draw.Draw(in, turned.Rect, turned, image.Point{}, draw.Src)
			have := upright(in, o)
			require.Equal(t, want.Bounds(), have.Bounds(), "%s %d", name, o)
			for y := range 8 {
				for x := range 16 {
					require.Equal(t, color.NRGBAModel.Convert(want.At(x, y)), color.NRGBAModel.Convert(have.At(x, y)), "%s %d at %d,%d", name, o, x, y)
				}
			}
		}
	}
}

// Chroma of every ratio follows the luma, also where it changes its direction.
func TestUprightOfEverySubsampling(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for o := 1; o <= 8; o++ {
			up := quarters(32, 16)
			side := lying(up, o)
			in := image.NewYCbCr(side.Rect, ratio)
			for y := range side.Rect.Dy() {
				for x := range side.Rect.Dx() {
					c := color.YCbCrModel.Convert(side.At(x, y)).(color.YCbCr)
					in.Y[in.YOffset(x, y)], in.Cb[in.COffset(x, y)], in.Cr[in.COffset(x, y)] = c.Y, c.Cb, c.Cr
				}
			}
			have := upright(in, o)
			require.Equal(t, up.Rect, have.Bounds())
			for y := range 16 {
				for x := range 32 {
					want, got := up.NRGBAAt(x, y), color.NRGBAModel.Convert(have.At(x, y)).(color.NRGBA)
					require.InDelta(t, want.R, got.R, 4, "%v %d at %d,%d", ratio, o, x, y)
					require.InDelta(t, want.B, got.B, 4, "%v %d at %d,%d", ratio, o, x, y)
				}
			}
		}
	}
}

func TestMetadataGoesOut(t *testing.T) {
	t.Parallel()
	img := quarters(32, 32)
	j, err := Clean(jpegWith(t, img,
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>segreto"), segment(0xe2, "ICC_PROFILE\x00segreto"),
		segment(0xfe, "segreto"), segment(0xed, "Photoshop 3.0\x00segreto")), Default())
	require.NoError(t, err)
	requireNoSecrets(t, j.Data)
	require.Equal(t, []string{"Dati XMP rimossi", "Testi e commenti nascosti rimossi", "Profilo colore rimosso"}, j.Notes)

	p, err := Clean(pngWith(t, img, chunk("iCCP", "segreto"), chunk("tEXt", "Author\x00segreto"),
		chunk("iTXt", "XML:com.adobe.xmp\x00xmpmeta segreto"), chunk("tIME", "1234567"), chunk("prVt", "segreto")), Default())
	require.NoError(t, err)
	requireNoSecrets(t, p.Data)
	require.Equal(t, j.Notes, p.Notes)
}
