// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What is wrong before there is a tree: where the YAML library says too little,
// or points elsewhere.

// readable refuses bytes that are no text. The YAML library would too, but
// without saying where.
func (r *reader) readable(data []byte) bool {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		var f *fault
		switch {
		case c == utf8.RuneError && size == 1:
			f = faultf("il file non è UTF-8: salvarlo con questa codifica", "the file is not UTF-8: save it in this encoding")
		case unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t':
			f = faultf("qui c'è un carattere di controllo (U+%04X): toglierlo", "there is a control character here (U+%04X): remove it", c)
		}
		if f != nil {
			r.failIn(data, i, f)
			return false
		}
		i += size
	}
	return true
}

// failIn reports at an offset of the file.
func (r *reader) failIn(data []byte, offset int, f *fault) {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	r.failAt(1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[start:]), "", f)
}

var (
	// yamlLine is how the YAML library tells the line; it tells no column.
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// yamlParser are the messages whose line the library counts from 0 (those
	// of its scanner count from 1; parser.fail in its decode.go).
	yamlParser = regexp.MustCompile(`^(did not find expected (<|node content|',' or)|found undefined tag handle|found duplicate %|found incompatible)`)
	// yamlBlock are the messages that come with the line where the block began,
	// which may be pages before the slip.
	yamlBlock = []string{"did not find expected key", "did not find expected '-' indicator"}
	// yamlAnchor is the one message that repeats what the file says.
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

func (r *reader) unreadable(err error, data []byte) {
	if errors.Is(err, io.EOF) {
		r.failAt(1, 1, "", faultf("il file è vuoto: partire da deploy/marche.yaml",
			"the file is empty: start from deploy/marche.yaml"))
		return
	}
	line, msg := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = msg[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // digits by the pattern
		switch {
		case slices.Contains(yamlBlock, msg):
			line = firstLineWith(data, msg)
		case yamlParser.MatchString(msg):
			line++
		}
	}
	if m := yamlAnchor.FindStringSubmatch(msg); m != nil {
		r.failIn(data, max(bytes.Index(data, []byte("*"+m[1])), 0), noAliases)
		return
	}
	r.failAt(line, 1, "", faultf("YAML non leggibile, controllare rientri, due punti e virgolette vicino a questa riga: %s",
		"not readable as YAML, look at indents, colons and quotes near this line: %s", msg))
}

// firstLineWith finds the line that brings a block's error: the shortest run of
// first lines that gives it. The end of a text closes every block, so no
// shorter run can give it for another reason.
func firstLineWith(data []byte, msg string) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		var n yaml.Node
		dec := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:i+1], nil)))
		err := dec.Decode(&n)
		if err == nil {
			err = dec.Decode(&n)
		}
		return err != nil && strings.HasSuffix(err.Error(), msg)
	})
}
