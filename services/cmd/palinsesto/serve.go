// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/palinsesto/palinsesto/services/internal/cli"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/demo"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

// grammar is the command line.
type grammar struct {
	cli.Flags
	Serve   serveCmd   `cmd:"" help:"Avvia le stanze indicate, o tutte (start the rooms named, or all)."`
	Demo    demoCmd    `cmd:"" help:"Avvia tutto con la palestra al posto delle reti e dati di prova (everything, with the sandbox and sample data)."`
	Sandbox sandboxCmd `cmd:"" help:"La palestra da sola: le API delle reti, per prova (the sandbox alone)."`
	cli.Commands
	Version versionCmd `cmd:"" help:"Versione (version)."`
}

// usual is where the API listens when nothing else is said.
const usual = "127.0.0.1:8080"

type serveCmd struct {
	Rooms []string `arg:"" optional:"" name:"stanza" help:"intake, approval, scheduling, publishing, media, indexing, api; nessuna: tutte."`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(r *cli.Run) error {
	if r.Flags.Config == "" {
		return cli.Usage("manca la configurazione: --config FILE (deploy/marche.yaml è l'esempio; per provare: palinsesto demo) (no configuration)")
	}
	o, err := options(r, c.Rooms, "info")
	if err != nil {
		return err
	}
	if o.Config, err = config.Load(r.Flags.Config); err != nil {
		return err
	}
	if len(c.Rooms) == 0 || slices.Contains(c.Rooms, "publishing") {
		warnOfTokens(o)
	}
	h, err := house.New(r.Ctx, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Ctx)
	defer cancel()
	go func() {
		if h.Ready(ctx) == nil {
			o.Log.Info("palinsesto is ready", "api", h.Public(), "listens", h.URL(), "config", o.Config.Fingerprint())
		}
	}()
	return h.Run(ctx)
}

// warnOfTokens says at the start what else would be seen only when the first post cannot go out.
func warnOfTokens(o house.Options) {
	for _, c := range o.Config.Channels {
		if _, err := c.Token(); err != nil {
			o.Log.Warn("a channel has no token: its posts will wait until there is one", "channel", c.ID, "error", err,
				"then", "palinsesto channel reconnected "+c.ID)
		}
	}
}

func options(r *cli.Run, rooms []string, level string) (house.Options, error) {
	log, err := r.Flags.Logger(r.Term.Err, level)
	if err != nil {
		return house.Options{}, err
	}
	o := r.Flags.House(rooms, log)
	if len(rooms) == 0 || slices.Contains(rooms, "api") {
		o.Listen = cmp.Or(o.Listen, usual)
	}
	return o, nil
}

type demoCmd struct {
	SandboxListen string `name:"sandbox-listen" env:"PALINSESTO_SANDBOX_LISTEN" placeholder:"HOST:PORTA" help:"Indirizzo della palestra (address of the sandbox)."`
}

// Run plays until it is told to stop.
func (c *demoCmd) Run(r *cli.Run) error {
	o, err := options(r, nil, "warn") // the screen is for what to try
	if err != nil {
		return err
	}
	return demo.Run(r.Ctx, demo.Options{House: o, File: r.Flags.Config, Listen: c.SandboxListen, Out: r.Term.Out})
}

type sandboxCmd struct{}

// Run serves the networks' APIs for play until it is told to stop.
func (c *sandboxCmd) Run(r *cli.Run) error {
	log, err := r.Flags.Logger(r.Term.Err, "info")
	if err != nil {
		return err
	}
	return demo.Alone{File: r.Flags.Config, Data: r.Flags.Data, Listen: r.Flags.Listen, Out: r.Term.Out, Log: log}.Run(r.Ctx)
}

type versionCmd struct{}

// Run tells the version.
func (c *versionCmd) Run(r *cli.Run) error {
	format := "%s\n"
	if r.Flags.JSON {
		format = "{\"version\":%q}\n"
	}
	_, err := fmt.Fprintf(r.Term.Out, format, house.Version)
	return err
}
