// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/require"
)

func TestTidy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		invisible      int
		composed       bool
	}{
		{"plain", "Perché no?", "Perché no?", 0, false},
		{"decomposed", "Perche\u0301 citta\u0300", "Perché città", 0, true},
		{"line breaks of all kinds", "a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne", 0, false},
		{"around", " \n\u00a0a b \u00a0", "a b", 0, false},
		{"no-break space stays", "€\u00a01.480", "€\u00a01.480", 0, false},
		{"zero width", "a\u200bb\ufeffc\u2060d\u00ade", "abcde", 4, false},
		{"controls", "a\x00b\x1bc\x7fd", "abcd", 3, false},
		{"directions", "a\u202eb\u2066c\u200fd\u061ce", "abcde", 4, false},
		{"tab", "a\tb", "a b", 0, false},
		{"other invisible", "a\u034fb\ufffcc\u3164d\u180ee", "abcde", 4, false},
		{"hidden between what composes", "e\u200b\u0301", "é", 1, true},
		{"not UTF-8", "a\xffb", "a\uFFFDb", 0, false},

		{"emoji of several", "👩🏽\u200d🔧👨\u200d👩\u200d👧\u200d👦", "👩🏽\u200d🔧👨\u200d👩\u200d👧\u200d👦", 0, false},
		{"emoji with style and joiner", "👁\ufe0f\u200d🗨\ufe0f ❤\ufe0f\u200d🔥 🏴\u200d☠\ufe0f", "👁\ufe0f\u200d🗨\ufe0f ❤\ufe0f\u200d🔥 🏴\u200d☠\ufe0f", 0, false},
		{"flags", "🇮🇹🇪🇺", "🇮🇹🇪🇺", 0, false},
		{"keycap", "1\ufe0f\u20e3", "1\ufe0f\u20e3", 0, false},
		{"text style", "☎\ufe0e", "☎\ufe0e", 0, false},
		{"flag of Scotland", scotland, scotland, 0, false},
		{"tags after nothing", scotland[4:], "", 6, false},
		{"tags without an end", scotland[:len(scotland)-4], "🏴", 5, false},
		{"tags as a hiding place", "🏴" + strings.Repeat("\U000E0061", 20) + "\U000E007F", "🏴", 21, false},
		{"joiner between letters", "a\u200db\u200cc", "abc", 2, false},
		{"joiner after an emoji", "👩\u200d", "👩", 1, false},
		{"joiner between emoji and letter", "👩\u200da", "👩a", 1, false},
		{"two joiners", "👩\u200d\u200d🔧", "👩\u200d🔧", 1, false},
		{"selector after a letter", "a\ufe0fb", "ab", 1, false},
		{"selectors as a hiding place", "😀\ufe0f\ufe01\ufe02\U000E0101", "😀\ufe0f", 3, false},
		{"variant of a Chinese sign", "葛\U000E0100", "葛\U000E0100", 0, false},

		{"Persian", "می\u200cخواهم", "می\u200cخواهم", 0, false},
		{"Hindi", "क्\u200dष", "क्\u200dष", 0, false},
		{"Malayalam, end of a word", "അവന്\u200d", "അവന്\u200d", 0, false},
		{"Arabic, end of a word", "می\u200c ", "می", 1, false},
		{"Arabic sign of number", "\u0600\u0661", "\u0600\u0661", 0, false},
		{"stack of marks", "a" + strings.Repeat("\u0316", 40), "a" + strings.Repeat("\u0316", maxMarks), 40 - maxMarks, false},
		{"marks that come apart", "a" + strings.Repeat("\u0344", maxMarks), "ä" + strings.Repeat("\u0301\u0308", maxMarks/2), maxMarks - 1, true},
	} {
		got := tidy(c.in, true)
		require.Equal(t, c.want, got.text, c.name)
		require.Equal(t, c.invisible, got.invisible, c.name)
		require.Equal(t, c.composed, got.composed, c.name)
	}
	require.Equal(t, "a b", tidy("a\r\nb", false).text, "one line")
}

const scotland = "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F"

func FuzzTidy(f *testing.F) {
	for _, s := range []string{"Perche\u0301", "👩🏽\u200d🔧", scotland, "می\u200cخواهم", "a\u0344\u0344\u0316", " \u0301", "\r\n\x00", "क्\u200dष"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, lines bool) {
		got := tidy(s, lines)
		again := tidy(got.text, lines)
		require.Equal(t, tidied{text: got.text}, again, "a tidy text has nothing to tidy")
		require.Equal(t, strings.TrimSpace(got.text), got.text)
		for _, r := range got.text {
			require.False(t, unicode.IsControl(r) && r != '\n')
			require.False(t, r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069, "directions go out")
		}
		if !lines {
			require.NotContains(t, got.text, "\n")
		}
	})
}

// Package uniseg knows which characters a joiner ties together, and keeps it to itself: asked one by
// one, it must agree with our table. Later versions of Unicode may move characters at the edges.
func TestPictographicIsThatOfUnicode(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r <= 0x1FFFF; r++ {
		if unicode.Is(unicode.Cs, r) || uniseg.GraphemeClusterCount("a"+string(r)) == 1 {
			continue // it clings to anything before it
		}
		tied := uniseg.GraphemeClusterCount("👩\u200d"+string(r)) == 1
		require.Equal(t, tied, unicode.Is(pictographic, r), "%U", r)
	}
}
