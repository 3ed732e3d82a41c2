// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Check tells everything in v that the network would refuse; nothing means that it may go out. It is the
// one rule that the approval, the composer and the adapter apply.
func Check(network string, v palinsesto.Variant) []palinsesto.Problem {
	l, ok := For(network)
	if !ok {
		return []palinsesto.Problem{problem("V-CANALE", "network",
			fmt.Sprintf("La rete «%s» non esiste. Reti: %s.", network, strings.Join(names, ", ")),
			fmt.Sprintf("There is no network %q. Networks: %s.", network, strings.Join(names, ", ")))}
	}
	if len(v.Parts) == 0 {
		return []palinsesto.Problem{problem("V-CAMPO", "parts",
			"Il post è vuoto: non ha né testo né immagini. Scriverne il testo.",
			"The post is empty: it has neither text nor media. Write its text.")}
	}
	var ps []palinsesto.Problem
	for i, p := range v.Parts {
		c := checker{name: title(network), limits: l, at: fmt.Sprintf("parts[%d]", i)}
		c.text(p)
		c.spans(p)
		c.media(p.Media)
		ps = append(ps, c.found...)
	}
	return ps
}

func problem(code, field, it, en string) palinsesto.Problem {
	return palinsesto.Problem{Code: code, Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en}
}

// title is the network's name as people write it.
func title(network string) string {
	switch network {
	case "youtube":
		return "YouTube"
	case "linkedin":
		return "LinkedIn"
	default:
		return strings.ToUpper(network[:1]) + network[1:]
	}
}

type checker struct {
	name   string
	limits Limits
	at     string
	found  []palinsesto.Problem
}

func (c *checker) add(code, field, it, en string) {
	c.found = append(c.found, problem(code, c.at+field, it, en))
}

func (c *checker) text(p palinsesto.Part) {
	if !utf8.ValidString(p.Text) {
		c.add("V-CAMPO", ".text", "Il testo non è UTF-8: alcuni caratteri sono rovinati. Riscriverli.",
			"The text is not UTF-8: some characters are broken. Write them again.")
		return
	}
	if strings.TrimSpace(p.Text) == "" && len(p.Media) == 0 {
		c.add("V-CAMPO", ".text", "Il post è vuoto: non ha né testo né immagini. Scriverne il testo.",
			"The post is empty: it has neither text nor media. Write its text.")
	}
	c.length(p)
	if i := strings.IndexAny(p.Text, c.limits.Forbidden); i >= 0 {
		c.add("L-CARATTERE", ".text", fmt.Sprintf("%s non accetta il carattere «%c» nel testo. Sostituirlo.", c.name, p.Text[i]),
			fmt.Sprintf("%s does not take the character %q in a text. Replace it.", c.name, p.Text[i]))
	}
	if n := countHashtags(p.Text); c.limits.Hashtags > 0 && n > c.limits.Hashtags {
		c.add("L-HASHTAG", ".text", fmt.Sprintf("%d hashtag, su %s il massimo è %d. Toglierne %d.", n, c.name, c.limits.Hashtags, n-c.limits.Hashtags),
			fmt.Sprintf("%d hashtags, %s takes at most %d. Remove %d.", n, c.name, c.limits.Hashtags, n-c.limits.Hashtags))
	}
}

func (c *checker) length(p palinsesto.Part) {
	limit, it, en := c.limits.Text, "Il testo", "The text"
	if len(p.Media) > 0 {
		limit = c.limits.Caption
		if c.limits.Caption < c.limits.Text {
			it, en = "La didascalia", "The caption"
		}
	}
	if n := Count(c.limits.Unit, p.Text); n > limit {
		c.add("L-TESTO", ".text",
			fmt.Sprintf("%s conta %d caratteri, su %s il massimo è %d. Accorciare di %d.", it, n, c.name, limit, n-limit),
			fmt.Sprintf("%s counts %d characters, %s takes at most %d. Shorten it by %d.", en, n, c.name, limit, n-limit))
		return
	}
	if n, most := len(p.Text), c.limits.TextBytes; most > 0 && n > most {
		c.add("L-TESTO", ".text",
			fmt.Sprintf("%s occupa %d byte, su %s il massimo è %d. Accorciare.", it, n, c.name, most),
			fmt.Sprintf("%s has %d bytes, %s takes at most %d. Shorten it.", en, n, c.name, most))
	}
}

// countHashtags counts each # that begins a word.
func countHashtags(s string) int {
	n, before := 0, ' '
	for i, r := range s {
		if r == '#' && !wordly(before) {
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); wordly(next) && i+1 < len(s) {
				n++
			}
		}
		before = r
	}
	return n
}

func wordly(r rune) bool { return r == '_' || r == '&' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// spans on a network of plain text are simply not shown; where they are, too many are refused.
func (c *checker) spans(p palinsesto.Part) {
	if n := len(p.Spans); c.limits.Spans > 0 && n > c.limits.Spans {
		c.add("L-SPANS", ".spans",
			fmt.Sprintf("%d tratti formattati (grassetto, corsivo, collegamenti), su %s il massimo è %d. Toglierne %d.", n, c.name, c.limits.Spans, n-c.limits.Spans),
			fmt.Sprintf("%d formatted stretches, %s takes at most %d. Remove %d.", n, c.name, c.limits.Spans, n-c.limits.Spans))
		return
	}
	for i, s := range p.Spans {
		if it, en := FaultOfLink(s.URL); s.Kind == "link" && it != "" {
			c.add("V-URL", fmt.Sprintf(".spans[%d].url", i), "Il collegamento "+it, "The link "+en)
			return
		}
		if !fits(s, p.Text) {
			c.add("V-SPAN", fmt.Sprintf(".spans[%d]", i), "La formattazione non corrisponde al testo. Rifarla.",
				"The formatting does not match the text. Do it again.")
			return // the others would most likely say the same
		}
		for _, o := range p.Spans[:i] {
			if crosses(s, o) {
				c.add("V-SPAN", fmt.Sprintf(".spans[%d]", i), "Due formattazioni si accavallano. Fare che una contenga l'altra, o separarle.",
					"Two stretches overlap in part. Let one contain the other, or keep them apart.")
				return
			}
		}
	}
}

func fits(s palinsesto.Span, text string) bool {
	if s.Offset < 0 || s.Length <= 0 || s.Offset > len(text) || s.Length > len(text)-s.Offset {
		return false
	}
	end := s.Offset + s.Length
	if !utf8.RuneStart(text[s.Offset]) || end < len(text) && !utf8.RuneStart(text[end]) {
		return false
	}
	switch s.Kind {
	case "bold", "italic":
		return s.URL == ""
	case "link":
		return true
	default:
		return false
	}
}

// crosses tells whether two stretches overlap and neither contains the other: no network can nest them.
func crosses(a, b palinsesto.Span) bool {
	if a.Offset > b.Offset {
		a, b = b, a
	}
	aEnd, bEnd := a.Offset+a.Length, b.Offset+b.Length
	return a.Offset < b.Offset && b.Offset < aEnd && aEnd < bEnd
}
