// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// https://core.telegram.org/bots/api#sendmessage: lengths are "after entities parsing".
const (
	maxText     = 4096
	maxCaption  = 1024
	maxEntities = 100
)

// formatted is text as the public sees it, with its formatting apart.
type formatted struct {
	text     string
	entities []sandbox.Entity
}

// parse reads a text by its mode; explicit entities count only without one, as on the real server.
func (h *Handler) parse(text, mode, entities string) (formatted, error) {
	if !utf8.ValidString(text) {
		return formatted{}, badRequest("text must be encoded in UTF-8")
	}
	var f formatted
	var err error
	switch strings.ToLower(mode) {
	case "", "none":
		f, err = explicit(text, entities)
	case "html":
		f, err = parseHTML(text)
	case "markdownv2":
		f, err = parseMarkdown(text)
	default:
		err = badRequest("unsupported parse_mode")
	}
	if err != nil {
		return formatted{}, err
	}
	return h.tidy(f)
}

// tidy orders the entities and holds them to their number.
func (h *Handler) tidy(f formatted) (formatted, error) {
	slices.SortStableFunc(f.entities, func(a, b sandbox.Entity) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length))
	})
	if len(f.entities) > maxEntities {
		if h.o.RefuseManyEntities {
			return formatted{}, badRequest("ENTITIES_TOO_LONG") // wording ours
		}
		f.entities = f.entities[:maxEntities]
	}
	return f, nil
}

func (h *Handler) length(text string) int {
	if h.o.CountUTF16 {
		return utf16Len(text)
	}
	return utf8.RuneCountInString(text)
}

func (h *Handler) checkText(f formatted) error {
	switch {
	case strings.TrimSpace(f.text) == "":
		return badRequest("message text is empty")
	case h.length(f.text) > maxText:
		return badRequest("message is too long")
	}
	return nil
}

func (h *Handler) checkCaption(f formatted) error {
	if h.length(f.text) > maxCaption {
		return badRequest("message caption is too long")
	}
	return nil
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16Width(r)
	}
	return n
}

func utf16Width(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// kinds are the formatting that a caller may ask for; found ones the server finds by itself and takes from
// nobody.
var (
	kinds = []string{
		"bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote",
		"code", "pre", "text_link", "custom_emoji",
	}
	found = []string{
		"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "text_mention",
	}
)

// explicit checks the entities that a caller gave by offset, in UTF-16 units.
func explicit(text, list string) (formatted, error) {
	f := formatted{text: text}
	if list == "" {
		return f, nil
	}
	var given []sandbox.Entity
	if err := json.Unmarshal([]byte(list), &given); err != nil {
		return f, badRequest("can't parse entities JSON object")
	}
	edges, total := boundaries(text)
	for _, e := range given {
		if slices.Contains(found, e.Type) {
			continue
		}
		if !slices.Contains(kinds, e.Type) {
			return f, badRequest("can't parse entities: unsupported entity type specified") // wording ours
		}
		if err := within(e, edges, total); err != nil {
			return f, err
		}
		if e.Type == "text_link" {
			e.URL = linkTarget(e.URL)
		}
		if e.Length > 0 && (e.Type != "text_link" || e.URL != "") {
			f.entities = append(f.entities, e)
		}
	}
	return f, nil
}

// boundaries are the UTF-16 offsets at which a character begins or the text ends.
func boundaries(text string) (map[int]bool, int) {
	edges, at := map[int]bool{0: true}, 0
	for _, r := range text {
		at += utf16Width(r)
		edges[at] = true
	}
	return edges, at
}

func within(e sandbox.Entity, edges map[int]bool, total int) error {
	switch {
	case e.Offset < 0 || e.Length < 0:
		return badRequest("can't parse entities: entity has a negative offset or length") // wording ours
	case e.Offset > total || e.Length > total-e.Offset:
		return badRequest("entity beginning at UTF-16 offset %d ends after the end of the text at UTF-16 offset %d", e.Offset, total)
	case !edges[e.Offset]:
		return badRequest("entity begins in a middle of a UTF-16 symbol at UTF-16 offset %d", e.Offset) // wording ours
	case !edges[e.Offset+e.Length]:
		return badRequest("entity ends in a middle of a UTF-16 symbol at UTF-16 offset %d", e.Offset+e.Length) // wording ours
	}
	return nil
}

// linkTarget returns an address that may stand behind text, or nothing: what is no link goes out plain.
func linkTarget(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return ""
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "tg") && u.Host != "":
		return u.String()
	case u.Scheme == "" && u.Host == "" && strings.Contains(u.Path, "."):
		return "http://" + u.String()
	}
	return ""
}

// builder collects text and the formatting that is open over it.
type builder struct {
	text     strings.Builder
	units    int
	open     []opened
	entities []sandbox.Entity
}

// opened is formatting whose end has not come yet.
type opened struct {
	name   string // tag or token, as the source has it
	kind   string
	arg    string // address, language or emoji id
	offset int    // UTF-16
	start  int    // in the text, bytes
	source int    // in the source, bytes
}

func (b *builder) write(s string) {
	b.text.WriteString(s)
	b.units += utf16Len(s)
}

func (b *builder) push(name, kind, arg string, source int) {
	b.open = append(b.open, opened{name, kind, arg, b.units, b.text.Len(), source})
}

func (b *builder) top() *opened {
	if len(b.open) == 0 {
		return &opened{}
	}
	return &b.open[len(b.open)-1]
}

// pop ends the innermost formatting; what covers nothing, or links nowhere, is dropped.
func (b *builder) pop() {
	o := *b.top()
	b.open = b.open[:len(b.open)-1]
	e := sandbox.Entity{Type: o.kind, Offset: o.offset, Length: b.units - o.offset}
	switch o.kind {
	case "text_link":
		if o.arg == "" {
			o.arg = b.text.String()[o.start:]
		}
		if e.URL = linkTarget(o.arg); e.URL == "" {
			return
		}
	case "pre":
		e.Language = o.arg
	case "custom_emoji":
		e.CustomEmojiID = o.arg
	}
	if e.Length > 0 {
		b.entities = append(b.entities, e)
	}
}

func (b *builder) done() formatted {
	return formatted{text: b.text.String(), entities: b.entities}
}
