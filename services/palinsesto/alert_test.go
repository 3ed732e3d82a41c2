// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAlertSays(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	a := Alert{ID: AlertID(AlertFailed, "telegram-marche", "content")}.Say(now, []string{"mail"})
	require.True(t, a.Behind("mail"))
	require.False(t, a.Behind("telegram"), "a way that is not there has nothing to tell")
	told := a.SetWay(AlertWay{Way: "mail", Told: a.Message})
	require.False(t, told.Behind("mail"))
	require.True(t, a.Behind("mail"), "an alert is a value")
	again := told.Say(now, []string{"mail", "telegram"})
	w, ok := again.Way("telegram")
	require.True(t, ok)
	require.Equal(t, again.Message-1, w.Told, "a new way is told the newest message only")
	require.Len(t, again.Say(now, []string{"telegram"}).Ways, 1)
}

func TestAlertIDIsOfItsCause(t *testing.T) {
	require.True(t, ValidID(AlertID(AlertDisk, "", "")))
	require.NotEqual(t, AlertID(AlertFailed, "a", "b"), AlertID(AlertFailed, "b", "a"))
}

func TestEveryAlertIsSaidInBothLanguages(t *testing.T) {
	unknown := Alert{Kind: "of.tomorrow", Scope: "c"}
	for _, english := range []bool{false, true} {
		for _, kind := range append(AlertKinds(), unknown.Kind) {
			a := Alert{Kind: kind, Scope: "canale", Count: 3}
			w := a.Words(english)
			for _, said := range []string{w.Title, w.Means, w.Do} {
				if said == "" || strings.ContainsAny(said, "{}") {
					t.Errorf("%s, english %t: %q", kind, english, said)
				}
			}
			if kind != unknown.Kind && w.Means == unknown.Words(english).Means {
				t.Errorf("%s, english %t: nothing is said of it", kind, english)
			}
		}
	}
}
