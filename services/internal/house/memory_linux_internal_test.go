// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const smaps = `00400000-01804000 r-xp 00000000 08:01 1 /bin/p
Rss:               16104 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
01804000-02b7c000 r--p 01404000 08:01 1 /bin/p
Private_Dirty:         4 kB
Anonymous:             4 kB
02b7c000-02c2a000 rw-p 0277c000 08:01 1 /bin/p
Private_Dirty:         0 kB
28a660800000-28a661800000 rw-p 00000000 00:00 0
Private_Dirty:     11816 kB
7f0000000000-7f0000001000 r--p 00000000 08:01 2 /usr/lib/other
Private_Dirty:         0 kB
`

func TestOnlyPagesThatCanBeReadAgainAreGivenBack(t *testing.T) {
	maps, err := cleanPages(bufio.NewScanner(strings.NewReader(smaps)), "/bin/p")
	require.NoError(t, err)
	require.Equal(t, []mapping{{0x400000, 0x1804000}}, maps)
	_, err = cleanPages(bufio.NewScanner(strings.NewReader("?\n")), "/bin/p")
	require.Error(t, err)
}

func TestSettle(t *testing.T) {
	require.NoError(t, settle())
}
