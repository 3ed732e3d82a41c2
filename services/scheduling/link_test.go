// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The link that a person gives for a post stands in lists for others to open: the rule is that of documents.
func TestLinkOfAPost(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkLink("https://t.me/cpi_marche/12"))
	for _, link := range []string{"", "t.me/x", "javascript:alert(1)", "https://t.me:pw@evil.example/", "https://", "https://evil.example/\u202egpj.exe", "https://t.me/a b"} {
		require.Error(t, checkLink(link), "%q", link)
	}
}
