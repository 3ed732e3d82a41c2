// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

type segHandle struct {
	harness.Seg
	title string
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	return int64(st.Bavail) * st.Bsize
}
