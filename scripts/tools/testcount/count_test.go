// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	const run, out = `{"Action":"run","Package":"p","Test":"`, `{"Action":"output","Package":"p","Test":"`
	tests := map[string]struct {
		lines []string
		want  Counts
		shown string
	}{
		"a test and a test with two subtests are three": {
			lines: []string{
				run + `A"}`, `{"Action":"pass","Package":"p","Test":"A"}`,
				run + `B"}`, run + `B/one"}`, run + `B/two"}`,
				`{"Action":"pass","Package":"p","Test":"B/one"}`, `{"Action":"pass","Package":"p","Test":"B/two"}`,
				`{"Action":"pass","Package":"p","Test":"B"}`, `{"Action":"pass","Package":"p","Elapsed":0.1}`,
			},
			want: Counts{Passed: 3}, shown: "ok    p  0.1s",
		},
		"a failed subtest is one failure, shown with its words": {
			lines: []string{
				run + `B"}`, run + `B/one"}`, out + `B/one","Output":"wrong colour\n"}`,
				`{"Action":"fail","Package":"p","Test":"B/one"}`, `{"Action":"fail","Package":"p","Test":"B"}`,
				`{"Action":"fail","Package":"p","Elapsed":0.2}`,
			},
			want: Counts{Failed: 1}, shown: "wrong colour",
		},
		"a failure of the test itself after good subtests counts": {
			lines: []string{
				run + `B"}`, run + `B/one"}`, `{"Action":"pass","Package":"p","Test":"B/one"}`,
				`{"Action":"fail","Package":"p","Test":"B"}`, `{"Action":"fail","Package":"p"}`,
			},
			want: Counts{Passed: 1, Failed: 1},
		},
		"a skipped test is told": {
			lines: []string{
				run + `A"}`, out + `A","Output":"no server\n"}`,
				`{"Action":"skip","Package":"p","Test":"A"}`, `{"Action":"pass","Package":"p"}`,
			},
			want: Counts{Skipped: 1}, shown: "no server",
		},
		"a package without tests is nothing": {lines: []string{`{"Action":"skip","Package":"p"}`}},
		"a package that does not build is a failure": {
			lines: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"undefined: x\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			},
			want: Counts{Failed: 1}, shown: "undefined: x",
		},
		"a process that dies is a failure, with the words of the test it died in": {
			lines: []string{run + `A"}`, out + `A","Output":"panic: help\n"}`, `{"Action":"fail","Package":"p"}`},
			want:  Counts{Failed: 1}, shown: "panic: help",
		},
		"plain words of the go command go through": {lines: []string{`go: no such module`}, shown: "no such module"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			got, err := run1(t, strings.Join(tt.lines, "\n"), &out)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("counts are %+v, want %+v", got, tt.want)
			}
			if !strings.Contains(out.String(), tt.shown) {
				t.Errorf("%q is not in the output:\n%s", tt.shown, out.String())
			}
		})
	}
}

// run1 also looks at the file of counts, which is what scripts/test reads.
func run1(t *testing.T, in string, out *strings.Builder) (Counts, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "counts")
	c, err := run(strings.NewReader(in), out, file)
	if err != nil {
		return c, err
	}
	line, err := os.ReadFile(file)
	if err == nil && len(strings.Fields(string(line))) != 3 {
		t.Errorf("the file of counts holds %q", line)
	}
	return c, err
}
