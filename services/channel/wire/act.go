// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import "strings"

// Act is what a call is for: the same failure means something else to people for each.
type Act int

// The acts.
const (
	Publishing Act = iota
	Changing       // an edit or a removal: repeating it does no harm
	Looking        // a check, which changes nothing
)

// The words in a sentence that depend on the act.
const (
	NotDone   = "{not_done}"
	MaybeDone = "{maybe_done}"
	Again     = "{again}"
)

var words = map[Act]*strings.Replacer{
	Publishing: strings.NewReplacer(
		NotDone, "Il post non è uscito.",
		MaybeDone, "Il post può essere uscito: guardare sul canale e dire se c'è, prima di mandarlo di nuovo.",
		Again, "rimettere in coda"),
	Changing: strings.NewReplacer(
		NotDone, "Sul canale non è cambiato nulla.",
		MaybeDone, "Sul canale il messaggio può essere già cambiato o tolto: guardare. Ripetere non fa danno.",
		Again, "ripetere"),
	Looking: strings.NewReplacer(
		NotDone, "Nulla è stato pubblicato.",
		MaybeDone, "Nulla è stato pubblicato: era solo un controllo.",
		Again, "ricontrollare"),
}

// Say puts the words of the act into a sentence.
func (a Act) Say(sentence string) string { return words[a].Replace(sentence) }
