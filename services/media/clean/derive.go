// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
)

// Target is what a network takes. A zero field is no limit.
type Target struct {
	MaxBytes int64
	MaxSum   int     // of width and height, in pixels (Telegram's rule for photos)
	MaxRatio float64 // of the longer side to the shorter one
	MaxSide  int     // of the longer side, in pixels
	JPEG     bool    // nothing but JPEG is taken
}

// leastQuality is where lowering stops: below it, blocks show and a smaller picture looks better.
const (
	leastQuality = 60
	qualityStep  = 10
	sideStep     = 0.8
	leastSide    = 64
)

// Derive brings a cleaned image to what a network takes. If it already fits, and for video and
// captions that fit, the same bytes come back. data must come from Clean: metadata are not looked for
// here, and what is checked again is only that decoding stays within reason.
func Derive(data []byte, t Target) (Result, error) {
	if len(data) == 0 {
		return Result{}, empty()
	}
	f, err := sniff(data)
	if err != nil {
		return Result{}, err
	}
	if f == formatMP4 || f == formatMOV || f == formatSRT || f == formatVTT {
		return deriveOther(data, f, t)
	}
	if f != formatJPEG && f != formatPNG {
		return Result{}, refuse("L'immagine non è fra quelle che la casa conserva (JPEG o PNG): non è passata dalla pulizia. Caricala di nuovo.",
			"The image is not of those that are kept (JPEG or PNG): it has not been cleaned. Upload it again.")
	}
	if _, err := checkImage(data, f, reason(data)); err != nil {
		return Result{}, err
	}
	cfg, err := decodeConfig(data, f)
	if err != nil {
		return Result{}, brokenImage(err)
	}
	if err := checkRatio(cfg.Width, cfg.Height, t.MaxRatio); err != nil {
		return Result{}, err
	}
	w, h := fit(cfg.Width, cfg.Height, t)
	if w == cfg.Width && h == cfg.Height && t.takes(len(data)) && (f == formatJPEG || !t.JPEG) {
		return same(data, f, w, h), nil
	}
	img, err := decode(data, f)
	if err != nil {
		return Result{}, brokenImage(err)
	}
	return deriveImage(img, f, w, h, t)
}

// deriveOther passes on what this package cannot make smaller.
func deriveOther(data []byte, f format, t Target) (Result, error) {
	if !t.takes(len(data)) {
		return Result{}, tooManyBytes(len(data), t.MaxBytes)
	}
	var res Result
	var err error
	if f == formatMP4 || f == formatMOV {
		res, _, err = readVideo(data, f)
	} else {
		res, err = cleanCaptions(data, f, reason(data))
	}
	if err != nil {
		return Result{}, asRefusal(err)
	}
	res.Data, res.Notes = data, nil
	return res, nil
}

// reason is wider than Default, since the caller may have cleaned with wider limits of its own.
func reason(data []byte) Limits {
	lim := Default()
	lim.MaxPixels *= 4
	lim.MaxMemory *= 4
	lim.MaxCaptionBytes = int64(len(data))
	return lim
}

func (t Target) takes(n int) bool { return t.MaxBytes <= 0 || int64(n) <= t.MaxBytes }

func same(data []byte, f format, w, h int) Result {
	res := Result{Data: data, Kind: Image, MIME: "image/png", Ext: ".png", Width: w, Height: h}
	if f == formatJPEG {
		res.MIME, res.Ext = "image/jpeg", ".jpg"
	}
	return res
}

func checkRatio(w, h int, limit float64) error {
	ratio := float64(max(w, h)) / float64(min(w, h))
	if limit <= 0 || ratio <= limit {
		return nil
	}
	return refuse(
		fmt.Sprintf("L'immagine (%d x %d pixel) è troppo stretta e lunga: la rete prende lati in rapporto di al massimo %g a 1. Ritagliala e caricala di nuovo.", w, h, limit),
		fmt.Sprintf("The image (%d x %d pixels) is too long and narrow: the network takes sides of at most %g to 1. Crop it and upload it again.", w, h, limit))
}

// fit returns the largest size of the same shape that the target takes.
func fit(w, h int, t Target) (int, int) {
	by := 1.0
	if t.MaxSide > 0 {
		by = min(by, float64(t.MaxSide)/float64(max(w, h)))
	}
	if t.MaxSum > 0 {
		by = min(by, float64(t.MaxSum)/float64(w+h))
	}
	if by >= 1 {
		return w, h
	}
	return shrink(w, h, by, t.MaxRatio)
}

// shrink rounds down, so that no limit is passed; of a long image rounding may make the shorter side
// too short for the ratio, then the longer one gives way.
func shrink(w, h int, by, ratio float64) (int, int) {
	// The product of a quotient may fall just below the whole number that was meant.
	w, h = max(1, int(math.Floor(float64(w)*by+1e-6))), max(1, int(math.Floor(float64(h)*by+1e-6)))
	if ratio > 1 {
		most := int(math.Floor(float64(min(w, h)) * ratio))
		w, h = min(w, most), min(h, most)
	}
	return w, h
}

// deriveImage tries, in this order, what costs the picture least: the size alone, then a lower JPEG
// quality step by step, then a smaller size.
func deriveImage(img image.Image, f format, w, h int, t Target) (Result, error) {
	var notes []string
	full := img.Bounds()
	if w != full.Dx() || h != full.Dy() {
		img = scale(img, w, h)
		notes = append(notes, fmt.Sprintf("Immagine ridotta da %d x %d a %d x %d pixel", full.Dx(), full.Dy(), w, h))
	}
	if f == formatPNG && !t.JPEG {
		res, err := encode(img, formatPNG, 0)
		if err != nil {
			return Result{}, fmt.Errorf("clean: encoding a derived PNG: %w", err)
		}
		if t.takes(len(res.Data)) {
			res.Notes = notes
			return res, nil
		}
	}
	if f == formatPNG {
		notes = append(notes, "PNG convertito in JPEG")
		if !opaque(img) {
			img = onWhite(img)
			notes = append(notes, "Trasparenza sostituita da un fondo bianco")
		}
	}
	return asSmallJPEG(img, t, notes)
}

func asSmallJPEG(img image.Image, t Target, notes []string) (Result, error) {
	for {
		for q := keptQuality; q >= leastQuality; q -= qualityStep {
			out := capped{limit: t.MaxBytes}
			err := encodeJPEG(&out, img, q)
			if errors.Is(err, errFull) {
				continue
			}
			if err != nil {
				return Result{}, fmt.Errorf("clean: encoding a derived JPEG: %w", err)
			}
			if q < keptQuality {
				notes = append(notes, fmt.Sprintf("Qualità JPEG abbassata a %d", q))
			}
			res := same(out.buf.Bytes(), formatJPEG, img.Bounds().Dx(), img.Bounds().Dy())
			res.Notes = slices.Clip(notes)
			return res, nil
		}
		w, h := shrink(img.Bounds().Dx(), img.Bounds().Dy(), sideStep, t.MaxRatio)
		if min(w, h) < leastSide {
			return Result{}, refuse(
				fmt.Sprintf("L'immagine non si lascia ridurre ai %s che la rete prende. Usane una più semplice.", megabytes(t.MaxBytes, ",")),
				fmt.Sprintf("The image cannot be reduced to the %s that the network takes. Use a simpler one.", megabytes(t.MaxBytes, ".")))
		}
		img = scale(img, w, h)
		notes = append(notes, fmt.Sprintf("Immagine ridotta a %d x %d pixel per il peso", w, h))
	}
}

var errFull = errors.New("clean: the byte limit is reached")

// capped stops an encoder as soon as the limit is passed. The limit of zero is none.
type capped struct {
	buf   bytes.Buffer
	limit int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.limit > 0 && int64(c.buf.Len()+len(p)) > c.limit {
		return 0, errFull
	}
	return c.buf.Write(p)
}
