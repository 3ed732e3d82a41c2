// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Bounds of the lists of a document.
const (
	maxTags   = 30
	maxMedia  = 30
	maxWanted = 50
)

// Input is the JSON of a segnalazione, as people and programs send it. Absent, null and empty are the same.
type Input struct {
	Centre         string       `json:"centre"`
	Kind           string       `json:"kind"`
	Title          string       `json:"title"`
	Body           string       `json:"body"`
	StartsAt       string       `json:"starts_at,omitempty"` // RFC 3339, with the offset of the organisation's zone
	EndsAt         string       `json:"ends_at,omitempty"`
	ExpiresAt      string       `json:"expires_at,omitempty"`
	Place          string       `json:"place,omitempty"`
	Link           string       `json:"link,omitempty"`
	ContactEmail   string       `json:"contact_email,omitempty"`
	Tags           []string     `json:"tags"`
	Media          []InputMedia `json:"media"`
	WantedChannels []string     `json:"wanted_channels"`
}

// InputMedia names a file that was uploaded before.
type InputMedia struct {
	ID       string `json:"id,omitempty"` // that the upload answered: a SHA-256 in hex
	Filename string `json:"filename,omitempty"`
	Alt      string `json:"alt,omitempty"`
}

// FromContent is the document of what was written: what a form for a revision starts from.
func FromContent(centre string, c palinsesto.Content) Input {
	in := Input{
		Centre: centre, Kind: string(c.Kind), Title: c.Title, Body: c.Body, Place: c.Place, Link: c.Link,
		StartsAt: written(c.StartsAt), EndsAt: written(c.EndsAt), ExpiresAt: written(c.ExpiresAt),
		ContactEmail: c.ContactEmail, Tags: append([]string{}, c.Tags...), Media: []InputMedia{},
		WantedChannels: append([]string{}, c.WantedChannels...),
	}
	for _, m := range c.Media {
		in.Media = append(in.Media, InputMedia{ID: m.Hash, Filename: m.Filename, Alt: m.Alt})
	}
	return in
}

func written(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// Decode reads a document and tells everything that is wrong with its form. What could be read is in c,
// so that Check can tell the rest at the same time.
func Decode(doc []byte) (centre string, c palinsesto.Content, problems []palinsesto.Problem) {
	d := decoder{}
	root, err := parse(doc)
	if err != nil {
		text := err.Error()
		if b, ok := err.(*broken); ok { //nolint:errorlint // parse wraps nothing
			d.refuse(codeJSON, "", b.it, text)
		}
		return "", c, d.list
	}
	members, ok := root.value.([]member)
	if !ok {
		d.refuse(codeType, "", "Il documento non è un oggetto JSON: "+d.is(root)+". Inviare {\"centre\": …}.",
			"The document is not a JSON object. Send {\"centre\": …}.")
		return "", c, d.list
	}
	d.content(members, &centre, &c)
	return centre, c, d.list
}

type decoder struct{ findings }

func (d *decoder) content(members []member, centre *string, c *palinsesto.Content) {
	kind := ""
	d.object("", members, map[string]func(string, node){
		"centre":          func(f string, n node) { *centre = d.text(f, n) },
		"kind":            func(f string, n node) { kind = d.text(f, n) },
		"title":           func(f string, n node) { c.Title = d.text(f, n) },
		"body":            func(f string, n node) { c.Body = d.text(f, n) },
		"starts_at":       func(f string, n node) { c.StartsAt = d.moment(f, n) },
		"ends_at":         func(f string, n node) { c.EndsAt = d.moment(f, n) },
		"expires_at":      func(f string, n node) { c.ExpiresAt = d.moment(f, n) },
		"place":           func(f string, n node) { c.Place = d.text(f, n) },
		"link":            func(f string, n node) { c.Link = d.text(f, n) },
		"contact_email":   func(f string, n node) { c.ContactEmail = d.text(f, n) },
		"tags":            func(f string, n node) { c.Tags = d.texts(f, n, maxTags) },
		"media":           func(f string, n node) { c.Media = d.media(f, n) },
		"wanted_channels": func(f string, n node) { c.WantedChannels = d.texts(f, n, maxWanted) },
	})
	c.Kind = palinsesto.Kind(kind)
}

// object hands each member to the reader of its name; unknown and repeated names are problems.
func (d *decoder) object(at string, members []member, fields map[string]func(string, node)) {
	seen := map[string]bool{}
	for _, m := range members {
		field := m.key
		if at != "" {
			field = at + "." + m.key
		}
		read, known := fields[m.key]
		switch {
		case !known:
			d.refuse(codeField, short(field), "Il campo non esiste. Toglierlo o correggerne il nome.",
				"There is no such field. Remove it or correct its name.")
		case seen[m.key]:
			d.refuse(codeField, field, "Il campo c'è due volte: non si sa quale valga. Lasciarne uno.",
				"The field is there twice: nobody can tell which one counts. Leave one.")
		default:
			seen[m.key] = true
			read(field, m.value)
		}
	}
}

// short keeps a name of somebody else's making from filling a page.
func short(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	return string([]rune(s)[:60]) + "…"
}

// is names the type of a value, for people.
func (d *decoder) is(n node) string {
	switch n.value.(type) {
	case nil:
		return "null"
	case bool:
		return "vero o falso"
	case json.Number:
		return "un numero"
	case string:
		return "un testo"
	case []node:
		return "un elenco"
	default:
		return "un oggetto"
	}
}

func (d *decoder) wrong(field, it, en string, n node) {
	d.refuse(codeType, field, fmt.Sprintf("Qui va %s, c'è %s. Correggere il valore.", it, d.is(n)),
		fmt.Sprintf("This must be %s. Correct the value.", en))
}

func (d *decoder) text(field string, n node) string {
	s, ok := n.value.(string)
	if !ok && n.value != nil {
		d.wrong(field, "un testo fra virgolette", "a string", n)
	}
	return s
}

func (d *decoder) items(field string, n node, most int) []node {
	items, ok := n.value.([]node)
	if !ok && n.value != nil {
		d.wrong(field, "un elenco fra parentesi quadre", "an array", n)
	}
	if len(items) > most {
		d.refuse(codeField, field, fmt.Sprintf("L'elenco ha %d voci, il massimo è %d. Toglierne %d.", len(items), most, len(items)-most),
			fmt.Sprintf("The list has %d entries, at most %d are taken. Remove %d.", len(items), most, len(items)-most))
		items = items[:most]
	}
	return items
}

func (d *decoder) texts(field string, n node, most int) []string {
	var out []string
	for i, item := range d.items(field, n, most) {
		at := fmt.Sprintf("%s[%d]", field, i)
		if item.value == nil {
			d.wrong(at, "un testo fra virgolette", "a string", item)
		}
		out = append(out, d.text(at, item)) // also when wrong: places in the list stay those of the document
	}
	return out
}

// moment reads RFC 3339 and keeps the offset as it was written, for V-OFFSET.
func (d *decoder) moment(field string, n node) time.Time {
	s := d.text(field, n)
	if s == "" {
		return time.Time{}
	}
	var t time.Time
	if len(s) > 40 || t.UnmarshalText([]byte(s)) != nil { // unlike time.Parse it is strict
		d.refuse(codeType, field, "Non è una data con ora. Scriverla così: 2026-12-15T09:30:00+01:00.",
			"This is no date with a time. Write it like this: 2026-12-15T09:30:00+01:00.")
		return time.Time{}
	}
	if y := t.Year(); y < 2000 || y > 2100 {
		d.refuse(codeType, field, fmt.Sprintf("L'anno %d non può essere giusto. Correggere la data.", y),
			fmt.Sprintf("The year %d cannot be right. Correct the date.", y))
		return time.Time{}
	}
	_, offset := t.Zone()
	return t.In(time.FixedZone("", offset)) // not the zone of the machine, which may be the same
}

func (d *decoder) media(field string, n node) []palinsesto.Media {
	var out []palinsesto.Media
	for i, item := range d.items(field, n, maxMedia) {
		at := fmt.Sprintf("%s[%d]", field, i)
		m := palinsesto.Media{}
		if members, ok := item.value.([]member); ok {
			d.object(at, members, map[string]func(string, node){
				"id":       func(f string, n node) { m.Hash = strings.ToLower(d.text(f, n)) },
				"filename": func(f string, n node) { m.Filename = d.text(f, n) },
				"alt":      func(f string, n node) { m.Alt = d.text(f, n) },
			})
		} else {
			d.wrong(at, "un oggetto con id, filename e alt", "an object with id, filename and alt", item)
		}
		out = append(out, m)
	}
	return out
}
