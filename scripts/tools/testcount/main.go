// SPDX-License-Identifier: AGPL-3.0-or-later

// Command testcount reads `go test -json` from its standard input, prints a line for each package and
// the whole output of what failed, and counts. It ends with 1 if a test failed or was skipped.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	counts := flag.String("counts", "", "`file` to write the three counts to: passed, failed, skipped")
	flag.Parse()
	c, err := run(os.Stdin, os.Stdout, *counts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(2)
	}
	if c.Failed > 0 || c.Skipped > 0 {
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, countsFile string) (Counts, error) {
	c, err := count(in, out)
	if err != nil || countsFile == "" {
		return c, err
	}
	line := fmt.Sprintf("%d %d %d\n", c.Passed, c.Failed, c.Skipped)
	return c, os.WriteFile(countsFile, []byte(line), 0o600)
}
