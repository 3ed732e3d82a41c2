// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxErrors bounds the answer to a file that is wrong on purpose.
const maxErrors = 1000

// Error is one thing that is wrong in the file.
type Error struct {
	File   string // as shown to the reader: marche.yaml
	Line   int
	Column int
	Path   string // which key: channels[0].spacing
	Text   string // Italian: what is wrong and what to write instead
	TextEN string
}

// Error prints file:line:column, the key and both sentences on one line.
func (e Error) Error() string {
	where := fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Path != "" {
		where += e.Path + ": "
	}
	return where + e.Text + " (" + e.TextEN + ")"
}

// Errors is everything that is wrong in the file, in the file's order.
type Errors []Error

// Error prints one error per line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an Error.
func (es Errors) Unwrap() []error {
	all := make([]error, len(es))
	for i, e := range es {
		all[i] = e
	}
	return all
}

// inOrder sorts by place, and says how many were left out.
func (es Errors) inOrder(leftOut int) Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if leftOut == 0 {
		return es
	}
	last := es[len(es)-1]
	return append(es, Error{
		File: last.File, Line: last.Line, Column: last.Column,
		Text:   fmt.Sprintf("e altri %d errori: correggere prima questi", leftOut),
		TextEN: fmt.Sprintf("and %d more errors: mend these first", leftOut),
	})
}

// fault is why one value was refused, before it is known where it stands. An
// empty fault refuses a value that has been reported already.
type fault struct{ it, en string }

func faultf(it, en string, args ...any) *fault {
	return &fault{it: fmt.Sprintf(it, args...), en: fmt.Sprintf(en, args...)}
}

// quote shows a short piece of the file without trusting it. It is never used
// on token_*, target and api_base, where a token may have been pasted.
func quote(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	q := fmt.Sprintf("%q", s)
	return "«" + q[1:len(q)-1] + "»"
}
