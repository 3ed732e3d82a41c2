// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import "github.com/palinsesto/palinsesto/services/palinsesto"

// Taken is what came of a document.
type Taken struct {
	Centre   string
	Content  palinsesto.Content // normalised
	Channels []string           // ids that the wanted ones came to
	Problems []palinsesto.Problem
}

// Take decodes and checks in one go, so that whoever wrote the document is told everything at once, and
// no field twice: one of the wrong type is not missing too.
func Take(w World, doc []byte) Taken {
	t := Taken{}
	t.Centre, t.Content, t.Problems = Decode(doc)
	told := map[string]bool{}
	for _, p := range t.Problems {
		if p.Code == codeJSON || p.Field == "" {
			return t // nothing could be read: all else would only follow from it
		}
		told[p.Field] = true
	}
	var more []palinsesto.Problem
	t.Channels, more = Check(w, t.Centre, &t.Content)
	for _, p := range more {
		if !told[p.Field] {
			t.Problems = append(t.Problems, p)
		}
	}
	return t
}
