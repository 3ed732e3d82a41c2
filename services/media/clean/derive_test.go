// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	xdraw "golang.org/x/image/draw"
)

// telegram is what the Bot API takes as a photo.
var telegram = Target{MaxBytes: 10 << 20, MaxSum: 10_000, MaxRatio: 20}

// noise does not compress, so that byte limits bind.
func noise(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

func cleaned(tb testing.TB, data []byte) []byte {
	tb.Helper()
	res, err := Clean(data, Default())
	require.NoError(tb, err)
	return res.Data
}

func TestDeriveLeavesWhatFits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mani.jpg", "modulo.png", "giulia.mp4", "giulia.srt"} {
		kept, err := Clean(sample(t, name), Default())
		require.NoError(t, err)
		res, err := Derive(kept.Data, telegram)
		require.NoError(t, err, name)
		kept.Notes = nil
		require.Equal(t, kept, res, name)
	}
}

func TestDerive(t *testing.T) {
	t.Parallel()
	jpg := func(img image.Image) []byte { return cleaned(t, jpegWith(t, img)) }
	tests := map[string]struct {
		data []byte
		t    Target
		mime string
		w, h int
		note string
	}{
		"by side":              {jpg(quarters(400, 200)), Target{MaxSide: 100}, "image/jpeg", 100, 50, "Immagine ridotta da 400 x 200 a 100 x 50 pixel"},
		"by sum":               {jpg(quarters(400, 200)), Target{MaxSum: 300}, "image/jpeg", 200, 100, "Immagine ridotta"},
		"png stays png":        {pngWith(t, quarters(400, 200)), Target{MaxSide: 100}, "image/png", 100, 50, "Immagine ridotta"},
		"jpeg wanted":          {pngWith(t, quarters(40, 20)), Target{JPEG: true}, "image/jpeg", 40, 20, "PNG convertito in JPEG"},
		"quality":              {jpg(noise(400, 200)), Target{MaxBytes: 48_000}, "image/jpeg", 400, 200, "Qualità JPEG abbassata a 70"},
		"heavy png":            {pngWith(t, noise(200, 100)), Target{MaxBytes: 30_000}, "image/jpeg", 200, 100, "PNG convertito in JPEG"},
		"lower than quality":   {jpg(noise(400, 200)), Target{MaxBytes: 30_000}, "image/jpeg", 320, 160, "Immagine ridotta a 320 x 160 pixel per il peso"},
		"ratio after rounding": {jpg(quarters(1999, 100)), Target{MaxSide: 1000, MaxRatio: 20}, "image/jpeg", 1000, 50, "Immagine ridotta"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := Derive(tt.data, tt.t)
			require.NoError(t, err)
			require.Equal(t, []any{tt.mime, tt.w, tt.h}, []any{res.MIME, res.Width, res.Height}, "%v %d", res.Notes, len(res.Data))
			require.Contains(t, res.Notes[0]+res.Notes[len(res.Notes)-1], tt.note)
			img, _, err := image.Decode(bytes.NewReader(res.Data))
			require.NoError(t, err)
			require.Equal(t, image.Rect(0, 0, tt.w, tt.h), img.Bounds())
			if tt.t.MaxBytes > 0 {
				require.LessOrEqual(t, int64(len(res.Data)), tt.t.MaxBytes)
			}
			again, err := Derive(tt.data, tt.t)
			require.NoError(t, err)
			require.Equal(t, res, again)
			fits, err := Derive(res.Data, tt.t)
			require.NoError(t, err)
			require.Equal(t, res.Data, fits.Data, "what was derived fits")
		})
	}
}

func TestDeriveRefuses(t *testing.T) {
	t.Parallel()
	_, err := Derive(pngWith(t, quarters(210, 10)), telegram)
	requireRefusal(t, err, "20 a 1")
	_, err = Derive(jpegWith(t, noise(200, 200)), Target{MaxBytes: 500})
	requireRefusal(t, err, "non si lascia ridurre")
	_, err = Derive(newFilm().bytes(), Target{MaxBytes: 100})
	requireRefusal(t, err, "massimo")
	_, err = Derive([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), telegram)
	requireRefusal(t, err, "JPEG o PNG")
	_, err = Derive(nil, telegram)
	requireRefusal(t, err, "vuoto")
}

func TestDeriveFlattensOnWhite(t *testing.T) {
	t.Parallel()
	res, err := Derive(pngWith(t, image.NewNRGBA(image.Rect(0, 0, 20, 20))), Target{JPEG: true})
	require.NoError(t, err)
	img, _, err := image.Decode(bytes.NewReader(res.Data))
	require.NoError(t, err)
	require.Equal(t, color.NRGBA{255, 255, 255, 255}, color.NRGBAModel.Convert(img.At(10, 10)))
	require.Contains(t, res.Notes, "Trasparenza sostituita da un fondo bianco")
}

// fit never passes a limit, and never loses more than a pixel.
func TestFit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		w, h := 1+r.IntN(12_000), 1+r.IntN(12_000)
		target := Target{MaxSum: 2 + r.IntN(10_000), MaxSide: 1 + r.IntN(8_000), MaxRatio: 20}
		if checkRatio(w, h, target.MaxRatio) != nil {
			continue
		}
		nw, nh := fit(w, h, target)
		require.True(t, nw >= 1 && nh >= 1 && nw <= w && nh <= h)
		require.True(t, nw+nh <= target.MaxSum && max(nw, nh) <= target.MaxSide, "%dx%d %+v gives %dx%d", w, h, target, nw, nh)
		require.NoError(t, checkRatio(nw, nh, target.MaxRatio))
		again, _ := fit(nw, nh, target)
		require.Equal(t, nw, again, "what fits stays")
	}
}

// The banded scaler gives what the library gives at once, but for the rounding in between.
func TestScaleIsCatmullRom(t *testing.T) {
	t.Parallel()
	src := quarters(300, 210)
	draw.Draw(src, image.Rect(50, 50, 200, 150), noise(150, 100), image.Point{}, draw.Src)
	for _, size := range []image.Point{{100, 70}, {299, 209}, {17, 130}} {
		want := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
		xdraw.CatmullRom.Scale(want, want.Rect, src, src.Rect, draw.Src, nil)
		have := scale(src, size.X, size.Y)
		worst := 0
		for i := range want.Pix {
			worst = max(worst, int(want.Pix[i])-int(have.Pix[i]), int(have.Pix[i])-int(want.Pix[i]))
		}
		require.LessOrEqual(t, worst, 24, "%v", size)
	}
}

func BenchmarkDerive12MP(b *testing.B) {
	data := sample(b, "IMG_20261118_101112.jpg")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Derive(data, Target{MaxSum: 4000}); err != nil {
			b.Fatal(err)
		}
	}
}
