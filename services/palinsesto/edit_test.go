// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEditOf(t *testing.T) {
	usual := func() []Part {
		return []Part{{Text: "Perché no?", Media: []Media{{Hash: "h", Alt: "Lo sportello", Filename: "a.jpg"}}, Preview: true,
			Spans: []Span{{Kind: "bold", Length: 3}}}}
	}
	require.Nil(t, EditOf("c", usual(), usual()), "the same words are no edit")
	for what, change := range map[string]func([]Part) []Part{
		EditedText:       func(p []Part) []Part { p[0].Text = "Sì"; return p },
		EditedFormatting: func(p []Part) []Part { p[0].Spans[0].Kind = "italic"; return p },
		EditedMedia:      func(p []Part) []Part { p[0].Media[0].Hash = "i"; return p },
		EditedAlt:        func(p []Part) []Part { p[0].Media[0].Alt = "La porta"; return p },
		EditedPreview:    func(p []Part) []Part { p[0].Preview = false; return p },
	} {
		e := EditOf("c", change(usual()), usual())
		require.Equal(t, []string{what}, e.What)
		require.Equal(t, "c", e.Channel)
		require.Equal(t, HashParts(usual()), e.DefaultHash)
	}
	e := EditOf("c", append(usual(), Part{Text: "E poi"}), usual())
	require.Contains(t, e.What, EditedParts)
	require.Contains(t, e.What, EditedText)
}
