// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"slices"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/demo"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// grammar is the command line.
type grammar struct {
	Flags
	Serve serveCmd `cmd:"" help:"Avvia le stanze indicate, o tutte (start the rooms named, or all)."`
	Demo  demoCmd  `cmd:"" help:"Avvia tutto con la palestra al posto delle reti e dati di prova (everything, with a sandbox and sample data)."`
}

// Flags are common to what runs rooms.
type Flags struct {
	Config       string `help:"File di configurazione (configuration file)." env:"PALINSESTO_CONFIG" type:"path"`
	Data         string `help:"Cartella dei dati (data folder)." env:"PALINSESTO_DATA" default:"./data" type:"path"`
	Listen       string `help:"Indirizzo su cui ascolta l'API; 127.0.0.1:8080 se manca (address of the API)." env:"PALINSESTO_LISTEN"`
	NATS         string `name:"nats" help:"NATS non incorporato (URL of a NATS server)." env:"PALINSESTO_NATS"`
	NATSUser     string `name:"nats-user" help:"Utente di NATS." env:"PALINSESTO_NATS_USER"`
	NATSPassword string `name:"nats-password" hidden:"" env:"PALINSESTO_NATS_PASSWORD"`
	NATSMonitor  string `name:"nats-monitor" help:"Indirizzo di monitoraggio di NATS (http://…:8222)." env:"PALINSESTO_NATS_MONITOR"`
	Redis        string `help:"Redis non incorporato (URL of a Redis)." env:"PALINSESTO_REDIS"`
	PublicURL    string `name:"public-url" help:"Indirizzo con cui le persone raggiungono l'API." env:"PALINSESTO_PUBLIC_URL"`
	LogLevel     string `name:"log-level" help:"debug, info, warn, error." env:"PALINSESTO_LOG_LEVEL" default:"info"`
}

func (f *Flags) options(rooms []string) (house.Options, error) {
	level, err := telemetry.ParseLevel(f.LogLevel)
	if err != nil {
		return house.Options{}, err
	}
	o := house.Options{
		Data: f.Data, NATSURL: f.NATS, NATSUser: f.NATSUser, NATSPassword: f.NATSPassword, NATSMonitor: f.NATSMonitor,
		RedisURL: f.Redis, Listen: f.Listen, PublicURL: f.PublicURL, Rooms: rooms,
		Log: telemetry.NewLog(os.Stderr, level),
	}
	if len(rooms) == 0 || slices.Contains(rooms, "api") {
		o.Listen = cmp.Or(o.Listen, "127.0.0.1:8080")
	}
	slog.SetDefault(o.Log)
	return o, nil
}

type serveCmd struct {
	Rooms []string `arg:"" optional:"" name:"stanza" help:"Le stanze da avviare; nessuna: tutte."`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(ctx context.Context, f *Flags) error {
	o, err := f.options(c.Rooms)
	if err != nil {
		return err
	}
	if o.Config, err = config.Load(f.Config); err != nil {
		return err
	}
	h, err := house.New(ctx, o)
	if err != nil {
		return err
	}
	o.Log.Info("palinsesto is starting", "api", h.URL())
	return h.Run(ctx)
}

type demoCmd struct {
	Sandbox string `help:"Indirizzo della palestra (address of the sandbox)."`
}

// Run plays until it is told to stop.
func (c *demoCmd) Run(ctx context.Context, f *Flags) error {
	o, err := f.options(nil)
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{House: o, File: f.Config, Listen: c.Sandbox, Out: os.Stdout})
}
