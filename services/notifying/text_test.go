// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestParagraph(t *testing.T) {
	s := &Service{cfg: &config.Config{Organisation: config.Organisation{Timezone: "Europe/Rome", Language: "it"}},
		Deps: Deps{PublicURL: func() string { return "https://p.example.org" }}}
	a := palinsesto.Alert{ID: "x", Kind: palinsesto.AlertUncertain, Scope: tg, Cause: "timeout", Count: 12, State: palinsesto.AlertOpen,
		Detail: "La risposta non è arrivata.", Raised: time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)}
	require.Equal(t, `[AVVISO] 12 post incerti su telegram-marche (timeout)
Che cosa è successo: La risposta non è arrivata.
Che cosa significa: Potrebbero essere usciti oppure no: la risposta della rete è andata persa. Non vengono rinviati da soli, per non pubblicare due volte.
Che cosa fare: Guardare sul canale. Se il post c'è: palinsesto resolve ID --out --link URL. Se non c'è: palinsesto resolve ID --not-out.
Dal: 22/11/2026 17:00
Vedere: https://p.example.org/api/v1/posts?cause=timeout&channel=telegram-marche&state=uncertain
Manuale: deploy/OPERATORS.md, «post.uncertain»`, s.paragraph(italian(), a))
	over := a
	over.State, over.Over = palinsesto.AlertOver, a.Raised.Add(23*time.Minute)
	require.Equal(t, "[RISOLTO] 12 post incerti su telegram-marche (timeout)\nÈ durato 23m0s.", s.paragraph(italian(), over))
	two := s.compose([]palinsesto.Alert{a, over})
	require.Equal(t, "Palinsesto [AVVISO] 12 post incerti su telegram-marche (timeout) (e altri 1)", two.subject)
	require.False(t, two.silent)
	require.Equal(t, 2, strings.Count(two.whole(), "12 post incerti")-1, "one in the subject, one for each")
	require.Equal(t, 1, strings.Count(s.compose([]palinsesto.Alert{a}).whole(), "12 post incerti"), "in a chat it is said once")
	require.True(t, s.compose([]palinsesto.Alert{over}).silent)
	require.Equal(t, two.id, s.compose([]palinsesto.Alert{a, over}).id)
}

// Every kind leads somewhere that exists; a linter sees that none is forgotten.
func TestLinks(t *testing.T) {
	s := &Service{Deps: Deps{PublicURL: func() string { return "https://p.example.org" }}}
	for _, kind := range palinsesto.AlertKinds() {
		require.Regexp(t, `^https://p\.example\.org/(readyz|api/v1/(posts|segnalazioni)\?.+)$`, s.link(palinsesto.Alert{Kind: kind, Scope: "c"}), kind)
	}
	s.PublicURL = func() string { return "" }
	require.Empty(t, s.link(palinsesto.Alert{Kind: palinsesto.AlertDisk}))
}
