// SPDX-License-Identifier: AGPL-3.0-or-later

// Package demo is the house with a world to play in: the sandbox in place of the networks, the sample
// configuration of the Marche, sample data. Everything but those is the real program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

// Options of a demo.
type Options struct {
	House  house.Options // Config may be nil: then File
	File   string        // configuration; empty: deploy/marche.yaml of the repository
	Listen string        // of the sandbox; empty: a fixed port of this machine, or another one when it is taken
	Out    io.Writer     // what people read
}

// Run plays until ctx ends.
func Run(ctx context.Context, o Options) error {
	began := time.Now()
	if o.House.Log == nil {
		o.House.Log = slog.New(slog.DiscardHandler)
	}
	where, err := find(o.File)
	if err != nil {
		return err
	}
	if o.House.Config, err = config.Load(where.config); err != nil {
		return err
	}
	w, err := listen(ctx, o.Listen)
	if err != nil {
		return err
	}
	defer w.close()
	w.pointChannels(o.House.Config, filepath.Join(o.House.Data, sandboxFolder))
	h, err := house.New(ctx, o.House)
	if err != nil {
		return err
	}
	// Only now, with the data folder locked, may the wall be opened.
	if err := w.open(o.House.Config, filepath.Join(o.House.Data, sandboxFolder), o.House.Log); err != nil {
		h.Close()
		return err
	}
	asked, told := ctx, make(chan struct{})
	defer context.AfterFunc(asked, func() {
		defer close(told)
		fmt.Fprintf(o.Out, "\nMi fermo: %[1]d invii in corso, che finiscono (stopping: %[1]d under way are finished)…\n", h.UnderWay())
	})()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	if err := h.Ready(ctx); err != nil {
		cancel()
		return errors.Join(ignoreStop(err), <-ended)
	}
	p := &play{o: o, where: where, house: h, world: w}
	p.welcome(time.Since(began))
	if err := p.begin(ctx); err != nil && ctx.Err() == nil {
		o.House.Log.Error("the sample data are not all in", "error", err)
		fmt.Fprintf(o.Out, "I dati di prova non sono entrati tutti; il prossimo avvio riprende (sample data not all in): %v\n", err)
	}
	if err := <-ended; err != nil || asked.Err() == nil {
		return err
	}
	<-told
	fmt.Fprintln(o.Out, "Fermato, tutto salvato: il prossimo avvio riprende (stopped, everything is kept).")
	return nil
}

// ignoreStop: being asked to stop while starting is no failure.
func ignoreStop(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// play is a demo that runs.
type play struct {
	o     Options
	where places
	house *house.House
	world *world
}

// begin fills the stage.
func (p *play) begin(ctx context.Context) error {
	who, err := p.cast(ctx)
	if err != nil {
		return err
	}
	sum, err := p.seed(ctx, who)
	if err != nil {
		return err
	}
	p.suggest(sum)
	return nil
}
