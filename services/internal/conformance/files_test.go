// SPDX-License-Identifier: AGPL-3.0-or-later

package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const spdx = "SPDX-License-Identifier: AGPL-3.0-or-later"

func TestEverythingExpectedStandsAtTheRoot(t *testing.T) {
	for _, name := range []string{
		"LICENSE", "README.md", "deploy", "go.work", "proto", "publiccode.yml", "scripts", "services",
	} {
		_, err := os.Stat(filepath.Join(root(t), name))
		assert.NoError(t, err)
	}
}

// The sum is that of https://www.gnu.org/licenses/agpl-3.0.txt.
func TestLicenceIsTheOfficialText(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	require.NoError(t, err)
	sum := sha256.Sum256(body)
	require.Equal(t, "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0", hex.EncodeToString(sum[:]))
}

// https://reuse.software/spec/: the licence stands in each file, so that one that travels alone keeps it.
func TestEveryFileNamesItsLicence(t *testing.T) {
	for _, f := range files(t) {
		if !f.text() || f.generated() {
			continue
		}
		switch {
		case f.ext() == ".go" || f.ext() == ".proto":
			assert.True(t, strings.HasPrefix(string(f.body), "// "+spdx+"\n"), "%s: the first line must be // %s", f.path, spdx)
		case f.ext() == ".sh" || f.program():
			assert.Contains(t, head(f), "# "+spdx, "%s: one of the first lines must be # %s", f.path, spdx)
		}
	}
}

func head(f file) string {
	lines := strings.SplitN(string(f.body), "\n", 4)
	return strings.Join(lines[:min(3, len(lines))], "\n")
}

func TestProgramsCanBeRunAndNothingElse(t *testing.T) {
	for _, f := range files(t) {
		runnable := f.mode&0o111 != 0
		assert.Equal(t, f.program(), runnable, "%s: begins with #! is %v, may be run is %v", f.path, f.program(), runnable)
	}
}

// A path of somebody's machine works nowhere else, and tells about that machine. What follows the
// name of the folder must look like a path, and what stands before must not (an address, a longer path).
var machinePath = regexp.MustCompile(`(?:^|[^\w./~-])(/(?:root|work|tmp|home/\w+|Users/\w+)/[\w.-]*)`)

func TestNoFileNamesAMachinePath(t *testing.T) {
	for _, f := range files(t) {
		if !f.text() || f.ext() == ".sum" {
			continue
		}
		for _, found := range machinePath.FindAllSubmatch(f.body, -1) {
			t.Errorf("%s names %s: paths are relative to the repository, or come from flags or t.TempDir", f.path, found[1])
		}
	}
}

func TestMachinePathsAreRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		`open("/ro` + `ot/x")`:                true,
		"see /ho" + "me/anna/notes":           true,
		"https://example.org/wo" + "rk/offer": false,
		"deploy/ro" + "ot/etc":                false,
		"the /tm" + "p folder":                false,
	} {
		assert.Equal(t, want, machinePath.MatchString(text), text)
	}
}

// An inline link or image of Markdown; what stands in code is not one.
var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	markdownCode = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

func TestLinksInMarkdownLeadSomewhere(t *testing.T) {
	top := root(t)
	for _, f := range files(t) {
		if f.ext() != ".md" || f.inFolder("testdata") {
			continue
		}
		for _, found := range markdownLink.FindAllSubmatch(markdownCode.ReplaceAll(f.body, nil), -1) {
			link, err := url.Parse(string(found[1]))
			if !assert.NoError(t, err, f.path) || link.Scheme != "" || link.Path == "" {
				continue
			}
			target := filepath.Join(top, filepath.Dir(f.path), filepath.FromSlash(link.Path))
			_, err = os.Stat(target)
			assert.NoError(t, err, "%s links to %s", f.path, found[1])
		}
	}
}
