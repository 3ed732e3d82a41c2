// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// A list of what waits for a person must not be full of what does not.
func TestNeedsHand(t *testing.T) {
	for state, want := range map[palinsesto.PostState]struct{ plain, caused bool }{
		palinsesto.PostQueued:    {false, false},
		palinsesto.PostDue:       {false, false},
		palinsesto.PostRetrying:  {false, false},
		palinsesto.PostRemoving:  {false, false},
		palinsesto.PostHeld:      {false, true},
		palinsesto.PostPosted:    {false, true},
		palinsesto.PostCancelled: {false, true},
		palinsesto.PostFailed:    {true, true},
		palinsesto.PostUncertain: {true, true},
		palinsesto.PostMissed:    {true, true},
	} {
		require.Equal(t, want.plain, palinsesto.Post{State: state}.NeedsHand(), state)
		require.Equal(t, want.caused, palinsesto.Post{State: state, Cause: "rete"}.NeedsHand(), state)
	}
}

// A state without a word would be read in English.
func TestEveryStateHasAWord(t *testing.T) {
	for _, s := range palinsesto.PostStates() {
		require.NotEqual(t, string(s), palinsesto.Word(string(s)))
	}
	for _, s := range palinsesto.SegStates() {
		require.NotEqual(t, string(s), palinsesto.Word(string(s)))
	}
	require.Equal(t, "altro", palinsesto.Word("altro"))
}
