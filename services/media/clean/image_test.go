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
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
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

func TestPolyglotLosesItsTail(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"jpeg": jpegWith(t, quarters(32, 32), segment(0xfe, "<script>segreto</script>")),
		"png":  pngWith(t, quarters(32, 32)),
	} {
		res, err := Clean(append(data, "PK\x03\x04<html>segreto"...), Default())
		require.NoError(t, err, name)
		requireNoSecrets(t, res.Data)
		require.NotContains(t, string(res.Data), "<html>")
	}
}

func TestGIF(t *testing.T) {
	t.Parallel()
	frame := image.NewPaletted(image.Rect(4, 4, 20, 12), color.Palette{corners[0], corners[1]})
	still := &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 40, Height: 30, ColorModel: frame.Palette}}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, still))
	res, err := Clean(b.Bytes(), Default())
	require.NoError(t, err)
	require.Equal(t, []any{"image/png", ".png", 40, 30}, []any{res.MIME, res.Ext, res.Width, res.Height})
	require.Equal(t, []string{"GIF convertita in PNG"}, res.Notes)
	img, err := png.Decode(bytes.NewReader(res.Data))
	require.NoError(t, err)
	_, _, _, alpha := img.At(0, 0).RGBA()
	require.Zero(t, alpha, "around the frame the screen is empty")
	require.Equal(t, corners[0], color.NRGBAModel.Convert(img.At(10, 10)))

	still.Image, still.Delay = append(still.Image, frame), []int{0, 0}
	b.Reset()
	require.NoError(t, gif.EncodeAll(&b, still))
	_, err = Clean(b.Bytes(), Default())
	requireRefusal(t, err, "video MP4")
}

// webpOf is a lossless WebP of one colour: each of its five prefix codes has one symbol, so that no
// pixel takes any bit (RFC 9649, sections 5 and 6).
func webpOf(w, h int, c color.NRGBA, after ...byte) []byte {
	var bits []byte
	put := func(v uint32, n int) {
		for range n {
			bits = append(bits, byte(v&1))
			v >>= 1
		}
	}
	alpha := uint32(0)
	if c.A < 255 {
		alpha = 1
	}
	put(0x2f, 8)
	put(uint32(w-1), 14)
	put(uint32(h-1), 14)
	put(alpha, 1)
	put(0, 3+1+1+1) // version; no transform, no colour cache, one group of codes
	for _, symbol := range []byte{c.G, c.R, c.B, c.A, 0} {
		put(1, 1) // a simple code
		put(0, 1) // of one symbol
		put(1, 1) // with eight bits
		put(uint32(symbol), 8)
	}
	packed := make([]byte, (len(bits)+15)/16*2)
	for i, b := range bits {
		packed[i/8] |= b << (i % 8)
	}
	body := append([]byte("WEBPVP8L"), binary.LittleEndian.AppendUint32(nil, uint32(len(packed)))...)
	body = append(append(body, packed...), after...)
	return append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...), body...)
}

func TestWebP(t *testing.T) {
	t.Parallel()
	exif := exifBlock(binary.LittleEndian, 6)
	tail := append(binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(exif))), exif...)
	tests := map[string]struct {
		c    color.NRGBA
		mime string
		note string
	}{
		"opaque": {corners[0], "image/jpeg", "WebP convertito in JPEG"},
		"alpha":  {color.NRGBA{200, 10, 10, 100}, "image/png", "WebP convertito in PNG"},
	}
	for name, tt := range tests {
		res, err := Clean(webpOf(20, 10, tt.c, tail...), Default())
		require.NoError(t, err, name)
		require.Equal(t, []any{tt.mime, 10, 20}, []any{res.MIME, res.Width, res.Height}, name)
		require.Contains(t, res.Notes, tt.note)
		require.Contains(t, res.Notes, "Posizione GPS rimossa")
		requireNoSecrets(t, res.Data)
		img, _, err := image.Decode(bytes.NewReader(res.Data))
		require.NoError(t, err)
		have := color.NRGBAModel.Convert(img.At(5, 5)).(color.NRGBA)
		require.InDelta(t, tt.c.R, have.R, 4)
		require.Equal(t, tt.c.A, have.A)
	}
}

func TestRefusedBeforeDecoding(t *testing.T) {
	t.Parallel()
	header := func(w, h uint32, depth byte) []byte {
		b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
		ihdr := chunk("IHDR", string(append(b, depth, 6, 0, 0, 0)))
		return append([]byte("\x89PNG\r\n\x1a\n"), ihdr...)
	}
	sof := func(marker byte, w, h uint16, components int) []byte {
		b := append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, h), w), byte(components))
		for i := range components {
			b = append(b, byte(i+1), 0x11, 0)
		}
		start := append([]byte("\xff\xd8"), segment(marker, string(b))...)
		return append(start, segment(0xda, "\x01\x01\x00\x00\x3f\x00")...)
	}
	scans := jpegWith(t, quarters(16, 16))
	scan := segment(0xda, "\x01\x01\x00\x00\x3f\x00")
	scans = append(scans[:len(scans)-2], bytes.Repeat(scan, 200)...)
	apng := pngWith(t, quarters(8, 8), chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00"))
	tests := map[string]struct {
		data   []byte
		refuse string
	}{
		"png of 60000 x 60000":       {header(60000, 60000, 8), "60000 x 60000"},
		"png of 2^31 x 2^31":         {header(1<<31-1, 1<<31-1, 8), "danneggiata"},
		"png of 16 bits":             {header(7000, 7000, 16), "memoria"},
		"jpeg of 65500 x 65500":      {sof(0xc0, 65500, 65500, 3), "65500 x 65500"},
		"progressive of 36 mp":       {sof(0xc2, 6000, 6000, 3), "memoria"},
		"baseline of 50 mp 30 times": {append(sof(0xc0, 7000, 7000, 3), bytes.Repeat(scan, 30)...), "memoria"},
		"jpeg with 200 more scans":   {scans, "memoria"},
		"gif of 65535 x 65535":       {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"), "65535 x 65535"},
		"animated png":               {apng, "animata"},
		"webp of 16384 x 16384":      {[]byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x3f\x00\xff\x3f\x00"), "16384 x 16384"},
		"animated webp": {[]byte("RIFF\x26\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x0f\x00\x00\x0f\x00\x00" +
			"ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "animata"},
		"empty": {nil, "vuoto"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Clean(tt.data, Default())
			requireRefusal(t, err, tt.refuse)
		})
	}
}

func TestByteLimits(t *testing.T) {
	t.Parallel()
	lim := Default()
	lim.MaxBytes, lim.MaxImageBytes = 1000, 500
	_, err := Clean(make([]byte, 1001), lim)
	requireRefusal(t, err, "massimo")
	_, err = Clean(append([]byte("\xff\xd8\xff"), make([]byte, 600)...), lim)
	requireRefusal(t, err, "massimo")
}

// Every shorter version of a picture is either refused or, where only the end marker is gone, decoded;
// nothing panics.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"jpeg": jpegWith(t, quarters(48, 48)), "png": pngWith(t, quarters(48, 48))} {
		for n := range len(data) - 12 {
			_, err := Clean(bytes.Clone(data[:n]), Default())
			var r *Refusal
			require.ErrorAs(t, err, &r, "%s cut at %d", name, n)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, refuse string }{
		"bmp":      {"BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "BMP"},
		"tiff":     {"II*\x00\x08\x00\x00\x00\x00\x00", "TIFF"},
		"heic":     {"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "Più compatibile"},
		"avif":     {"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "poco diffuso"},
		"audio":    {"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A isom", "suono"},
		"svg":      {`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`, "SVG"},
		"pdf":      {"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"},
		"html":     {"<!DOCTYPE html><html><body>ciao</body></html>", "documento"},
		"zip":      {"PK\x03\x04\x14\x00\x00\x00\x00\x00", "documento"},
		"mp3":      {"ID3\x03\x00\x00\x00\x00\x00\x0a" + strings.Repeat("\x00", 10), "suono"},
		"webm":     {"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm", "MP4"},
		"avi":      {"RIFF\x00\x00\x00\x00AVI LIST", "MP4"},
		"old mov":  {"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "QuickTime"},
		"text":     {"Cercasi cuoca o cuoco a Fermo", "sottotitoli"},
		"unknown":  {"\x00\x01\x02\x03\x04", "Non si riconosce"},
		"exe":      {"MZ\x90\x00\x03\x00\x00\x00", "Non si riconosce"},
		"bad name": {"GIF88a", "sottotitoli"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Clean([]byte(tt.data), Default())
			requireRefusal(t, err, tt.refuse)
		})
	}
}
