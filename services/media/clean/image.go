// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

const (
	keptQuality = 90
	// maxScans and maxScanned bound how often a JPEG makes the decoder go over it, and over how many
	// pixels in all: real ones have up to about fourteen scans, while a scan of a few dozen bytes may
	// cost as much as a whole image (the "progressive bomb"; libjpeg-turbo's own tools stop at 500).
	maxScans   = 100
	maxScanned = 1 << 30
)

func cleanImage(data []byte, f format, lim Limits) (Result, error) {
	if int64(len(data)) > lim.MaxImageBytes {
		return Result{}, tooManyBytes(len(data), lim.MaxImageBytes)
	}
	seen, err := checkImage(data, f, lim)
	if err != nil {
		return Result{}, err
	}
	img, err := decode(data, f)
	if err != nil {
		return Result{}, brokenImage(err)
	}
	img = upright(img, seen.exif.orientation)
	res, err := encode(img, keep(f, img), keptQuality)
	if err != nil {
		return Result{}, fmt.Errorf("clean: encoding the cleaned image: %w", err)
	}
	res.Notes = seen.notes(f, res.MIME)
	return res, nil
}

// checkImage bounds an image by what its header and container say, before it is decoded.
func checkImage(data []byte, f format, lim Limits) (facts, error) {
	cfg, err := decodeConfig(data, f)
	if err != nil {
		return facts{}, animatedOr(data, f, brokenImage(err))
	}
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return facts{}, brokenImage(errContainer)
	}
	// Both sides are below 2^32, so that a product of int64 could still wrap: divide instead.
	if int64(cfg.Width) > lim.MaxPixels/int64(cfg.Height) {
		return facts{}, tooManyPixels(cfg, lim.MaxPixels)
	}
	seen, err := inspect(data, f)
	if err != nil {
		return facts{}, brokenImage(err)
	}
	pixels := float64(cfg.Width) * float64(cfg.Height)
	switch {
	case seen.animated:
		return facts{}, animated()
	case seen.memory(cfg.Width, cfg.Height) > float64(lim.MaxMemory), seen.scans > maxScans, pixels*float64(seen.scans) > maxScanned:
		return facts{}, refuse("L'immagine è salvata in un modo che chiede troppa memoria o troppo tempo per aprirla. Salvala come JPEG normale (non progressivo), più piccola, e caricala di nuovo.",
			"The image is saved in a way that takes too much memory or time to open. Save it as a plain (not progressive) JPEG, smaller, and upload it again.")
	}
	return seen, nil
}

// animatedOr prefers the plainer sentence: the decoder knows no animated WebP and calls it broken.
func animatedOr(data []byte, f format, r *Refusal) *Refusal {
	if seen, err := inspect(data, f); err == nil && seen.animated {
		return animated()
	}
	return r
}

func decodeConfig(data []byte, f format) (image.Config, error) {
	r := bytes.NewReader(data)
	switch f {
	case formatJPEG:
		return jpeg.DecodeConfig(r)
	case formatPNG:
		return png.DecodeConfig(r)
	case formatGIF:
		return gif.DecodeConfig(r)
	default:
		return webp.DecodeConfig(r)
	}
}

// decode never lets a decoder's panic out: a file of a stranger must not stop the house.
func decode(data []byte, f format) (img image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			img, err = nil, fmt.Errorf("clean: the decoder panicked: %v", p)
		}
	}()
	r := bytes.NewReader(data)
	switch f {
	case formatJPEG:
		return jpeg.Decode(r)
	case formatPNG:
		return png.Decode(r)
	case formatGIF:
		return decodeGIF(r)
	default:
		return webp.Decode(r)
	}
}

// decodeGIF puts the only frame on its screen, which may be larger.
func decodeGIF(r *bytes.Reader) (image.Image, error) {
	cfg, err := gif.DecodeConfig(r)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	frame, err := gif.Decode(r)
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, cfg.Width, cfg.Height)
	if frame.Bounds() == screen {
		return frame, nil
	}
	canvas := image.NewNRGBA(screen)
	draw.Draw(canvas, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return canvas, nil
}

// keep says in which format the house keeps an image that came as f.
func keep(f format, img image.Image) format {
	if f == formatJPEG || f == formatWebP && opaque(img) {
		return formatJPEG
	}
	return formatPNG
}

func encode(img image.Image, f format, quality int) (Result, error) {
	b := img.Bounds()
	res := Result{Kind: Image, MIME: "image/png", Ext: ".png", Width: b.Dx(), Height: b.Dy()}
	var out bytes.Buffer
	var err error
	if f == formatJPEG {
		res.MIME, res.Ext = "image/jpeg", ".jpg"
		err = encodeJPEG(&out, img, quality)
	} else {
		err = png.Encode(&out, plain(img))
	}
	res.Data = out.Bytes()
	return res, err
}

// encodeJPEG writes only what the standard encoder writes: no APP segments, no comment.
func encodeJPEG(w io.Writer, img image.Image, quality int) error {
	switch img.(type) {
	case *image.YCbCr, *image.Gray, *image.RGBA:
	default:
		img = onWhite(img) // the encoder's path for other types asks for each pixel by itself
	}
	return jpeg.Encode(w, img, &jpeg.Options{Quality: quality})
}

func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// plain gives the PNG encoder a type that it is fast with.
func plain(img image.Image) image.Image {
	switch img.(type) {
	case *image.YCbCr, *image.NYCbCrA, *image.CMYK:
		dst := image.NewNRGBA(img.Bounds())
		draw.Draw(dst, dst.Rect, img, dst.Rect.Min, draw.Src)
		return dst
	}
	return img
}

func onWhite(img image.Image) *image.RGBA {
	dst := image.NewRGBA(img.Bounds())
	if !opaque(img) {
		draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	}
	draw.Draw(dst, dst.Rect, img, dst.Rect.Min, draw.Over)
	return dst
}

// notes tells the person what is no longer in the file.
func (f facts) notes(from format, mime string) []string {
	var out []string
	add := func(is bool, text string) {
		if is {
			out = append(out, text)
		}
	}
	add(f.exif.gps, "Posizione GPS rimossa")
	add(f.exif.device, "Marca e modello dell'apparecchio rimossi")
	add(f.exif.present, "Dati EXIF rimossi")
	add(f.xmp, "Dati XMP rimossi")
	add(f.text, "Testi e commenti nascosti rimossi")
	add(f.icc, "Profilo colore rimosso")
	add(f.exif.orientation > 1, "Immagine raddrizzata")
	add(from == formatGIF, "GIF convertita in PNG")
	add(from == formatWebP, "WebP convertito in "+map[string]string{"image/png": "PNG", "image/jpeg": "JPEG"}[mime])
	return out
}

func brokenImage(err error) *Refusal {
	return refuse("L'immagine è danneggiata o incompleta: non si riesce ad aprirla. Aprila con un programma di foto, salvala come JPEG o PNG e caricala di nuovo.",
		"The image is damaged or incomplete and cannot be opened. Open it in a photo program, save it as JPEG or PNG and upload it again.").because(err)
}

func animated() *Refusal {
	return refuse("L'immagine è animata: le reti la mostrerebbero ferma o la rifiuterebbero. Per il movimento caricala come video MP4, altrimenti salva un solo fotogramma come PNG.",
		"The image is animated: the networks would show it still or refuse it. For movement upload it as an MP4 video, else save one frame as PNG.")
}

func tooManyPixels(cfg image.Config, limit int64) *Refusal {
	return refuse(
		fmt.Sprintf("L'immagine misura %d x %d pixel, il massimo è %d megapixel. Riducila e caricala di nuovo.", cfg.Width, cfg.Height, limit/1_000_000),
		fmt.Sprintf("The image measures %d x %d pixels, at most %d megapixels are taken. Make it smaller and upload it again.", cfg.Width, cfg.Height, limit/1_000_000))
}
