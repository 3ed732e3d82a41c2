// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/rules"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	texts := []string{"Orario estivo, perché no?", "La città di Jesi ospita l'Open Day del 12 dicembre.", "", "OfferteDiLavoro L68", "ESINO ǖber"}
	for question, found := range map[string]bool{
		"citta":             true,
		"CITTÀ jesi":        true,
		"citta\u0300":       true, // detached
		"jesi orario":       true, // in two texts, the other way round
		"open day dicembre": true,
		"lavoro":            true,
		"l68 esin":          true,
		"dell'open-day":     false,
		"l'open-day":        true,
		"jesi pesaro":       false,
		"cittadino":         false,
		"uber":              true, // taken apart to the end
		"12":                true,
	} {
		require.Equal(t, found, rules.NewSearch(question).In(texts...), question)
	}
	require.Empty(t, rules.NewSearch(" …!?\u0301 "))
	require.True(t, rules.NewSearch("").In(), "who asks for nothing finds all")
	require.False(t, rules.NewSearch("a").In())
}

func BenchmarkSearch(b *testing.B) {
	body := strings.Repeat("Il Centro per l'Impiego cerca un conducente di autobus perché la città cresce. ", 12)
	s := rules.NewSearch("saldatore Pesaro")
	for b.Loop() {
		if s.In("Un titolo che non è lungo", body, "Ancona") {
			b.Fatal("found")
		}
	}
}
