// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Counts are of tests without subtests, and of subtests: a test that only holds others is not counted
// twice. A package that fails without a failed test (it does not build, it panics, it hangs) counts as
// one failure.
type Counts struct{ Passed, Failed, Skipped int }

// event is one line of `go test -json`; see `go doc test2json` and, for the builds, `go help buildjson`.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

type counter struct {
	Counts

	out     io.Writer
	output  map[string][]string // of what is still running, by package and test
	parents map[string]bool     // tests with subtests
	broken  map[string]bool     // packages and tests within which a failure was counted
}

func count(in io.Reader, out io.Writer) (Counts, error) {
	c := &counter{out: out, output: map[string][]string{}, parents: map[string]bool{}, broken: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			c.line(line)
		}
		if err == io.EOF {
			return c.Counts, nil
		}
		if err != nil {
			return c.Counts, fmt.Errorf("reading the results: %w", err)
		}
	}
}

func (c *counter) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		fmt.Fprintf(c.out, "%s", line) // the go command speaks plainly when it cannot even start
		return
	}
	switch e.Action {
	case "build-output":
		fmt.Fprint(c.out, e.Output)
	case "run":
		if at := strings.LastIndexByte(e.Test, '/'); at > 0 {
			c.parents[key(e.Package, e.Test[:at])] = true
		}
	case "output":
		k := key(e.Package, e.Test)
		c.output[k] = append(c.output[k], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			c.packageDone(e)
		} else {
			c.testDone(e)
		}
	}
}

func (c *counter) testDone(e event) {
	k := key(e.Package, e.Test)
	switch {
	case e.Action == "fail":
		c.print(k)
		if !c.broken[k] {
			c.Failed++
		}
		c.breakAbove(e)
	case e.Action == "skip":
		c.print(k)
		c.Skipped++
	case !c.parents[k]:
		c.Passed++
	}
	if e.Action == "pass" && c.raced(k) {
		c.print(k) // a race fails the test above, but stands in the output of this one
	}
	delete(c.output, k)
}

func (c *counter) raced(k string) bool {
	for _, s := range c.output[k] {
		if strings.Contains(s, "WARNING: DATA RACE") {
			return true
		}
	}
	return false
}

// breakAbove notes that the tests around e, and its package, fail for a reason already counted.
func (c *counter) breakAbove(e event) {
	for name := e.Test; ; {
		at := strings.LastIndexByte(name, '/')
		if at < 0 {
			break
		}
		name = name[:at]
		c.broken[key(e.Package, name)] = true
	}
	c.broken[key(e.Package, "")] = true
}

func (c *counter) packageDone(e event) {
	k := key(e.Package, "")
	switch e.Action {
	case "fail":
		c.printUnfinished(e.Package)
		if !c.broken[k] {
			c.Failed++
		}
		fmt.Fprintf(c.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	case "pass":
		fmt.Fprintf(c.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	case "skip": // the word of `go test` for a package without tests
	}
	delete(c.output, k)
}

// printUnfinished tells what the package said outside its tests, and its tests when their process died.
func (c *counter) printUnfinished(pkg string) {
	for k := range c.output {
		if strings.HasPrefix(k, pkg+" ") {
			c.print(k)
			delete(c.output, k)
		}
	}
}

func (c *counter) print(k string) {
	for _, s := range c.output[k] {
		fmt.Fprint(c.out, s)
	}
}

func key(pkg, test string) string { return pkg + " " + test }
