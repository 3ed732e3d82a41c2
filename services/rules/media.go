// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (k *checker) media() {
	seen := map[string]int{}
	for i := range k.c.Media {
		m := &k.c.Media[i]
		field := fmt.Sprintf("media[%d]", i)
		k.stored(field, m)
		if first, twice := seen[m.Hash]; twice && m.Hash != "" {
			k.refuse(codeMedia, field, fmt.Sprintf("È lo stesso file di media[%d]. Toglierne uno.", first), fmt.Sprintf("It is the same file as media[%d]. Remove one.", first))
		}
		seen[m.Hash] = i
		k.alt(field+".alt", *m)
	}
}

// stored takes from the store what a document cannot know better.
func (k *checker) stored(field string, m *palinsesto.Media) {
	name := m.Filename
	if name == "" {
		name = "senza nome"
	}
	switch known, ok := k.look(m.Hash); {
	case m.Hash == "":
		k.refuse(codeMedia, field, fmt.Sprintf("Il file «%s» non è stato caricato, o la casa non può prenderlo. Caricarlo e indicare l'id che si riceve.", name),
			fmt.Sprintf("The file %q was not uploaded, or the house cannot take it. Upload it and give the id of the answer.", name))
	case !ok:
		k.refuse(codeMedia, field+".id", fmt.Sprintf("Il file «%s» non c'è nell'archivio. Caricarlo di nuovo e indicare l'id che si riceve.", name),
			fmt.Sprintf("The file %q is not in the store. Upload it again and give the id of the answer.", name))
	default:
		if m.Filename != "" {
			known.Filename = m.Filename
		}
		if m.Alt != "" {
			known.Alt = m.Alt
		}
		known.Hash = m.Hash
		*m = known
	}
}

func (k *checker) look(hash string) (palinsesto.Media, bool) {
	if k.w.Media == nil || !validHash(hash) {
		return palinsesto.Media{}, false
	}
	return k.w.Media(hash)
}

// validHash: 64 digits of hexadecimal, in lower case.
func validHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func (k *checker) alt(field string, m palinsesto.Media) {
	if isCaptions(m) {
		return
	}
	switch {
	case strings.TrimSpace(m.Alt) == "":
		k.refuse(codeAlt, field, "Manca il testo alternativo: chi non vede non saprebbe che cosa c'è. Descrivere in una frase che cosa si vede, e le scritte.",
			"The alternative text is missing: who cannot see would not know what is there. Describe in a sentence what one sees, and any words in it.")
	case saysNothing(m.Alt, m.Filename):
		k.refuse(codeAlt, field, fmt.Sprintf("«%s» è il nome del file o una parola generica, non una descrizione. Scrivere in una frase che cosa si vede, e le scritte.", short(m.Alt)),
			fmt.Sprintf("%q is the name of the file or a general word, no description. Write in a sentence what one sees, and any words in it.", short(m.Alt)))
	}
}

func isCaptions(m palinsesto.Media) bool {
	ext := strings.ToLower(path.Ext(m.Filename))
	return m.Kind == "captions" || m.Kind == "" && (ext == ".srt" || ext == ".vtt")
}

// fileName is the look of a file's name.
var fileName = regexp.MustCompile(`(?i)^\S+\.(jpe?g|png|gif|webp|heic|heif|avif|bmp|tiff?|svg|pdf|mp4|m4v|mov|avi|mkv|webm)$`)

func saysNothing(alt, filename string) bool {
	a := plain(alt)
	if a == "" || fileName.MatchString(alt) || isGeneral(a) {
		return true
	}
	stem := strings.TrimSuffix(filename, path.Ext(filename))
	return a == plain(filename) || a == plain(stem) || a == plain(copied.ReplaceAllString(stem, ""))
}

// copied is what a file's name gets when it is saved twice.
var copied = regexp.MustCompile(`\s*\([0-9]+\)$`)

// isGeneral tells whether a text has only words that fit any file, and numbers: what people write to get
// past the field, and what cameras, telephones and programs call what nobody has named.
func isGeneral(a string) bool {
	for _, word := range strings.Fields(a) {
		switch strings.Trim(word, "0123456789") {
		case "", "immagine", "immagini", "image", "images", "foto", "photo", "photos", "fotografia", "fotografie",
			"picture", "pictures", "pic", "figura", "video", "filmato", "locandina", "volantino", "manifesto", "poster", "flyer",
			"grafica", "icona", "banner", "logo", "scheda", "copertina", "anteprima", "allegato", "file", "documento",
			"alt", "testo", "alternativo", "text", "descrizione", "description", "titolo", "senza", "untitled", "unnamed",
			"nessuno", "nessuna", "none", "null", "undefined", "na", "n", "vuoto", "test", "prova",
			"img", "dsc", "dscn", "dscf", "dcim", "pxl", "mvimg", "vid", "mov", "p", "wa", "whatsapp", "telegram", "signal",
			"screenshot", "schermata", "scan", "scansione", "download", "copia", "copy",
			"a", "al", "alle", "at", "am", "pm", "ore", "la", "il", "lo", "l", "le", "i", "gli", "un", "una", "uno",
			"di", "del", "della", "dell", "e", "the", "of", "an", "and":
		default:
			return false
		}
	}
	return true
}

// plain reduces a text to its words: no case, no accents, no punctuation. Lists are searched with it, so that
// only what is not ASCII is taken apart.
func plain(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	add := func(r rune) {
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
	}
	fold := func(r rune) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			add(r)
		default:
			gap = true
		}
	}
	s = strings.ToLower(s)
	for i, r := range s {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			add(r)
			continue
		}
		if r < utf8.RuneSelf {
			gap = true
			continue
		}
		parts := norm.NFD.PropertiesString(s[i:]).Decomposition()
		if len(parts) == 0 {
			fold(r)
		}
		for len(parts) > 0 {
			d, size := utf8.DecodeRune(parts)
			fold(d)
			parts = parts[size:]
		}
	}
	return b.String()
}
