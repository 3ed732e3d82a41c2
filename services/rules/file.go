// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"path"
	"strings"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// FileName is the last part of a name that somebody sent, without what cannot be seen: a path is
// nobody's business and may lead out of a folder.
func FileName(s string) string {
	name := strings.TrimSpace(path.Base("/" + strings.ReplaceAll(tidy(s, false).text, `\`, "/")))
	if name == "/" || name == "." || name == ".." {
		return ""
	}
	return name
}

// Alt normalises the alternative text of one file and tells what is wrong with it, by the rule of a
// whole document; at is where it stands, such as "alt".
func Alt(at string, m *palinsesto.Media) []palinsesto.Problem {
	k := &checker{c: &palinsesto.Content{}}
	k.tidyField(at, &m.Alt, false)
	k.long(at, network.Runes, m.Alt, maxAlt)
	k.alt(at, *m)
	return k.list
}

// Text normalises a text of several lines as the body of a document is: what goes out, and what stays
// in the history, reads as it is stored.
func Text(at string, s *string) []palinsesto.Problem {
	var f findings
	f.tidyField(at, s, true)
	return f.list
}

// maxReason bounds a reason or a comment, in code points.
const maxReason = 4000

// Reason normalises what somebody writes about a decision, and bounds it.
func Reason(at string, s *string) []palinsesto.Problem {
	var k checker
	k.tidyField(at, s, true)
	k.long(at, network.Runes, *s, maxReason)
	return k.list
}

// Line normalises a name or a short text of one line, and bounds its bytes.
func Line(at string, s *string, most int) []palinsesto.Problem {
	var k checker
	k.tidyField(at, s, false)
	k.long(at, network.Bytes, *s, most)
	return k.list
}
