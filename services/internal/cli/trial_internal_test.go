// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a test message came to, people read whether it is out, where, and what is left to do.
func TestWordsOfATestMessage(t *testing.T) {
	for raw, want := range map[string][]string{
		`{"verdict":"posted","link":"https://t.me/c/1","afterwards":"removed"}`:                    {"https://t.me/c/1", "tolto", "funziona"},
		`{"verdict":"posted","remote_ids":["7"],"afterwards":"kept"}`:                              {"Uscito su 7", "lasciato"},
		`{"verdict":"posted","link":"https://t.me/c/1","afterwards":"left","problem":"Va tolto."}`: {"https://t.me/c/1", "Va tolto.", "remove it by hand"},
		`{"verdict":"posted","link":"https://t.me/c/1"}`:                                           {"remove it by hand"},
		`{"verdict":"unknown","problem":"Guardare."}`:                                              {"incerto", "Guardare.", "may be out"},
		`{"verdict":"reconnect","problem":"Il token non vale."}`:                                   {"Non è uscito", "la rete non riconosce l'accesso", "Il token non vale."},
		`{"verdict":"stopped","problem":"C'è un fermo."}`:                                          {"Non è uscito", "C'è un fermo."},
		`{}`: {"ancora in corso"},
	} {
		var x tested
		require.NoError(t, json.Unmarshal([]byte(`{"test":`+raw+`}`), &x))
		for _, w := range want {
			require.Contains(t, x.words(), w)
		}
	}
}

// The history says by whom or by what a doubt was settled.
func TestToldHowItWasSettled(t *testing.T) {
	for raw, want := range map[string]string{
		`{"event":"resolved","reason":"visto","attempt":{"verdict":"posted","settlement":{"by":"person","evidence":"https://t.me/c/1"}}}`: "visto — una persona: https://t.me/c/1",
		`{"event":"resolved","attempt":{"verdict":"not_sent","settlement":{"by":"person"}}}`:                                              "una persona",
		`{"event":"posted","reason":"trovato","attempt":{"verdict":"posted","settlement":{"by":"found","evidence":"{}"}}}`:                "trovato — trovato sulla rete: {}",
		`{"event":"edited","reason":"corretto","attempt":{"verdict":"done","settlement":{"by":"found"}}}`:                                 "corretto",
		`{"event":"posted","attempt":{"number":1,"verdict":"posted","status":200}}`:                                                       "tentativo 1: uscito (HTTP 200)",
	} {
		var h history
		require.NoError(t, json.Unmarshal([]byte(raw), &h))
		require.Equal(t, want, told(h))
	}
}
