// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"errors"
	"strings"
)

// Code is the closed set of errors that cross from one room to another and out to people. What is
// wrapped around an Error does not cross: rooms log it where it happened.
type Code string

// The codes; api maps each to one HTTP status.
const (
	CodeInvalid      Code = "invalid"      // 422: Problems lists every reason with its field
	CodeNotFound     Code = "not_found"    // 404: also for what the actor may not see
	CodeForbidden    Code = "forbidden"    // 403
	CodeUnauthorized Code = "unauthorized" // 401
	CodeStale        Code = "stale"        // 409: the page shows an older version
	CodeConflict     Code = "conflict"     // 409: the state does not allow it
	CodeKeyReused    Code = "key_reused"   // 422: another body under the same Idempotency-Key
	CodeTooLarge     Code = "too_large"    // 413
	CodeBusy         Code = "busy"         // 503: try again
	CodeFull         Code = "full"         // 507: the store is below its floor of free space
	CodeInternal     Code = "internal"     // 500: a fault of ours
)

// Level says what a problem does to the document that has it.
type Level string

// The levels of a Problem.
const (
	LevelError Level = "error" // refused
	LevelMark  Level = "mark"  // accepted; people see it while they review
	LevelFix   Level = "fix"   // put right by the house, and told
	LevelNote  Level = "note"  // for information, such as a network without a channel here
)

// Problem is one finding in a document or form: where, what, and what to do, for people.
type Problem struct {
	Code   string `json:"code"`  // such as V-URL or A-ALT
	Level  Level  `json:"level"` //
	Field  string `json:"field"` // such as media[0].alt; empty: the whole document
	Text   string `json:"text"`  // in Italian
	TextEN string `json:"text_en,omitempty"`
}

// Error is what a room answers when it refuses.
type Error struct {
	Code     Code
	Text     string // what happened, what it means, what to do: in Italian
	TextEN   string
	Problems []Problem
}

// Error gives the Italian sentence and each problem on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Text)
	for _, p := range e.Problems {
		b.WriteString("\n- ")
		if p.Field != "" {
			b.WriteString(p.Field + ": ")
		}
		b.WriteString(p.Text + " [" + p.Code + "]")
	}
	return b.String()
}

// Refuse makes an Error.
func Refuse(c Code, it, en string) *Error { return &Error{Code: c, Text: it, TextEN: en} }

// CodeOf tells the code of err: CodeInternal for what is not an Error, empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
