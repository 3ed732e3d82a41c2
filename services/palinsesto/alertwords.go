// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"cmp"
	"strconv"
	"strings"
)

// AlertWords are what people are told of an alert: what it is, what it means and what to do.
type AlertWords struct{ Title, Means, Do string }

// Words are those of an alert, with what it is about put in.
func (a Alert) Words(english bool) AlertWords {
	w, none := italianAlert(a.Kind), "senza causa"
	if english {
		w, none = englishAlert(a.Kind), "no cause"
	}
	fill := strings.NewReplacer("{n}", strconv.Itoa(a.Count), "{scope}", cmp.Or(a.Scope, "–"), "{cause}", cmp.Or(a.Cause, none),
		"{kind}", string(a.Kind)).Replace
	return AlertWords{Title: fill(w.Title), Means: fill(w.Means), Do: fill(w.Do)}
}
