// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks a letter may carry: no language needs as many, while stacks of
// them paint over the lines above. It also stays below the 30 at which norm inserts a joiner of its own.
const maxMarks = 8

// tidied is a text after tidy, with what was done to it.
type tidied struct {
	text      string
	invisible int  // characters that went out
	composed  bool // it was not NFC
}

// tidy brings s to the form that the house keeps: NFC, line feeds, nothing invisible but what emoji and
// scripts need, no space around. A text of one line has its line breaks turned into spaces.
func tidy(s string, lines bool) tidied {
	t := tidied{}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = newlines.Replace(s)
	for range maxPasses {
		seen, taken := visible(s, lines)
		n := norm.NFC.String(seen)
		t.invisible += taken
		t.composed = t.composed || n != seen
		if n = strings.TrimSpace(n); n == s {
			break
		}
		s = n
	}
	t.text = s
	return t
}

// maxPasses: one is enough, but for signs that NFC itself takes apart (U+0344 is two marks), so that what
// was too much to see is known only then.
const maxPasses = 4

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n", "\v", "\n", "\f", "\n")

// visible drops what cannot be seen; taken counts it.
func visible(s string, lines bool) (out string, taken int) {
	f := filter{in: []rune(s), lines: lines}
	f.out = make([]rune, 0, len(f.in))
	for f.at < len(f.in) {
		f.step()
	}
	return string(f.out), len(f.in) - len(f.out)
}

// filter walks once over a text. Each decision looks back at what was kept and forward only to what is
// always kept, so that a second walk over the result changes nothing.
type filter struct {
	in, out []rune
	at      int
	lines   bool
	picture bool // the last characters kept are an emoji
	marks   int  // combining marks since the last base
}

func (f *filter) step() {
	r := f.in[f.at]
	f.at++
	switch {
	case r == '\n' && !f.lines || r == '\t':
		f.keep(' ')
	case r == '\n':
		f.keep(r)
	case r == blackFlag:
		f.keep(r)
		n := flagTags(f.in[f.at:])
		f.out = append(f.out, f.in[f.at:f.at+n]...)
		f.at += n
	case r == zwj && f.joins(), (r == zwj || r == zwnj) && f.shapes():
		f.out = append(f.out, r)
		f.picture = false
	case (r == emojiStyle || r == textStyle) && len(f.out) > 0 && takesStyle(f.last()):
		f.out = append(f.out, r)
	case isVariation(r) && len(f.out) > 0 && unicode.In(f.last(), varying...):
		f.out = append(f.out, r)
	case unseen(r):
	case unicode.In(r, unicode.Mn, unicode.Me):
		f.mark(r)
	default:
		f.keep(r)
	}
}

func (f *filter) last() rune { return f.out[len(f.out)-1] }

func (f *filter) keep(r rune) {
	f.out = append(f.out, r)
	f.picture = unicode.Is(pictographic, r) || f.picture && isTone(r)
	f.marks = 0
}

func (f *filter) mark(r rune) {
	if f.marks++; f.marks <= maxMarks {
		f.out = append(f.out, r)
		f.picture = false
	}
}

// joins tells whether a joiner here ties two emoji into one.
func (f *filter) joins() bool {
	return f.picture && f.at < len(f.in) && unicode.Is(pictographic, f.in[f.at])
}

// shapes tells whether a joiner here shapes letters: between two letters of a script that needs it, or
// after the sign that silences a vowel, as at the end of words in Malayalam and Sinhala.
func (f *filter) shapes() bool {
	if len(f.out) == 0 || !unicode.In(f.last(), joining...) {
		return false
	}
	if f.at < len(f.in) && unicode.In(f.in[f.at], joining...) && unicode.IsLetter(f.in[f.at]) {
		return true
	}
	return unicode.In(f.last(), unicode.Mn, unicode.Mc)
}

func isVariation(r rune) bool {
	return r >= 0xFE00 && r <= 0xFE0D || r >= 0xE0100 && r <= 0xE01EF || r >= 0x180B && r <= 0x180F && r != 0x180E
}

// unseen are the characters that show nothing: controls, formats (bidirectional ones too: they can make
// a text read otherwise than it is stored), selectors and joiners out of place, fillers, non-characters.
// Signs of number and verse in Arabic and Syriac are formats that one sees.
func unseen(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r), r >= 0x13430 && r <= 0x1345F:
		return false
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Noncharacter_Code_Point):
		return true
	default:
		return r == grapheJoint || r == 0xFFFC || r == 0x3164 || r == 0xFFA0 || r == 0x17B4 || r == 0x17B5
	}
}

// tidyField tidies a text in place and tells what was done.
func (f *findings) tidyField(field string, s *string, lines bool) {
	t := tidy(*s, lines)
	*s = t.text
	if t.invisible > 0 {
		f.fix(codeInvisible, field,
			fmt.Sprintf("Tolti caratteri invisibili o di controllo: %d. Il testo che si legge non cambia.", t.invisible),
			fmt.Sprintf("Invisible or control characters taken out: %d. What one reads does not change.", t.invisible))
	}
	if t.composed {
		f.fix(codeNFC, field,
			"Gli accenti erano scritti come segni a parte: ora sono composti (NFC), come li vogliono le reti.",
			"Accents were written as marks of their own: they are composed now (NFC), as networks want them.")
	}
	if strings.ContainsRune(t.text, '\uFFFD') {
		f.refuse(codeField, field,
			"Il testo contiene il segno � al posto di un carattere: si è rovinato prima di arrivare qui. Riscrivere le parole rovinate.",
			"The text has the sign � in place of a character: it was damaged on its way. Write the damaged words again.")
	}
}
