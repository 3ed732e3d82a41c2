// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"foto.jpg": "foto.jpg", "a/b/foto.jpg": "foto.jpg", `C:\a\foto.jpg`: "foto.jpg", "../../etc/passwd": "passwd",
		"..": "", ".": "", "/": "", "": "", "a/ foto.jpg": "foto.jpg", "a/ .": "", "fo\u202egpj.exe": "fogpj.exe", "citta\u0300.png": "città.png", "a\x00b": "ab",
	} {
		require.Equal(t, want, rules.FileName(in), "%q", in)
	}
}

// One file, one text and one reason are judged by the rules of the whole document.
func TestPiecesAreJudgedAsTheWhole(t *testing.T) {
	t.Parallel()
	m := palinsesto.Media{Kind: "image", Filename: "foto.jpg", Alt: "foto"}
	require.Equal(t, []string{"A-ALT"}, codes(rules.Alt("alt", &m)))
	m.Alt = " Una sala\u200b con otto tavoli"
	require.Equal(t, []string{"U-ZW"}, codes(rules.Alt("alt", &m)))
	require.Equal(t, "Una sala con otto tavoli", m.Alt)
	m.Alt, m.Kind = "", "captions"
	require.Empty(t, rules.Alt("alt", &m))

	text := "a\r\nb\u202e "
	require.Equal(t, []string{"U-ZW"}, codes(rules.Text("text", &text)))
	require.Equal(t, "a\nb", text)

	reason := strings.Repeat("è", 4001)
	require.Equal(t, []string{"V-CAMPO"}, codes(rules.Reason("reason", &reason)))
	reason = "Manca l'orario\n"
	require.Empty(t, rules.Reason("reason", &reason))
	require.Equal(t, "Manca l'orario", reason)

	line := "\x1b[31mAnna\u202e\n Rossi "
	require.Equal(t, []string{"U-ZW"}, codes(rules.Line("name", &line, 20)))
	require.Equal(t, "[31mAnna  Rossi", line)
	require.Equal(t, []string{"V-CAMPO"}, codes(rules.Line("name", &line, 10)))
}
