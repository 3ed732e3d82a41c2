// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/sandbox"
	"github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

const (
	sandboxFolder = "sandbox" // under the data folder
	// usual is where the wall is looked for; when somebody else has the port, any other will do.
	usual      = "127.0.0.1:8081"
	headerWait = 5 * time.Second
	botID      = 8000000001
	operators  = "-1009000000001" // the chat in which alerts are told
)

// world is the sandbox on an address of its own: as far from the house as a real network.
type world struct {
	listener net.Listener
	server   *http.Server
	sandbox  *sandbox.Sandbox
	host     string       // that it was told to listen on
	lock     *flock.Flock // of its folder; the end of the process frees it too
}

func listen(ctx context.Context, address string) (*world, error) {
	var lc net.ListenConfig
	want := address
	if want == "" {
		want = usual
	}
	l, err := lc.Listen(ctx, "tcp", want)
	if err != nil && address == "" {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("la palestra non può ascoltare su %s (the sandbox cannot listen): %w", want, err)
	}
	host, _, _ := net.SplitHostPort(want)
	return &world{listener: l, host: host}, nil
}

func (w *world) url() string { return "http://" + w.listener.Addr().String() }

func tokenFile(folder string) string { return filepath.Join(folder, "bot.token") }

// pointChannels makes the channels speak to the sandbox, without the minutes between posts that would
// make a newcomer wait.
func (w *world) pointChannels(cfg *config.Config, folder string) {
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	cfg.Override(func(c *config.Channel) {
		c.APIBase, c.TokenFile, c.TokenEnv = w.url()+"/"+c.Network, tokenFile(folder), ""
		c.Spacing = 0
	})
	cfg.Alerts.Telegram = &config.AlertTelegram{Chat: operators, APIBase: w.url() + "/" + telegram.Network,
		Token: config.SecretPlace{File: tokenFile(folder)}}
	cfg.Alerts.Mail = nil // a trainee's mistakes must not reach a real mailbox
}

// open reads the wall back and serves it.
func (w *world) open(cfg *config.Config, folder string, log *slog.Logger) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := w.take(folder); err != nil {
		return err
	}
	token, err := botToken(tokenFile(folder))
	if err != nil {
		return err
	}
	w.sandbox, err = sandbox.New(sandbox.Options{
		Log: log.With("room", "sandbox"), Zone: cfg.Location(), File: filepath.Join(folder, "wall.jsonl"), Hosts: []string{w.host},
	})
	if err != nil {
		return err
	}
	tokens := botTokens(cfg, token)
	if _, err := telegram.New(w.sandbox, telegram.Options{Bots: bots(tokens), Chats: chats(cfg, tokens)}); err != nil {
		return err
	}
	w.server = &http.Server{Handler: w.sandbox, ReadHeaderTimeout: headerWait, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() { _ = w.server.Serve(w.listener) }() // ends with close
	return nil
}

// take keeps the folder for one sandbox: two would write over each other's wall.
func (w *world) take(folder string) error {
	w.lock = flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	got, err := w.lock.TryLock()
	if err == nil && !got {
		err = errors.New("sandbox in use")
	}
	if err != nil {
		return fmt.Errorf("la palestra in %s è già in uso, da una demo o da un'altra palestra: con --data un'altra cartella: %w", folder, err)
	}
	return nil
}

// botTokens are our bot's and those of the channels, where they can be read: a house that is configured
// for the real network then plays without another change than its api_base.
func botTokens(cfg *config.Config, ours string) []string {
	all := []string{ours}
	for _, c := range cfg.Channels {
		token, err := c.Token()
		if err == nil && c.Network == telegram.Network && !slices.Contains(all, token) {
			all = append(all, token)
		}
	}
	return all
}

func bots(tokens []string) []telegram.Bot {
	var all []telegram.Bot
	for i, t := range tokens {
		all = append(all, telegram.Bot{Token: t, Username: fmt.Sprintf("palinsesto_%d_bot", i+1), Name: "Palinsesto (prova)"})
	}
	return all
}

// chats are the channels of the configuration, with the bots allowed to do everything there.
func chats(cfg *config.Config, tokens []string) []telegram.Chat {
	admins := map[int64]telegram.Rights{}
	for _, t := range tokens {
		digits, _, _ := strings.Cut(t, ":")
		if bot, err := strconv.ParseInt(digits, 10, 64); err == nil {
			admins[bot] = telegram.Rights{Post: true, Edit: true, Delete: true}
		}
	}
	var all []telegram.Chat
	for i, c := range cfg.Channels {
		if c.Network != telegram.Network {
			continue
		}
		chat := telegram.Chat{ID: -1001000000001 - int64(i), Title: c.ID, Members: 850, Admins: admins}
		if name, ok := strings.CutPrefix(c.Target, "@"); ok {
			chat.Username = name
		} else if id, err := strconv.ParseInt(c.Target, 10, 64); err == nil {
			chat.ID = id
		}
		all = append(all, chat)
	}
	// Last: the wall shows them in this order, and the public comes first.
	if id, err := strconv.ParseInt(operators, 10, 64); err == nil {
		all = append(all, telegram.Chat{ID: id, Title: "operatori", Members: 4, Admins: admins})
	}
	return all
}

// botToken keeps the sandbox's bot the same from start to start; it opens nothing but the sandbox.
func botToken(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		token := fmt.Sprintf("%d:%s", botID, (rand.Text() + rand.Text())[:35])
		return token, os.WriteFile(file, []byte(token+"\n"), 0o600)
	}
	return strings.TrimSpace(string(b)), err
}

func (w *world) close() {
	if w.sandbox != nil {
		_ = w.sandbox.Close() // a play-world: nothing to save
	}
	if w.server != nil {
		_ = w.server.Close()
	}
	_ = w.listener.Close()
	if w.lock != nil {
		_ = w.lock.Unlock()
	}
}
