// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cli is what operators and scripts type. Every command but those on a stopped house's folder
// goes through the HTTP API, so that roles, history and checks are the same for all.
//
// Exit codes: 0 done; 1 refused or failed; 2 the command line itself is wrong.
package cli

import (
	"cmp"
	"context"
	"io"
	"log/slog"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// Flags are common to all commands; each has its variable.
type Flags struct {
	Config       string `help:"File di configurazione (configuration)." env:"PALINSESTO_CONFIG" type:"path" placeholder:"FILE"`
	Data         string `help:"Cartella dei dati (data folder)." env:"PALINSESTO_DATA" default:"./data" type:"path" placeholder:"DIR"`
	State        string `name:"state-dir" help:"Cartella di ciò che non deve tornare indietro con i dati; se manca DIR.state accanto a --data (what must not go back with the data)." env:"PALINSESTO_STATE_DIR" type:"path" placeholder:"DIR"`
	Listen       string `help:"Indirizzo dell'API; se manca 127.0.0.1:8080 (address of the API)." env:"PALINSESTO_LISTEN" placeholder:"HOST:PORTA"`
	NATS         string `name:"nats" help:"NATS esterno; se manca è incorporato (a NATS server; empty: embedded)." env:"PALINSESTO_NATS" placeholder:"URL"`
	NATSUser     string `name:"nats-user" help:"Utente di NATS; la password sta in PALINSESTO_NATS_PASSWORD (the password only by that variable)." env:"PALINSESTO_NATS_USER" placeholder:"NOME"`
	NATSMonitor  string `name:"nats-monitor" help:"Monitoraggio del NATS esterno, per verificare che scriva su disco (to see its sync setting)." env:"PALINSESTO_NATS_MONITOR" placeholder:"http://HOST:8222"`
	Replicas     int    `help:"Quanti server di un cluster NATS tengono ciò che si crea, dato a ogni stanza (how many servers of a NATS cluster keep what is made)." env:"PALINSESTO_REPLICAS" placeholder:"N"`
	Redis        string `help:"Redis esterno; se manca è incorporato (a Redis; empty: embedded)." env:"PALINSESTO_REDIS" placeholder:"URL"`
	PublicURL    string `name:"public-url" help:"Indirizzo con cui le persone raggiungono l'API (how people reach it)." env:"PALINSESTO_PUBLIC_URL" placeholder:"URL"`
	LogLevel     string `name:"log-level" help:"debug, info, warn, error; se manca info per serve, warn per il resto (default: info for serve, else warn)." env:"PALINSESTO_LOG_LEVEL" placeholder:"LIVELLO"`
	URL          string `name:"url" help:"API a cui parlare; se manca, la casa in funzione su --data (the API; default: the house that runs on --data)." env:"PALINSESTO_URL" placeholder:"URL"`
	JSON         bool   `name:"json" help:"Risposte in JSON (answers as JSON)." env:"PALINSESTO_JSON"`
	token        string // by PALINSESTO_TOKEN only: an argument would be seen in the list of processes
	natsPassword string
}

// FromEnv reads the secrets, which have no flag.
func (f *Flags) FromEnv(getenv func(string) string) {
	f.token, f.natsPassword = getenv("PALINSESTO_TOKEN"), getenv("PALINSESTO_NATS_PASSWORD")
}

// House is what serve and demo run.
func (f *Flags) House(rooms []string, log *slog.Logger) house.Options {
	return house.Options{
		Data: f.Data, State: f.State, NATSURL: f.NATS, NATSUser: f.NATSUser, NATSPassword: f.natsPassword, NATSMonitor: f.NATSMonitor,
		Replicas: f.Replicas, RedisURL: f.Redis, Listen: f.Listen, PublicURL: f.PublicURL, Rooms: rooms, Log: log,
	}
}

// Logger writes the program's own lines to w, from the usual level on unless another was asked for.
func (f *Flags) Logger(w io.Writer, usual string) (*slog.Logger, error) {
	level, err := telemetry.ParseLevel(cmp.Or(f.LogLevel, usual))
	if err != nil {
		return nil, err
	}
	return telemetry.NewLog(w, level), nil
}

// configured loads the configuration where a command needs one; none is given as nil.
func (f *Flags) configured() (*config.Config, error) {
	if f.Config == "" {
		return nil, nil
	}
	return config.Load(f.Config)
}

// Terminal is where a command reads and writes.
type Terminal struct {
	Out, Err io.Writer
	Progress bool // Err is a terminal: a line may be written over
	Width    int  // of Out in characters; 0: no terminal, nothing is fitted into lines
}

// Commands are those that talk to a house.
type Commands struct {
	Submit         submitCmd         `cmd:"" help:"Invia le segnalazioni di un file, una per riga, con i loro media (submit a file of segnalazioni)."`
	Segnalazioni   segnalazioniCmd   `cmd:"" help:"Elenca le segnalazioni (list segnalazioni)."`
	Approve        approveCmd        `cmd:"" help:"Approva una segnalazione, così come la si è letta (approve exactly what was read)."`
	RequestChanges requestChangesCmd `cmd:"" help:"Rimanda una segnalazione a chi l'ha scritta, con un commento (ask for changes)."`
	Reject         rejectCmd         `cmd:"" help:"Respinge una segnalazione (reject)."`
	Withdraw       withdrawCmd       `cmd:"" help:"Ritira una segnalazione: annulla ciò che non è uscito, toglie ciò che è uscito (withdraw)."`
	Posts          postsCmd          `cmd:"" help:"Elenca i post (list posts)."`
	Causes         causesCmd         `cmd:"" help:"Post che aspettano una persona, per causa (posts that need a hand, by cause)."`
	Alerts         alertsCmd         `cmd:"" help:"Gli avvisi aperti: da quando, quanti, che cosa fare (open alerts and what to do)."`
	Show           showCmd           `cmd:"" help:"Un post o una segnalazione, con la storia (one post or segnalazione with its history)."`
	Requeue        requeueCmd        `cmd:"" help:"Rimette in coda un post, o tutti quelli di una causa (re-queue one post, or all of a cause)."`
	Resolve        resolveCmd        `cmd:"" help:"Dice se un post incerto è uscito, o che è stato fatto a mano ciò che andava fatto (say whether an uncertain post is out, or that a task was done by hand)."`
	Cancel         cancelCmd         `cmd:"" help:"Annulla un post non ancora uscito (cancel a post that is not out)."`
	Channels       channelsCmd       `cmd:"" help:"Elenca i canali e come stanno (list channels and their state)."`
	Channel        channelCmd        `cmd:"" help:"Mette un canale in pausa, lo riprende, o dice che è di nuovo collegato (pause a channel, resume it, say that it was reconnected)."`
	Stop           stopCmd           `cmd:"" help:"Ferma la pubblicazione, tutta o in parte (stop publishing, all or a part)."`
	Resume         resumeCmd         `cmd:"" help:"Toglie un fermo, o tutti (lift a hold, or all)."`
	Rebuild        rebuildCmd        `cmd:"" help:"Ricostruisce l'indice dal registro (rebuild the index from the log)."`
	Check          checkCmd          `cmd:"" help:"Verifica il registro di una casa, accesa o spenta (check a house's log, running or stopped)."`
	Backup         backupCmd         `cmd:"" help:"Copia la casa, accesa o spenta, in un file; --verify prova a ripristinare una copia (copy the house into a file; --verify: restore drill)."`
	Restore        restoreCmd        `cmd:"" help:"Ripristina una copia in una cartella dei dati vuota, o in un NATS vuoto (bring a backup back)."`
	Token          tokenCmd          `cmd:"" help:"Token di accesso (access tokens)."`
}

// Run is what kong hands to every command.
type Run struct {
	Ctx   context.Context //nolint:containedctx // of the whole program: kong binds values, not arguments
	Flags *Flags
	Term  Terminal
}
