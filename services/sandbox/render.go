// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"cmp"
	"html"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// tags are the elements for the kinds of formatting that the wall can show; the rest stays plain.
var tags = map[string][2]string{
	"bold": {"<strong>", "</strong>"}, "italic": {"<em>", "</em>"}, "underline": {"<u>", "</u>"},
	"strikethrough": {"<s>", "</s>"}, "code": {"<code>", "</code>"}, "pre": {`<code class="block">`, "</code>"},
	"blockquote":            {`<span class="quote">`, "</span>"},
	"expandable_blockquote": {`<span class="quote">`, "</span>"},
	"spoiler":               {`<span class="spoiler" title="testo coperto">`, "</span>"},
}

var bareURL = regexp.MustCompile(`https?://[^\s<>"]+`)

// safeLink says whether an address from a message may become a link of the page.
func safeLink(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// opening returns the tags around an entity; ok is false for what is shown plain.
func opening(e Entity) (pair [2]string, ok bool) {
	if e.Type == "text_link" {
		if !safeLink(e.URL) {
			return pair, false
		}
		return [2]string{`<a rel="noopener noreferrer nofollow" href="` + html.EscapeString(e.URL) + `">`, "</a>"}, true
	}
	pair, ok = tags[e.Type]
	return pair, ok
}

// renderer walks the text once; entities that cross are closed and opened again, so that the HTML nests.
type renderer struct {
	units []uint16
	out   strings.Builder
	stack []Entity
	block bool // a block has just ended, whose own line break stands for the one in the text
}

// renderText turns a message into HTML. Everything of the message's own is escaped here; only the tags
// above are not.
func renderText(text string, entities []Entity) template.HTML {
	r := &renderer{units: utf16.Encode([]rune(text))}
	shownOnes := slices.DeleteFunc(slices.Clone(entities), func(e Entity) bool {
		_, ok := opening(e)
		// Compared without a sum, which a huge length would overflow.
		return !ok || e.Length <= 0 || e.Offset < 0 || e.Offset > len(r.units) || e.Length > len(r.units)-e.Offset
	})
	slices.SortStableFunc(shownOnes, func(a, b Entity) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length))
	})
	at := 0
	for _, e := range shownOnes {
		at = r.until(at, e.Offset)
		r.open(e)
	}
	r.until(at, len(r.units))
	return template.HTML(r.out.String()) //nolint:gosec // every text in it was escaped as it was written
}

// until writes the text from at to end, closing what ends on the way.
func (r *renderer) until(at, end int) int {
	for {
		next := end
		for _, e := range r.stack {
			next = min(next, e.Offset+e.Length)
		}
		r.plain(string(utf16.Decode(r.units[at:next])))
		at = next
		if !r.closeEnded(at) && at == end {
			return at
		}
	}
}

// closeEnded closes what ends here and, HTML being a tree, whatever was opened inside it, which is then
// opened again.
func (r *renderer) closeEnded(at int) bool {
	first := slices.IndexFunc(r.stack, func(e Entity) bool { return e.Offset+e.Length == at })
	if first < 0 {
		return false
	}
	crossing := slices.Clone(r.stack[first:])
	for _, e := range slices.Backward(crossing) {
		pair, _ := opening(e)
		r.out.WriteString(pair[1])
	}
	r.stack = r.stack[:first]
	for _, e := range crossing {
		if e.Offset+e.Length > at {
			r.open(e)
		} else if e.Type == "pre" || strings.HasSuffix(e.Type, "blockquote") {
			r.block = true
		}
	}
	return true
}

func (r *renderer) open(e Entity) {
	pair, _ := opening(e)
	r.out.WriteString(pair[0])
	r.stack = append(r.stack, e)
}

// plain writes text, with bare addresses as links unless they stand in one already.
func (r *renderer) plain(text string) {
	if text == "" {
		return
	}
	if r.block {
		text, r.block = strings.TrimPrefix(text, "\n"), false
	}
	linked := slices.ContainsFunc(r.stack, func(e Entity) bool { return e.Type == "text_link" })
	for !linked {
		span := bareURL.FindStringIndex(text)
		if span == nil {
			break
		}
		address := strings.TrimRight(text[span[0]:span[1]], ".,;:!?)]}'»")
		r.out.WriteString(html.EscapeString(text[:span[0]]))
		if pair, ok := opening(Entity{Type: "text_link", URL: address}); ok {
			r.out.WriteString(pair[0] + html.EscapeString(address) + pair[1])
		} else {
			r.out.WriteString(html.EscapeString(address))
		}
		text = text[span[0]+len(address):]
	}
	r.out.WriteString(html.EscapeString(text))
}
