// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import "strings"

// Search are the words that somebody looks for.
type Search []string

// NewSearch takes the words out of a question; none are left of one without letters and digits.
func NewSearch(question string) Search { return strings.Fields(plain(question)) }

// In tells whether every word is in one of the texts or another, as a part of a word too, in any order, with
// no regard to case and accents: "citta" finds "Città", "lavor" finds "#OfferteDiLavoro".
func (s Search) In(texts ...string) bool {
	missing := make([]string, 0, len(s))
	missing = append(missing, s...)
	for _, t := range texts {
		if t == "" {
			continue
		}
		folded := plain(t)
		rest := missing[:0]
		for _, word := range missing {
			if !strings.Contains(folded, word) {
				rest = append(rest, word)
			}
		}
		if missing = rest; len(missing) == 0 {
			return true
		}
	}
	return len(missing) == 0
}
