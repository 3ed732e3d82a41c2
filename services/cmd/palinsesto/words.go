// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"regexp"
	"strings"
)

// words are what kong says of a wrong command line, and the same in Italian.
var words = []struct {
	says *regexp.Regexp
	it   string
}{
	{regexp.MustCompile(`^unexpected argument (.*)$`), "argomento imprevisto $1"},
	{regexp.MustCompile(`^unknown flag (.*)$`), "opzione sconosciuta $1"},
	{regexp.MustCompile(`^missing flags?: (.*)$`), "mancano le opzioni $1"},
	{regexp.MustCompile(`^missing positional arguments? (.*)$`), "manca $1"},
	{regexp.MustCompile(`^expected one of (.*)$`), "serve un comando: $1"},
	{regexp.MustCompile(`^expected "(.*)"$`), "manca $1"},
	{regexp.MustCompile(`^(\S+) must be one of (.*) but got (.*)$`), "$1: non $3, ma uno fra $2"},
	{regexp.MustCompile(`^(\S+): expected .* value but got (?:"EOL"|.*\(long flag\)).*$`), "$1 vuole un valore"},
	{regexp.MustCompile(`^(\S+): expected a valid .* int but got (.*)$`), "$1: $2 non è un numero"},
	{regexp.MustCompile(`^\S+: stat (.*): no such file or directory$`), "il file $1 non c'è"},
}

// inItalian puts the sentence before kong's own; of what it does not know it gives kong's.
func inItalian(err error) string {
	said := err.Error()
	for _, w := range words {
		if w.says.MatchString(said) {
			it := w.says.ReplaceAllString(said, w.it)
			return strings.ReplaceAll(it, ", did you mean", "; forse") + " (" + said + ")"
		}
	}
	return said
}
