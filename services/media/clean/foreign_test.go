// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	lying := string(exifBlock(binary.BigEndian, 6))
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
		"png of 16 bits, turned":     {append(header(5700, 5800, 16), chunk("eXIf", lying)...), "memoria"},
		"png of 8 bits, turned":      {append(header(7000, 7000, 8), chunk("eXIf", lying)...), "memoria"},
		"odd jpeg, turned":           {append([]byte("\xff\xd8"), append(segment(0xe1, "Exif\x00\x00"+lying), sof(0xc0, 6001, 6001, 3)[2:]...)...), "memoria"},
		"even jpeg, turned":          {append([]byte("\xff\xd8"), append(segment(0xe1, "Exif\x00\x00"+lying), sof(0xc0, 6000, 6000, 3)[2:]...)...), "danneggiata"},
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
		"empty":    {"", "Il file è vuoto"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Clean([]byte(tt.data), Default())
			requireRefusal(t, err, tt.refuse)
		})
	}
}
