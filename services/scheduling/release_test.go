// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Edits that a stop kept back are asked for again at once when it is lifted, not by the sweep in minutes.
func TestEditsGoOnWhenAStopIsLifted(t *testing.T) {
	h := newHouse(t)
	s := h.room()
	asked := as(draft(h.report().State, time.Now()), palinsesto.PostEditing)
	asked.Attempt = nil
	kept := h.put(palinsesto.PostWasEditing, asked)
	under := as(draft(h.report().State, time.Now()), palinsesto.PostEditing)
	under.Attempt = &palinsesto.Attempt{Number: 1, Hash: under.Hash, Worker: "another", Intended: time.Now(), Lasts: time.Minute}
	flying := h.put(palinsesto.PostWasEditing, under)
	h.shown()
	require.NoError(t, s.letGo(context.Background(), "any"))
	require.Equal(t, []string{"editing", "editing"}, h.events(kept.Subject))
	require.Equal(t, []string{"editing"}, h.events(flying.Subject), "one under way is left alone")
}
