// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A test message whose house is killed at any step: the client sends the same request again, to the house that
// was started again, and there was one message at most.
func TestKillInATestMessage(t *testing.T) {
	for step, want := range map[string]struct {
		onWall  int
		verdict string
	}{
		"publishing.after-trial-intent":    {0, "unknown"}, // nobody can tell that it was before the call
		"publishing.after-trial-call":      {1, "unknown"},
		"publishing.before-trial-removal":  {1, "posted"},
		"publishing.there-is-no-such-step": {1, "posted"},
	} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t, settings{})
			w.start()
			w.people()
			require.NoError(t, w.house.Stop(patience))
			w.start("PALINSESTO_FAILPOINT=" + step)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			ask := func() (int, trialAnswer) {
				var out trialAnswer
				a, err := w.admin.Do(ctx, http.MethodPost, "/api/v1/channels/canale-000/test",
					map[string]any{"reason": "prova"}, "Idempotency-Key", "una")
				if err != nil || a.Status != http.StatusOK {
					return a.Status, out
				}
				require.NoError(t, a.Decode(&out))
				return a.Status, out
			}
			if status, _ := ask(); status != http.StatusOK { // it died in it
				<-w.house.Gone()
				w.start()
			}
			var got trialAnswer
			w.eventually("the test has come to its end", func() bool {
				status, out := ask()
				got = out
				return status == http.StatusOK && out.Test.Verdict != ""
			})
			require.Equal(t, want.verdict, got.Test.Verdict)
			wall := w.box.Wall()
			require.Len(t, wall, want.onWall)
			if step == "publishing.there-is-no-such-step" {
				require.True(t, wall[0].Deleted)
				require.Equal(t, "removed", got.Test.Afterwards)
			}
			w.check()
		})
	}
}

type trialAnswer struct {
	Test struct{ Verdict, Afterwards string }
}
