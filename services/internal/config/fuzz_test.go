// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

// FuzzParse: no input panics; a refusal is an Errors with places inside the
// file's bounds and both languages; an acceptance can be relied on.
func FuzzParse(f *testing.F) {
	for _, tc := range wrong {
		f.Add([]byte(replaceLine(base, tc.replace+"\x00", "") + tc.with))
	}
	f.Add([]byte(small))
	for _, file := range []string{"testdata/full.yaml", "testdata/errors.yaml"} {
		data, err := os.ReadFile(filepath.FromSlash(file))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse(data, "fuzz.yaml")
		if err != nil {
			var errs config.Errors
			require.ErrorAs(t, err, &errs)
			require.NotEmpty(t, errs)
			for i, e := range errs {
				require.Positive(t, e.Line)
				require.Positive(t, e.Column)
				require.NotEmpty(t, e.Text)
				require.NotEmpty(t, e.TextEN)
				require.NotContains(t, e.Error(), "\n")
				require.True(t, i == 0 || errs[i-1].Line <= e.Line)
			}
			return
		}
		require.NotEmpty(t, c.Centres)
		require.NotEmpty(t, c.Organisation.Name)
		require.NotNil(t, c.Location())
		require.GreaterOrEqual(t, c.Publishing.Lease, 2*c.Publishing.CallDeadline)
		require.Len(t, c.Fingerprint(), 12)
		for _, ch := range c.Channels {
			require.Contains(t, config.Networks, ch.Network)
			require.NotEqual(t, ch.TokenFile == "", ch.TokenEnv == "", "exactly one token source")
			for _, centre := range ch.Centres {
				_, ok := c.Centre(centre)
				require.True(t, ok)
			}
		}
	})
}
