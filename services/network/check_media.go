// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"fmt"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (c *checker) media(media []palinsesto.Media) {
	images, videos := 0, 0
	for i, m := range media {
		field := fmt.Sprintf(".media[%d]", i)
		switch m.Kind {
		case "image":
			images++
			c.image(field, m)
		case "video":
			videos++
			c.video(field, m)
		case "captions":
			c.captions(field)
		default:
			c.add("V-MEDIA", field, fmt.Sprintf("«%s» non è un'immagine, né un video, né un file di sottotitoli. Toglierlo.", m.Filename),
				fmt.Sprintf("%q is no image, no video and no captions file. Remove it.", m.Filename))
		}
		c.alt(field, m)
	}
	c.needs(images, videos)
	c.album(images, videos)
}

func (c *checker) needs(images, videos int) {
	switch {
	case c.limits.NeedsVideo && videos == 0:
		c.add("V-YTVIDEO", ".media", c.name+" pubblica solo video. Aggiungere un video o togliere la rete.",
			c.name+" publishes videos only. Add a video or leave the network out.")
	case c.limits.NeedsAny && images+videos == 0:
		c.add("V-IGMEDIA", ".media", c.name+" non pubblica post di solo testo. Aggiungere un'immagine o un video, o togliere la rete.",
			c.name+" publishes no post without media. Add an image or a video, or leave the network out.")
	}
}

func (c *checker) album(images, videos int) {
	n, most := images+videos, c.limits.Album
	if n > most {
		c.add("L-ALBUM", ".media", fmt.Sprintf("%d immagini e video in un solo invio, su %s il massimo è %d. Toglierne %d.", n, c.name, most, n-most),
			fmt.Sprintf("%d media in one request, %s takes at most %d. Remove %d.", n, c.name, most, n-most))
	} else if c.limits.VideoAlone && videos > 0 && n > 1 {
		c.add("L-ALBUM", ".media", c.name+" vuole il video da solo, senza altre immagini o video. Separarli.",
			c.name+" wants a video alone, without other media. Keep them apart.")
	}
}

func (c *checker) image(field string, m palinsesto.Media) {
	l := c.limits.Image
	if c.limits.NeedsVideo {
		c.add("V-MEDIA", field, c.name+" non pubblica immagini. Togliere l'immagine.", c.name+" publishes no images. Remove the image.")
		return
	}
	c.bytes(field, m, l.MaxBytes)
	if l.JPEG && m.MIME != "image/jpeg" {
		c.add("V-MEDIA", field, fmt.Sprintf("%s pubblica solo immagini JPEG, questa è %s. Convertirla.", c.name, m.MIME),
			fmt.Sprintf("%s publishes JPEG only, this is %s. Convert it.", c.name, m.MIME))
	}
	if m.Width <= 0 || m.Height <= 0 {
		return // unknown: nothing to hold against it
	}
	if l.MaxSum > 0 && m.Width+m.Height > l.MaxSum {
		c.add("V-MEDIA", field, fmt.Sprintf("L'immagine (%d x %d pixel) è troppo grande per %s. Ridurla.", m.Width, m.Height, c.name),
			fmt.Sprintf("The image (%d x %d pixels) is too large for %s. Scale it down.", m.Width, m.Height, c.name))
	}
	if l.shapeless(m.Width, m.Height) {
		c.add("V-MEDIA", field, fmt.Sprintf("L'immagine (%d x %d pixel) è troppo stretta e lunga per %s. Ritagliarla.", m.Width, m.Height, c.name),
			fmt.Sprintf("The image (%d x %d pixels) is too long and narrow for %s. Crop it.", m.Width, m.Height, c.name))
	}
}

// slack forgives what rounding to whole pixels does to a shape that is just at the limit.
const slack = 0.01

func (l ImageLimits) shapeless(w, h int) bool {
	ratio := float64(max(w, h)) / float64(min(w, h))
	tall := float64(h) / float64(w)
	return l.MaxRatio > 0 && ratio > l.MaxRatio+slack || l.MaxTall > 0 && tall > l.MaxTall+slack
}

func (c *checker) video(field string, m palinsesto.Media) { c.bytes(field, m, c.limits.VideoBytes) }

func (c *checker) captions(field string) {
	if !c.limits.Captions {
		c.add("V-MEDIA", field, c.name+" non ha un posto per i file di sottotitoli. Togliere il file da questa rete.",
			c.name+" has no place for captions files. Leave the file out on this network.")
	}
}

func (c *checker) bytes(field string, m palinsesto.Media, most int64) {
	if most > 0 && m.Bytes > most {
		c.add("V-MEDIA", field, fmt.Sprintf("«%s» pesa %s MB, su %s il massimo è %s MB. Ridurne qualità o durata.", m.Filename, tenths(m.Bytes, ","), c.name, tenths(most, ",")),
			fmt.Sprintf("%q weighs %s MB, %s takes at most %s MB. Reduce quality or length.", m.Filename, tenths(m.Bytes, "."), c.name, tenths(most, ".")))
	}
}

func (c *checker) alt(field string, m palinsesto.Media) {
	if n, most := utf8.RuneCountInString(m.Alt), c.limits.AltRunes; c.limits.Alt && most > 0 && n > most {
		c.add("L-ALT", field+".alt", fmt.Sprintf("Il testo alternativo conta %d caratteri, su %s il massimo è %d. Accorciarlo.", n, c.name, most),
			fmt.Sprintf("The alternative text counts %d characters, %s takes at most %d. Shorten it.", n, c.name, most))
	}
}

// tenths writes a size in millions of bytes, rounded up so that what is over a limit looks so.
func tenths(n int64, point string) string {
	t := (n + 99_999) / 100_000
	return fmt.Sprintf("%d%s%d", t/10, point, t%10)
}
