// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// answer prints what the API said: as it came with --json, else as people read it.
func (r *Run) answer(raw json.RawMessage, people func() error) error {
	if !r.Flags.JSON {
		return people()
	}
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	_, err := fmt.Fprintf(r.Term.Out, "%s\n", raw)
	return err
}

// table prints rows in columns. On a terminal the last column, where the long texts are, is fitted into
// what room is left; elsewhere nothing is ever cut.
func (r *Run) table(head []string, rows [][]string, fit func(s string, room int) []string) error {
	last := len(head) - 1
	widths := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i := range row {
			row[i] = plain(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	left := 0
	for _, w := range widths[:last] {
		left += w + gap
	}
	for _, row := range all {
		lines := []string{row[last]}
		if room := r.Term.Width - left; room >= narrow {
			lines = fit(row[last], room)
		}
		var b strings.Builder
		for i, cell := range row[:last] {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap))
		}
		b.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", left)))
		if _, err := fmt.Fprintln(r.Term.Out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

const (
	gap    = 2  // between columns
	narrow = 20 // below that a column is no easier to read for being fitted
)

// cut is what fits on one line.
func cut(s string, room int) []string {
	if r := []rune(s); len(r) > room {
		s = string(r[:room-1]) + "…"
	}
	return []string{s}
}

// wrap breaks s between words.
func wrap(s string, room int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

func (r *Run) say(format string, args ...any) error {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = plain(s)
		}
	}
	_, err := fmt.Fprintf(r.Term.Out, format+"\n", args...)
	return err
}

// plain keeps what others wrote from moving the cursor or colouring the terminal.
func plain(s string) string {
	return strings.Map(func(x rune) rune {
		if unicode.IsControl(x) || unicode.Is(unicode.Bidi_Control, x) {
			return ' '
		}
		return x
	}, s)
}

// moment is a time of the API for people, in the offset in which the house tells it.
func moment(s *time.Time) string {
	if s == nil {
		return "–"
	}
	return s.Format("02/01/2006 15:04:05")
}
