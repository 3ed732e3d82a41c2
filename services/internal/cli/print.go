// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
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

// table prints rows in columns.
func (r *Run) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(r.Term.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
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

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
