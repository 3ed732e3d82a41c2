// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// A command line is understood, or refused with a sentence.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{"posts\n--state\nqueued\n--json", "serve\nintake\napi\n--config\nx.yaml", "token\ncreate\n--role=referente\n--centre\njesi",
		"resolve\nID\n--out\n--link\nhttps://t.me/x/1", "stop\n--scope\ntag\n--value\nx\n--reason\ny", "backup\n--verify\nx", "--help", "submit\nmain.go\n--shift-weeks=auto"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var g grammar
		exited := false
		parser, err := kong.New(&g, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) { exited = true }))
		require.NoError(t, err)
		if _, err = parser.Parse(strings.Split(line, "\n")); err != nil && !exited {
			require.NotEmpty(t, inItalian(err))
		}
	})
}
