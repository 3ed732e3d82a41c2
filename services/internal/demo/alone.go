// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

// Alone is the sandbox by itself.
type Alone struct {
	File   string // configuration whose channels it plays; empty: deploy/marche.yaml of the repository
	Data   string
	Listen string
	Out    io.Writer
	Log    *slog.Logger
}

// Run serves the sandbox until ctx ends.
func (a Alone) Run(ctx context.Context) error {
	where, err := find(a.File)
	if err != nil {
		return err
	}
	cfg, err := config.Load(where.config)
	if err != nil {
		return err
	}
	w, err := listen(ctx, a.Listen)
	if err != nil {
		return err
	}
	defer w.close()
	folder := filepath.Join(a.Data, sandboxFolder)
	if err := w.open(cfg, folder, a.Log); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, `Palestra in funzione (the sandbox is up).
  Muro      %[1]s/   guasti in %[1]s/faults (faults)
  api_base  %[1]s/telegram   da mettere nel canale della configurazione (for the channel's api_base)
  Token     %[2]s   per token_file del canale; valgono anche i token dei canali, dove si leggono
Ctrl-C ferma (stops).
`, w.url(), tokenFile(folder))
	<-ctx.Done()
	return nil
}
