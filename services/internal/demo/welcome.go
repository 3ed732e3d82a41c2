// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/cli"
)

const greeting = `
Palinsesto è pronto in %[1]s (ready).

  Muro     %[2]s/
           ciò che vede il pubblico: i post di prova escono qui (the wall: what the public would see)
  API      %[3]s/api/v1/   descrizione in %[3]s/api/openapi.json, stato in %[3]s/readyz
  Token    %[4]s
           redattore, operatore e un referente per centro, uno per riga (access tokens, one a line)
  Dati     %[5]s   resta tutto qui; il prossimo avvio riprende (everything is kept here)
`

const toTry = `
Da provare, in un'altra finestra (to try, in another window):

  export PALINSESTO_URL=%[1]s
  redattore=$(awk '$1=="redattore"{print $2}' %[2]q)
  referente=$(awk '$1=="referente-%[4]s"{print $2}' %[2]q)
  # una segnalazione (submit one)
  curl -sS -H "Authorization: Bearer $referente" -H 'Content-Type: application/json' $PALINSESTO_URL/api/v1/segnalazioni \
    -d '{"centre":"%[4]s","kind":"avviso","title":"Prova","body":"Un avviso di prova.","tags":["Prova"],"media":[],"wanted_channels":["telegram"]}'
  # ciò che aspetta la redazione, poi il sì: ID e VERSIONE dalla riga sopra (what waits, then approve it)
  curl -sS -H "Authorization: Bearer $redattore" "$PALINSESTO_URL/api/v1/segnalazioni?state=submitted"
  curl -sS -H "Authorization: Bearer $redattore" -H 'Content-Type: application/json' $PALINSESTO_URL/api/v1/segnalazioni/ID/approve -d '{"version":VERSIONE}'
  # un guasto: il prossimo invio è accettato, ma la risposta si perde (a fault: accepted, then the line drops)
  curl -sS -H 'Content-Type: application/json' %[3]s/faults -d '{"kind":"drop","applied":true,"count":1}'
  # da operatore, senza token: la cartella dei dati basta (as an operator)
  unset PALINSESTO_URL; bin/palinsesto --data %[5]q causes    # poi: posts, show ID, resolve ID --out --link …

Ctrl-C ferma tutto (stops everything).
`

func (p *play) welcome(took time.Duration) {
	fmt.Fprintf(p.o.Out, greeting, took.Round(time.Millisecond), p.world.url(), p.house.Public(),
		filepath.Join(p.o.House.Data, fileTokens), p.o.House.Data)
	if p.o.Listen == "" && p.world.listener.Addr().String() != usual {
		fmt.Fprintf(p.o.Out, "  (%[1]s è di un altro programma: il muro e i guasti stanno all'indirizzo qui sopra; %[1]s is taken)\n", usual)
	}
}

func (p *play) suggest(sum cli.Summary) {
	if in := sum.Accepted + sum.Already; in+sum.Refused > 0 {
		fmt.Fprintf(p.o.Out, `
Dati di prova: %d segnalazioni prese in carico e approvate, %d respinte (è voluto: hanno errori).
I post escono entro un minuto. (sample data: %d taken and approved, %d refused on purpose)
`, in, sum.Refused, in, sum.Refused)
	}
	fmt.Fprintf(p.o.Out, toTry, p.house.Public(), filepath.Join(p.o.House.Data, fileTokens), p.world.url(),
		p.o.House.Config.Centres[0].ID, p.o.House.Data)
}
