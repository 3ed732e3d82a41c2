// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

var (
	quoted = regexp.MustCompile("`palinsesto ([^`]+)`")
	word   = regexp.MustCompile(`"([^"]*)"|(\S+)`)
)

// Every command line in the pages for operators is one that the program takes: in a block whole, in running
// text at least as far as it goes.
func TestHandbookCommands(t *testing.T) {
	pages, err := filepath.Glob("../../../deploy/*.md")
	require.NoError(t, err)
	seen := 0
	for _, page := range append(pages, "../../../README.md") {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, line := range strings.Split(string(raw), "\n") {
			if rest, ok := strings.CutPrefix(line, "    palinsesto "); ok {
				seen++
				said := understood(t, rest)
				require.NoError(t, said, "%s: %s", page, line)
				continue
			}
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				seen++
				if said := understood(t, m[1]); said != nil {
					require.Regexp(t, "^(missing|expected) ", said.Error(), "%s: %s", page, m[0])
				}
			}
		}
	}
	require.Greater(t, seen, 60)
	for _, wrong := range []string{"cucina", "posts --fame", "channel reconnected", "posts extra"} {
		require.Error(t, understood(t, wrong))
	}
}

// understood parses a line as a shell and the program would.
func understood(t *testing.T, line string) error {
	t.Helper()
	line, _, _ = strings.Cut(line, "  #")
	line, _, _ = strings.Cut(line, " #")
	var args []string
	for _, m := range word.FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
	}
	if len(args) > 0 && (args[len(args)-1] == "…" || args[len(args)-1] == "...") {
		args = args[:len(args)-1]
	}
	var g grammar
	exited := false
	parser, err := kong.New(&g, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) { exited = true }))
	require.NoError(t, err)
	if _, err = parser.Parse(args); exited {
		return nil
	}
	return err
}
