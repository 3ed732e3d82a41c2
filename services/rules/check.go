// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Bounds of the fields: far above what people write, far below what would hurt a page or a store.
const (
	maxTitle    = 200  // as people count: grapheme clusters
	maxTitleRun = 1000 // code points: a cluster has no upper bound
	maxBody     = 10_000
	maxPlace    = 200
	maxEmail    = 254 // RFC 5321, section 4.5.3.1.3
	maxAlt      = 1500
	maxFilename = 255
)

// Check normalises c in place and tells everything that is wrong with it, or that people should know.
// Channels are the ids that the wanted ones came to. Checked again, a normalised content has no fixes.
func Check(w World, centre string, c *palinsesto.Content) (channels []string, problems []palinsesto.Problem) {
	k := &checker{w: w, centre: centre, c: c}
	if k.w.MinLead == 0 {
		k.w.MinLead = DefaultLead
	}
	k.texts()
	k.who()
	k.times()
	k.link()
	k.email()
	k.tags()
	k.media()
	channels = k.channels()
	k.lengths()
	return channels, k.list
}

type checker struct {
	findings
	w      World
	centre string
	c      *palinsesto.Content
	asked  []asked // networks that were asked for, once each
}

// asked is a network and the field that asks for it.
type asked struct{ network, field string }

// texts tidies every text and holds it to its length.
func (k *checker) texts() {
	c := k.c
	k.tidyField("title", &c.Title, false)
	k.tidyField("body", &c.Body, true)
	k.tidyField("place", &c.Place, false)
	k.tidyField("contact_email", &c.ContactEmail, false)
	for i := range c.Media {
		c.Media[i].Filename = FileName(c.Media[i].Filename)
		k.tidyField(fmt.Sprintf("media[%d].alt", i), &c.Media[i].Alt, false)
		k.long(fmt.Sprintf("media[%d].alt", i), network.Runes, c.Media[i].Alt, maxAlt)
		k.long(fmt.Sprintf("media[%d].filename", i), network.Bytes, c.Media[i].Filename, maxFilename)
	}
	k.need("title", c.Title, "Manca il titolo. Scriverne uno breve che dica di che cosa si tratta.", "The title is missing. Write a short one that says what it is about.")
	k.need("body", c.Body, "Manca il testo. Scrivere che cosa succede, per chi e come partecipare.", "The text is missing. Write what happens, for whom and how to take part.")
	if !k.long("title", network.Graphemes, c.Title, maxTitle) {
		k.long("title", network.Runes, c.Title, maxTitleRun)
	}
	k.long("body", network.Runes, c.Body, maxBody)
	k.long("place", network.Runes, c.Place, maxPlace)
	k.markup("title", c.Title)
	k.markup("body", c.Body)
}

func (k *checker) need(field, s, it, en string) {
	if s == "" {
		k.refuse(codeField, field, it, en)
	}
}

func (k *checker) long(field string, u network.Unit, s string, most int) bool {
	n := network.Count(u, s)
	if n > most {
		k.refuse(codeField, field, fmt.Sprintf("Il testo è di %d caratteri, il massimo è %d. Accorciarlo di %d.", n, most, n-most),
			fmt.Sprintf("The text has %d characters, at most %d are taken. Shorten it by %d.", n, most, n-most))
	}
	return n > most
}

// markup finds what was probably pasted from a page: it would be read as it stands, brackets and all.
var markup = regexp.MustCompile(`</?[A-Za-z][A-Za-z0-9-]*(\s[^<>]*)?/?>|<!--|&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});`)

func (k *checker) markup(field, s string) {
	if m := markup.FindString(s); m != "" {
		k.mark(codeHTML, field, fmt.Sprintf("Il testo contiene quello che sembra codice di una pagina web: «%s». Uscirà così com'è scritto: toglierlo se non è voluto.", short(m)),
			fmt.Sprintf("The text has what looks like code of a web page: %q. It will be published as it stands: remove it if it is not meant.", short(m)))
	}
}

func (k *checker) who() {
	switch {
	case k.centre == "":
		k.refuse(codeCentre, "centre", "Manca il centro che segnala. Indicarne l'id, per esempio «ancona».", "The reporting centre is missing. Give its id, such as \"ancona\".")
	case !palinsesto.ValidName(k.centre) || k.w.Centre == nil || !k.w.Centre(k.centre):
		k.refuse(codeCentre, "centre", fmt.Sprintf("Il centro «%s» non esiste. Usare l'id di uno dei centri configurati.", short(k.centre)),
			fmt.Sprintf("There is no centre %q. Use the id of one of the configured centres.", short(k.centre)))
	}
	kinds := make([]string, 0, len(palinsesto.Kinds))
	for _, x := range palinsesto.Kinds {
		kinds = append(kinds, string(x))
	}
	list := strings.Join(kinds, ", ")
	switch {
	case k.c.Kind == "":
		k.refuse(codeKind, "kind", "Manca il tipo. Tipi: "+list+".", "The kind is missing. Kinds: "+list+".")
	case !slices.Contains(palinsesto.Kinds, k.c.Kind):
		k.refuse(codeKind, "kind", fmt.Sprintf("Il tipo «%s» non esiste. Tipi: %s.", short(string(k.c.Kind)), list),
			fmt.Sprintf("There is no kind %q. Kinds: %s.", short(string(k.c.Kind)), list))
	}
	if dated(k.c.Kind) && k.c.Place == "" {
		k.refuse(codeNoPlace, "place", "Manca il luogo. Scrivere dove si svolge, oppure «Online».", "The place is missing. Write where it takes place, or \"Online\".")
	}
}

// dated tells whether what a kind reports happens at a place and time.
func dated(kind palinsesto.Kind) bool {
	return kind == palinsesto.KindEvento || kind == palinsesto.KindAttivita || kind == palinsesto.KindDiretta
}
