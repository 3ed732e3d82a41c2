// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"image"

	"golang.org/x/image/draw"
)

// bandSize is how many rows or columns are scaled at once.
const bandSize = 64

// scale makes an image w x h by Catmull-Rom. The library's scaler keeps four float64 per pixel of its
// intermediate image, a gigabyte for a large photo; so the two directions are done one after the other
// in bands. That is the same filter: rows do not touch each other while the width changes, nor columns
// while the height does.
func scale(img image.Image, w, h int) *image.RGBA {
	b := img.Bounds()
	sw, sh := b.Dx(), b.Dy()
	mid := image.NewRGBA(image.Rect(0, 0, w, sh))
	across := func(n int) draw.Scaler { return draw.CatmullRom.NewScaler(w, n, sw, n) }
	bands(sh, across, func(s draw.Scaler, y, n int) {
		from := image.Rect(b.Min.X, b.Min.Y+y, b.Max.X, b.Min.Y+y+n)
		s.Scale(mid, image.Rect(0, y, w, y+n), img, from, draw.Src, nil)
	})
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	down := func(n int) draw.Scaler { return draw.CatmullRom.NewScaler(n, h, n, sh) }
	bands(w, down, func(s draw.Scaler, x, n int) {
		s.Scale(dst, image.Rect(x, 0, x+n, h), mid, image.Rect(x, 0, x+n, sh), draw.Src, nil)
	})
	return dst
}

// bands goes through length in bands, with one scaler for all that are full: it keeps its buffer.
func bands(length int, scaler func(n int) draw.Scaler, do func(s draw.Scaler, at, n int)) {
	full := scaler(bandSize)
	at := 0
	for ; at+bandSize <= length; at += bandSize {
		do(full, at, bandSize)
	}
	if rest := length - at; rest > 0 {
		do(scaler(rest), at, rest)
	}
}
