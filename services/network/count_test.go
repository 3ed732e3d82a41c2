// SPDX-License-Identifier: AGPL-3.0-or-later

package network_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/network"
)

const (
	family = "👨‍👩‍👧‍👦"
	italy  = "🇮🇹"
)

func TestCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text                           string
		utf16, runes, graphemes, bytes int
	}{
		{"", 0, 0, 0, 0},
		{"è", 1, 1, 1, 2},
		{"e\u0300", 2, 2, 1, 3},
		{"a\r\nb", 4, 4, 3, 4},
		{"€", 1, 1, 1, 3},
		{"😀", 2, 1, 1, 4},
		{family, 11, 7, 1, 25},
		{italy, 4, 2, 1, 8},
		{"👩🏽‍🔧", 7, 4, 1, 15},
		{"☀️", 2, 2, 1, 6},
		{"\xff", 1, 1, 1, 1},
	} {
		require.Equal(t, c.utf16, network.Count(network.UTF16, c.text), "utf16 of %q", c.text)
		require.Equal(t, c.runes, network.Count(network.Runes, c.text), "runes of %q", c.text)
		require.Equal(t, c.graphemes, network.Count(network.Graphemes, c.text), "graphemes of %q", c.text)
		require.Equal(t, c.bytes, network.Count(network.Bytes, c.text), "bytes of %q", c.text)
	}
}

// The figures of the first group were measured with twitter-text (networks/x, T).
func TestCountWeighted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"comune.it": 23, "www.comune.it": 23, "…": 2, "€": 2, "“”": 2, "–—": 2, italy: 2, family: 2, "日本": 4, "è": 1,

		"":                    0,
		"Ancona":              6,
		"☀️":                  2,
		"https://example.org": 23,
		"https://example.org/" + strings.Repeat("lungo/", 60) + "?a=b#c": 23,
		"vedi https://example.org/x oggi":                                5 + 23 + 5,
		"L. 68/99, art. 16":                                              17,
		"fine. Inizio":                                                   12,
		"1.650 euro":                                                     10,
		"https://regione.marche.it https://comune.it/avvisi":             23 + 1 + 23,
	} {
		require.Equal(t, want, network.Count(network.Weighted, text), "%q", text)
	}
}

func TestCountMastodon(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"":                                     0,
		"Perché no?":                           10,
		family + " a Jesi":                     8,
		"https://example.org":                  23,
		"http://a.it":                          23,
		"comune.it":                            9, // only addresses with a scheme
		"@cpi@social.example.org grazie":       11,
		"ufficio@example.org":                  19,
		"a https://example.org/b?c=d#e, poi b": 31,
	} {
		require.Equal(t, want, network.Count(network.Mastodon, text), "%q", text)
	}
}

func TestCountLittle(t *testing.T) {
	t.Parallel()
	require.Equal(t, 6, network.Count(network.Little, "Ancona"))
	require.Equal(t, 10, network.Count(network.Little, "Jesi (AN)")-1, "each bracket has its backslash")
	require.Equal(t, 30, network.Count(network.Little, `|{}@[]()<>#\*_~`))
	require.Equal(t, 4, network.Count(network.Little, "😀😀"))
}

// FuzzCount holds for every text: what is shorter in one unit is never longer in the other.
func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "abc", "e\u0300", family, italy, "https://example.org/a b.it", "@a@b.it", "\xff\xfe", "a\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		runes := network.Count(network.Runes, s)
		require.LessOrEqual(t, network.Count(network.Graphemes, s), runes)
		require.LessOrEqual(t, runes, network.Count(network.UTF16, s))
		require.LessOrEqual(t, network.Count(network.UTF16, s), 2*runes)
		require.LessOrEqual(t, runes, network.Count(network.Bytes, s))
		require.LessOrEqual(t, network.Count(network.UTF16, s), network.Count(network.Little, s))
		require.GreaterOrEqual(t, network.Count(network.Weighted, s), 0)
		require.GreaterOrEqual(t, network.Count(network.Mastodon, s), 0)
		if utf8.ValidString(s) {
			require.Equal(t, network.Count(network.UTF16, s)+1, network.Count(network.UTF16, s+"a"))
		}
	})
}
