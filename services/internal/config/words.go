// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"regexp"
	"strings"
	"time"
)

// What the errors say about types and misspelt words.

var kindsIT = map[string]string{
	"!!str": "un testo", "!!int": "un numero intero", "!!float": "un numero", "!!bool": "true o false",
	"!!timestamp": "una data", "!!binary": "un dato binario",
}

var kindsEN = map[string]string{
	"!!str": "a text", "!!int": "a whole number", "!!float": "a number", "!!bool": "true or false",
	"!!timestamp": "a date", "!!binary": "binary data",
}

func kindIT(tag string) string {
	if tag == "!!float" {
		return "un numero con decimali"
	}
	if k, ok := kindsIT[tag]; ok {
		return k
	}
	return "un tipo particolare"
}

func kindEN(tag string) string {
	if tag == "!!float" {
		return "a number with decimals"
	}
	if k, ok := kindsEN[tag]; ok {
		return k
	}
	return "a special type"
}

var wordForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func plainKey(key string) bool { return wordForm.MatchString(key) }

// quoteless shows a number as it was written, cut.
func quoteless(digits string) string {
	const most = 12
	if len(digits) > most {
		return digits[:most] + "…"
	}
	return digits
}

// short prints a duration as a person writes it: 30m, not 30m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// nearest is the known word that a slip of the keyboard made of word, or "".
func nearest(word string, known []string) string {
	if !plainKey(word) {
		return ""
	}
	best, at := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < at && d < len(k) {
			best, at = k, d
		}
	}
	return best
}

// distance is Levenshtein's, in bytes: keys are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
