// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"strings"
	"unicode"
)

const maxTag = 50 // code points

func (k *checker) tags() {
	var kept []string
	for i, tag := range k.c.Tags {
		field := fmt.Sprintf("tags[%d]", i)
		k.tidyField(field, &tag, false)
		if bare := strings.TrimSpace(strings.TrimLeft(tag, "#＃")); bare != tag {
			tag = bare
			k.fix(codeTag, field, "Tolto il segno # davanti: lo mette la rete.", "The sign # in front was taken out: the network puts it.")
		}
		if !validTag(tag) {
			k.refuse(codeTag, field, fmt.Sprintf("«%s» non è un hashtag: solo lettere, cifre e _, almeno una lettera, al massimo %d caratteri. Unire le parole, ogni iniziale maiuscola.", short(tag), maxTag),
				fmt.Sprintf("%q is no hashtag: letters, digits and _ only, at least one letter, at most %d characters. Join the words, each with a capital.", short(tag), maxTag))
		} else if containsFold(kept, tag) {
			k.fix(codeTag, field, fmt.Sprintf("L'hashtag «%s» c'era due volte: ne resta uno.", tag), fmt.Sprintf("The hashtag %q was there twice: one stays.", tag))
			continue
		}
		kept = append(kept, tag)
	}
	k.c.Tags = kept
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// validTag: letters of any script with their marks, digits, underscore.
func validTag(s string) bool {
	letters, length := 0, 0
	for i, r := range s {
		length++
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.Is(unicode.M, r) && i > 0, unicode.IsDigit(r), r == '_', (r == zwj || r == zwnj) && i > 0:
		default:
			return false
		}
	}
	return letters > 0 && length <= maxTag
}
