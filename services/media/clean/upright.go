// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"image"
	"image/draw"
)

// upright turns an image as its EXIF orientation (1..8) asks.
func upright(img image.Image, o int) image.Image {
	if o <= 1 || o > 8 {
		return img
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	r := image.Rect(0, 0, w, h)
	if o >= 5 {
		r = image.Rect(0, 0, h, w)
	}
	switch m := img.(type) {
	case *image.YCbCr:
		if dst := turnYCbCr(m, r, o); dst != nil {
			return dst
		}
	case *image.Gray:
		dst := image.NewGray(r)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 1, o)
		return dst
	case *image.Gray16:
		dst := image.NewGray16(r)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 2, o)
		return dst
	case *image.Paletted:
		dst := image.NewPaletted(r, m.Palette)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 1, o)
		return dst
	case *image.RGBA:
		dst := image.NewRGBA(r)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 4, o)
		return dst
	case *image.RGBA64:
		dst := image.NewRGBA64(r)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 8, o)
		return dst
	case *image.NRGBA64:
		dst := image.NewNRGBA64(r)
		turn(dst.Pix, dst.Stride, m.Pix, m.Stride, w, h, 8, o)
		return dst
	}
	src, ok := img.(*image.NRGBA)
	if !ok {
		src = image.NewNRGBA(image.Rect(0, 0, w, h))
		draw.Draw(src, src.Rect, img, b.Min, draw.Src)
	}
	dst := image.NewNRGBA(r)
	turn(dst.Pix, dst.Stride, src.Pix, src.Stride, w, h, 4, o)
	return dst
}

// turnYCbCr turns the planes as they are, which keeps a photo at one and a half bytes per pixel. It
// returns nil where the chroma cannot follow exactly: odd sides, and ratios without a turned twin.
func turnYCbCr(m *image.YCbCr, r image.Rectangle, o int) image.Image {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	ratio := m.SubsampleRatio
	cw, ch := w, h
	switch ratio {
	case image.YCbCrSubsampleRatio444:
	case image.YCbCrSubsampleRatio420:
		cw, ch = w/2, h/2
	case image.YCbCrSubsampleRatio422:
		cw = w / 2
	case image.YCbCrSubsampleRatio440:
		ch = h / 2
	default:
		return nil
	}
	if cw*2 != w && cw != w || ch*2 != h && ch != h {
		return nil
	}
	if o >= 5 && ratio == image.YCbCrSubsampleRatio422 {
		ratio = image.YCbCrSubsampleRatio440
	} else if o >= 5 && ratio == image.YCbCrSubsampleRatio440 {
		ratio = image.YCbCrSubsampleRatio422
	}
	dst := image.NewYCbCr(r, ratio)
	turn(dst.Y, dst.YStride, m.Y, m.YStride, w, h, 1, o)
	turn(dst.Cb, dst.CStride, m.Cb, m.CStride, cw, ch, 1, o)
	turn(dst.Cr, dst.CStride, m.Cr, m.CStride, cw, ch, 1, o)
	return dst
}

// turn copies a plane of w x h samples of n bytes, so that it stands upright in dst. The source of
// dst's sample (x, y) lies at base + x*dx + y*dy.
func turn(dst []byte, dstStride int, src []byte, stride, w, h, n, o int) {
	right, bottom := (w-1)*n, (h-1)*stride
	var base, dx, dy int
	switch o {
	case 2: // mirrored
		base, dx, dy = right, -n, stride
	case 3: // upside down
		base, dx, dy = right+bottom, -n, -stride
	case 4: // mirrored, upside down
		base, dx, dy = bottom, n, -stride
	case 5: // mirrored along the diagonal
		base, dx, dy = 0, stride, n
	case 6: // lying on its left side: turn clockwise
		base, dx, dy = bottom, -stride, n
	case 7: // mirrored along the other diagonal
		base, dx, dy = right+bottom, -stride, -n
	case 8: // lying on its right side
		base, dx, dy = right, stride, -n
	}
	if o >= 5 {
		w, h = h, w
	}
	for y := range h {
		from, to := base+y*dy, y*dstStride
		for range w {
			if n == 1 {
				dst[to] = src[from]
			} else {
				copy(dst[to:to+n], src[from:from+n])
			}
			from, to = from+dx, to+n
		}
	}
}
