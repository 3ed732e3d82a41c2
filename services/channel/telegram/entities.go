// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// entity is a MessageEntity: https://core.telegram.org/bots/api#messageentity
type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"` // in UTF-16 code units, as Length
	Length int    `json:"length"`
	URL    string `json:"url,omitempty"`
}

var entityTypes = map[string]string{"bold": "bold", "italic": "italic", "link": "text_link"}

var errSpan = errors.New("formattazione fuori dal testo")

// entities turns spans into entities. There is no parse_mode, so the text needs no escaping and goes out
// as it was approved.
func entities(text string, spans []palinsesto.Span) ([]entity, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("testo non in UTF-8")
	}
	out := make([]entity, 0, len(spans))
	at := cursor{text: text}
	for _, s := range spans {
		kind, ok := entityTypes[s.Kind]
		if !ok {
			return nil, fmt.Errorf("formattazione sconosciuta: %q", s.Kind)
		}
		if s.Offset < 0 || s.Length <= 0 || s.Length > len(text)-s.Offset ||
			!boundary(text, s.Offset) || !boundary(text, s.Offset+s.Length) {
			return nil, errSpan
		}
		from := at.units(s.Offset)
		e := entity{Type: kind, Offset: from, Length: at.units(s.Offset+s.Length) - from}
		if kind == "text_link" {
			e.URL = s.URL
		}
		out = append(out, e)
	}
	return out, nil
}

func boundary(text string, i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }

// cursor counts UTF-16 units up to a byte offset, going on from where it was last.
type cursor struct {
	text        string
	bytes, unit int
}

func (c *cursor) units(offset int) int {
	if offset < c.bytes {
		c.bytes, c.unit = 0, 0
	}
	for _, r := range c.text[c.bytes:offset] {
		c.unit++
		if r > 0xFFFF { // a surrogate pair
			c.unit++
		}
	}
	c.bytes = offset
	return c.unit
}
