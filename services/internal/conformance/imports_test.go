// SPDX-License-Identifier: AGPL-3.0-or-later

package conformance

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const module = "github.com/palinsesto/palinsesto/services"

type importRule struct {
	Files []string `yaml:"files"`
	Allow []string `yaml:"allow"`
	Deny  []struct {
		Pkg  string `yaml:"pkg"`
		Desc string `yaml:"desc"`
	} `yaml:"deny"`
}

// ours is true if the rule says which packages of the module its files may import.
func (r importRule) ours() bool {
	for _, d := range r.Deny {
		if strings.HasPrefix(module, d.Pkg) {
			return true
		}
	}
	return false
}

// covers answers as depguard does: one pattern fits and none of those with ! does.
func (r importRule) covers(file string) bool {
	fits := false
	for _, pattern := range r.Files {
		if not, ok := strings.CutPrefix(pattern, "!"); ok {
			if glob(not).MatchString(file) {
				return false
			}
		} else if glob(pattern).MatchString(file) {
			fits = true
		}
	}
	return fits
}

// glob turns a pattern of depguard's into an expression over paths within services.
func glob(pattern string) *regexp.Regexp {
	switch pattern {
	case "$all":
		pattern = "**"
	case "$test":
		pattern = "**_test.go"
	}
	pattern = regexp.QuoteMeta(strings.TrimPrefix(pattern, "${config-path}/"))
	pattern = strings.ReplaceAll(pattern, `\*\*`, `.*`)
	return regexp.MustCompile("^" + strings.ReplaceAll(pattern, `\*`, `[^/]*`) + "$")
}

func importRules(t *testing.T) map[string]importRule {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root(t), "services", ".golangci.yml"))
	require.NoError(t, err)
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]importRule `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	require.NoError(t, yaml.Unmarshal(body, &config))
	require.NotEmpty(t, config.Linters.Settings.Depguard.Rules)
	return config.Linters.Settings.Depguard.Rules
}

// A package that no rule knows may import anything, and the directions would rot unseen.
func TestEveryPackageStandsInARuleOfImports(t *testing.T) {
	rules := importRules(t)
	unruled := map[string]bool{}
	for _, f := range files(t) {
		inModule, ok := strings.CutPrefix(f.path, "services/")
		if ok && f.ext() == ".go" && !f.inFolder("testdata") && !ruled(rules, inModule) {
			unruled[path.Dir(inModule)] = true
		}
	}
	assert.Empty(t, unruled, "packages in no rule of depguard's in services/.golangci.yml that says which of ours they may import")
}

func ruled(rules map[string]importRule, file string) bool {
	for _, r := range rules {
		if r.ours() && r.covers(file) {
			return true
		}
	}
	return false
}

func TestEveryRuleOfImportsSaysWhy(t *testing.T) {
	for name, r := range importRules(t) {
		assert.NotEmpty(t, r.Deny, "%s: a rule that only allows has no words for who breaks it", name)
		for _, d := range r.Deny {
			assert.NotEmpty(t, d.Desc, "%s: %s is denied without a reason", name, d.Pkg)
		}
	}
}

// depguard compares an import with the nearest entry of a list only, so one entry within another
// would hide it and let imports through.
func TestEntriesOfARuleDoNotOverlap(t *testing.T) {
	for name, r := range importRules(t) {
		denied := make([]string, 0, len(r.Deny))
		for _, d := range r.Deny {
			denied = append(denied, d.Pkg)
		}
		for _, list := range [][]string{r.Allow, denied} {
			for _, a := range list {
				for _, b := range list {
					assert.False(t, a != b && strings.HasPrefix(b, a), "%s: %s lies within %s", name, b, a)
				}
			}
		}
	}
}
