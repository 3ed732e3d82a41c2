// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"context"
	"fmt"
	"time"
)

func (p *play) welcome(took time.Duration) {
	fmt.Fprintf(p.o.Out, `
Palinsesto è pronto in %s (ready).
  API     %s/api/v1/        (documentazione: %s/api/openapi.json; stato: %s/readyz)
  Muro    %s/               ciò che vede il pubblico (the wall: what the public sees)
  Ctrl-C per fermare; la cartella %s conserva tutto (Ctrl-C stops; the folder keeps everything)

`, took.Round(time.Millisecond), p.house.URL(), p.house.URL(), p.house.URL(), p.world.url(), p.o.House.Data)
}

func (p *play) seed(context.Context) error { return nil }
