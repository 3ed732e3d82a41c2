// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// What says what to do is never cut where nobody sees the edge, and on a terminal only in lists.
func TestTable(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("parola ", 30))
	for _, c := range []struct {
		width int
		fit   func(string, int) []string
		lines int
		cut   bool
	}{{0, cut, 2, false}, {60, cut, 2, true}, {60, wrap, 6, false}, {15, cut, 2, false}} {
		var out bytes.Buffer
		r := &Run{Term: Terminal{Out: &out, Width: c.width}}
		require.NoError(t, r.table([]string{"ID", "PERCHÉ"}, [][]string{{"perché", long}}, c.fit))
		require.Equal(t, c.lines, strings.Count(out.String(), "\n"), out.String())
		require.Equal(t, c.cut, strings.Contains(out.String(), "…"))
		require.Equal(t, !c.cut, strings.Contains(strings.Join(strings.Fields(out.String()), " "), long))
		if c.width > narrow {
			for line := range strings.Lines(out.String()) {
				require.LessOrEqual(t, len([]rune(line)), c.width+1, line)
			}
		}
	}
}

// Every post that waits for a person has a command that is not only to look at it.
func TestNextAct(t *testing.T) {
	for _, p := range []palinsesto.Post{
		{State: palinsesto.PostFailed}, {State: palinsesto.PostMissed}, {State: palinsesto.PostUncertain},
		{State: palinsesto.PostHeld, Cause: "unauthorized"}, {State: palinsesto.PostPosted, Cause: "remove_by_hand"},
		{State: palinsesto.PostFailed, Cause: "edit_by_hand"}, {State: palinsesto.PostCancelled, Cause: "half_out"},
		{State: palinsesto.PostPosted, Cause: "channel_dropped"},
	} {
		require.True(t, p.NeedsHand())
		require.NotContains(t, nextAct(string(p.State), p.Cause, "ID"), "show", "%s %s", p.State, p.Cause)
	}
}

func TestNoHouse(t *testing.T) {
	require.ErrorContains(t, noHouse("dati", fs.ErrPermission), "è di un altro utente")
	require.ErrorContains(t, noHouse("dati", fs.ErrNotExist), "nessuna casa in funzione su dati")
}

func TestClock(t *testing.T) {
	require.Equal(t, "22/11/2026 21:59:03", clock("2026-11-22T21:59:03.588443343+01:00"))
	require.Empty(t, clock(""))
}
