// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func shipped(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", name))
	require.NoError(t, err)
	return string(b)
}

// What deploy/METRICS.md lists is what the page has, and the rules use nothing else.
func TestFiguresAreThoseThatAreDocumented(t *testing.T) {
	folder := t.TempDir()
	cfg, err := config.Parse([]byte(`
organisation: {name: Prova}
centres: [{id: jesi, name: Jesi, province: AN}]
channels: [{id: tg, network: telegram, target: "@prova", token_env: PALINSESTO_TEST_TOKEN, api_base: "http://127.0.0.1:9"}]
backup: {folder: "`+folder+`", cron: "30 2 * * *"}
`), "prova.yaml")
	require.NoError(t, err)
	h, err := New(context.Background(), Options{Config: cfg, Data: t.TempDir(), Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	defer h.Close()
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(palinsesto_[a-z_]+)`").FindAllStringSubmatch(shipped(t, "METRICS.md"), -1) {
		documented = append(documented, m[1])
	}
	require.ElementsMatch(t, documented, h.metrics.Names())
	for _, name := range documented {
		require.NotRegexp(t, `_(ms|millis|total_.*)$`, name, "base units, and _total at the end: https://prometheus.io/docs/practices/naming/")
	}
}

func TestRulesUseWhatThereIs(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(shipped(t, "prometheus.rules.yml")))
	dec.KnownFields(false)
	require.NoError(t, dec.Decode(&rules))
	metrics, handbook := shipped(t, "METRICS.md"), shipped(t, "OPERATORS.md")
	seen := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			require.False(t, seen[r.Alert], r.Alert)
			seen[r.Alert] = true
			require.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.Contains(t, handbook, "### `"+r.Annotations["handbook"]+"`", r.Alert)
			for _, name := range regexp.MustCompile(`palinsesto_[a-z_]+`).FindAllString(r.Expr, -1) {
				require.Contains(t, metrics, "`"+strings.TrimSuffix(name, "_bucket")+"`", r.Alert)
			}
		}
	}
	require.Greater(t, len(seen), 10)
}

// Every alert that operators may be told of has its place in their handbook.
func TestHandbookHasEveryAlert(t *testing.T) {
	handbook := shipped(t, "OPERATORS.md")
	for _, kind := range palinsesto.AlertKinds() {
		require.Contains(t, handbook, "### `"+string(kind)+"`")
	}
}
