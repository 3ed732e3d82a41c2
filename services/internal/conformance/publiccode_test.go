// SPDX-License-Identifier: AGPL-3.0-or-later

package conformance

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// publiccode is what https://yml.publiccode.tools/schema.core.html asks for.
type publiccode struct {
	Version           string   `yaml:"publiccodeYmlVersion"`
	Name              string   `yaml:"name"`
	URL               string   `yaml:"url"`
	Platforms         []string `yaml:"platforms"`
	Categories        []string `yaml:"categories"`
	DevelopmentStatus string   `yaml:"developmentStatus"`
	SoftwareType      string   `yaml:"softwareType"`
	Description       map[string]struct {
		Short    string   `yaml:"shortDescription"`
		Long     string   `yaml:"longDescription"`
		Features []string `yaml:"features"`
	} `yaml:"description"`
	Legal struct {
		License string `yaml:"license"`
	} `yaml:"legal"`
	Maintenance struct {
		Type     string `yaml:"type"`
		Contacts []struct {
			Name string `yaml:"name"`
		} `yaml:"contacts"`
		Contractors []struct {
			Name  string `yaml:"name"`
			Until string `yaml:"until"`
		} `yaml:"contractors"`
	} `yaml:"maintenance"`
	Localisation struct {
		Ready     *bool    `yaml:"localisationReady"`
		Languages []string `yaml:"availableLanguages"`
	} `yaml:"localisation"`
	Organisation *struct {
		URI string `yaml:"uri"`
	} `yaml:"organisation"`
}

func readPubliccode(t *testing.T) (publiccode, map[string]any) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root(t), "publiccode.yml"))
	require.NoError(t, err)
	var p publiccode
	require.NoError(t, yaml.Unmarshal(body, &p))
	var keys map[string]any
	require.NoError(t, yaml.Unmarshal(body, &keys))
	return p, keys
}

func TestPubliccodeHasItsMandatoryKeys(t *testing.T) {
	p, keys := readPubliccode(t)
	assert.Equal(t, "0", p.Version, `"0" is the newest of the 0 series; a minor version ages and warns`)
	assert.NotEmpty(t, p.Name)
	address, err := url.Parse(p.URL)
	require.NoError(t, err)
	assert.Equal(t, "https", address.Scheme)
	assert.NotEmpty(t, address.Host)
	assert.NotEmpty(t, p.Platforms)
	assert.Contains(t, []string{"concept", "development", "beta", "stable", "obsolete"}, p.DevelopmentStatus)
	assert.Equal(t, "standalone/web", p.SoftwareType)
	assert.Equal(t, "AGPL-3.0-or-later", p.Legal.License)
	assert.NotNil(t, p.Localisation.Ready)
	assert.Contains(t, p.Localisation.Languages, "it")
	if p.Organisation != nil {
		assert.NotEmpty(t, p.Organisation.URI)
	}
	assert.NotContains(t, keys, "IT", "the Italian section is deprecated since 0.7")
}

func TestPubliccodeDescribesInEachLanguage(t *testing.T) {
	p, _ := readPubliccode(t)
	require.Contains(t, p.Description, "it")
	require.Contains(t, p.Description, "en")
	for language, d := range p.Description {
		assert.NotEmpty(t, d.Short, language)
		assert.LessOrEqual(t, utf8.RuneCountInString(d.Short), 150, language)
		assert.GreaterOrEqual(t, utf8.RuneCountInString(d.Long), 150, language)
		assert.LessOrEqual(t, utf8.RuneCountInString(d.Long), 10_000, language)
		assert.NotEmpty(t, d.Features, language)
	}
}

func TestPubliccodeSaysWhoMaintains(t *testing.T) {
	p, _ := readPubliccode(t)
	switch p.Maintenance.Type {
	case "internal", "community":
		require.NotEmpty(t, p.Maintenance.Contacts)
		for _, c := range p.Maintenance.Contacts {
			assert.NotEmpty(t, c.Name)
		}
	case "contract":
		require.NotEmpty(t, p.Maintenance.Contractors)
		for _, c := range p.Maintenance.Contractors {
			assert.NotEmpty(t, c.Name)
			assert.NotEmpty(t, c.Until)
		}
	case "none":
	default:
		t.Errorf("maintenance.type is %q", p.Maintenance.Type)
	}
}

// From the list of the standard: other words are refused by the catalogue.
func TestPubliccodeCategoriesAreKnown(t *testing.T) {
	p, _ := readPubliccode(t)
	known := []string{"communications", "content-management", "social-media-management", "workflow-management"}
	assert.Subset(t, known, p.Categories)
}
