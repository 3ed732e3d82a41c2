// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

type format int

const (
	formatJPEG format = iota + 1
	formatPNG
	formatGIF
	formatWebP
	formatMP4
	formatMOV
	formatSRT
	formatVTT
)

// sniffBytes bounds what is given to the type library: enough for every signature it knows.
const sniffBytes = 3072

// sniff recognises a file by its first bytes. What the house takes it recognises by itself; the
// library only gives a name to what is refused, so that the sentence can say what the file is.
func sniff(data []byte) (format, error) {
	if len(data) == 0 {
		return 0, refuse("Il file è vuoto (0 byte): forse il salvataggio o l'invio si è interrotto. Controlla che si apra e caricalo di nuovo.",
			"The file is empty (0 bytes): perhaps saving or sending it broke off. Check that it opens and upload it again.")
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return formatJPEG, nil
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return formatPNG, nil
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return formatGIF, nil
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return formatWebP, nil
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return sniffBrand(string(data[8:12]))
	case len(data) >= 8 && oldQuickTime(string(data[4:8])):
		return 0, refuse("Il video è un QuickTime di vecchio tipo, che le reti non leggono. Esportalo come MP4 (H.264) e caricalo di nuovo.",
			"The video is an old kind of QuickTime file that the networks cannot read. Export it as MP4 (H.264) and upload it again.")
	}
	if f, ok, err := sniffCaptions(data); ok || err != nil {
		return f, err
	}
	return 0, unknownType(data)
}

// sniffBrand tells the files of the ISO base media family apart by their major brand
// (https://mp4ra.org/registered-types/brands). An unknown brand is tried as MP4: the walker decides.
func sniffBrand(brand string) (format, error) {
	switch brand {
	case "qt  ":
		return formatMOV, nil
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1":
		return 0, unknownNamed("image/heic")
	case "avif", "avis":
		return 0, unknownNamed("image/avif")
	case "crx ":
		return 0, unknownNamed("image/x-canon-cr3")
	case "M4A ", "M4B ", "M4P ", "F4A ", "F4B ":
		return 0, unknownNamed("audio/mp4")
	}
	return formatMP4, nil
}

func oldQuickTime(box string) bool {
	switch box {
	case "moov", "mdat", "wide", "pnot", "skip", "free":
		return true
	}
	return false
}

func unknownType(data []byte) *Refusal {
	m := mimetype.Detect(data[:min(len(data), sniffBytes)])
	for ; m != nil; m = m.Parent() {
		if r := unknownNamed(m.String()); r != nil {
			return r
		}
	}
	return refuse("Non si riconosce che tipo di file sia: la casa prende foto (JPEG, PNG, WebP, GIF ferma), video (MP4) e sottotitoli (SRT, WebVTT). Salvalo in uno di questi formati e caricalo di nuovo.",
		"The type of the file is not recognised: photos (JPEG, PNG, WebP, still GIF), videos (MP4) and captions (SRT, WebVTT) are taken. Save it as one of these and upload it again.")
}

// unknownNamed is the refusal of a type that has a name, or nil.
func unknownNamed(mime string) *Refusal {
	mime, _, _ = strings.Cut(mime, ";")
	it, en, doIT, doEN := foreign(mime)
	if it == "" {
		return nil
	}
	return refuse(
		fmt.Sprintf("Il file è %s: le reti non lo prendono come foto o video. %s", it, doIT),
		fmt.Sprintf("The file is %s: the networks do not take it as a photo or a video. %s", en, doEN))
}

// foreign names a type that people do upload, and says what they can do with it.
func foreign(mime string) (it, en, doIT, doEN string) {
	const (
		asJPEG, asJPEGen = "Salvalo come JPEG o PNG e caricalo di nuovo.", "Save it as JPEG or PNG and upload it again."
		asMP4, asMP4en   = "Esportalo come MP4 (H.264) e caricalo di nuovo.", "Export it as MP4 (H.264) and upload it again."
		asVid, asViden   = "Per pubblicare un suono, fanne un video MP4 con un'immagine fissa.", "To publish sound, make an MP4 video of it with a still picture."
		asPage, asPageen = "Esporta la pagina che serve come PNG o JPEG, oppure metti un link al documento.", "Export the page needed as PNG or JPEG, or give a link to the document."
	)
	switch mime {
	case "image/heic", "image/heic-sequence", "image/heif", "image/heif-sequence":
		return "una foto HEIC (quella degli iPhone)", "a HEIC photo (as iPhones make them)",
			"Salvala come JPEG e caricala di nuovo; su iPhone: Impostazioni, Fotocamera, Formati, Più compatibile.",
			"Save it as JPEG and upload it again; on an iPhone: Settings, Camera, Formats, Most Compatible."
	case "image/bmp":
		return "un'immagine BMP, senza compressione", "a BMP image, without compression", asJPEG, asJPEGen
	case "image/tiff", "image/x-canon-cr3", "image/x-canon-cr2", "image/x-nikon-nef", "image/x-adobe-dng":
		return "un'immagine TIFF o RAW, da archivio o da stampa", "a TIFF or RAW image, meant for archives or print", asJPEG, asJPEGen
	case "image/svg+xml":
		return "un disegno SVG, che può contenere programmi", "an SVG drawing, which may contain programs", "Esportalo come PNG e caricalo di nuovo.", "Export it as PNG and upload it again."
	case "image/avif", "image/jxl", "image/jp2", "image/jpx", "image/jpm", "image/jxr", "image/x-icon", "image/vnd.adobe.photoshop":
		return "un'immagine in un formato poco diffuso (" + mime + ")", "an image of an uncommon format (" + mime + ")", asJPEG, asJPEGen
	case "application/pdf":
		return "un documento PDF", "a PDF document", asPage, asPageen
	case "application/zip", "application/x-ole-storage", "text/html", "text/rtf", "application/x-7z-compressed", "application/x-rar-compressed":
		return "un documento o un archivio (" + mime + ")", "a document or an archive (" + mime + ")", asPage, asPageen
	case "video/webm", "video/x-matroska", "video/x-msvideo", "video/mpeg", "video/x-flv", "video/x-ms-asf", "video/mp2t", "video/ogg":
		return "un video che non è MP4 (" + mime + ")", "a video that is not MP4 (" + mime + ")", asMP4, asMP4en
	case "audio/mpeg", "audio/mp4", "audio/wav", "audio/ogg", "audio/flac", "audio/aac", "audio/amr", "audio/x-m4a":
		return "un suono (" + mime + ")", "a sound (" + mime + ")", asVid, asViden
	case "text/plain":
		return "un testo che non è in forma di sottotitoli", "a text that is not in the form of captions",
			"Metti il testo nella segnalazione, oppure carica sottotitoli SRT o WebVTT.", "Put the text into the report, or upload SRT or WebVTT captions."
	}
	return "", "", "", ""
}
