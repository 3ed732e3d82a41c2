// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
	"github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

// The network is a process of its own: what the public saw must not depend on anything that is killed.
const (
	botToken = "123456789:AAaaBBbbCCccDDddEEeeFFffGGggHHhhIIi"
	botID    = 123456789
	tokenEnv = "PALINSESTO_TORTURE_BOT"
)

func username(i int) string  { return fmt.Sprintf("canale_%03d", i) }
func channelID(i int) string { return fmt.Sprintf("canale-%03d", i) }

// networkMain serves the sandbox at args[0]; its wall is written to the file args[1] before it answers.
func networkMain(args []string, channels int) error {
	box, err := sandbox.New(sandbox.Options{File: args[1], MaxRequests: 1000})
	if err != nil {
		return err
	}
	chats := make([]telegram.Chat, channels)
	for i := range chats {
		chats[i] = telegram.Chat{ID: int64(-1001000000000 - i), Username: username(i), Title: "Canale " + username(i),
			Admins: map[int64]telegram.Rights{botID: {Post: true, Edit: true, Delete: true}}}
	}
	_, err = telegram.New(box, telegram.Options{NoRates: true, Chats: chats,
		Bots: []telegram.Bot{{Token: botToken, ID: botID, Username: "palinsesto_bot"}}})
	if err != nil {
		return err
	}
	srv := &http.Server{Addr: args[0], Handler: box, ReadHeaderTimeout: 10 * time.Second}
	return srv.ListenAndServe()
}

// startNetwork runs the sandbox and waits until it answers.
func startNetwork(ctx context.Context, r *run) (*proc, string, error) {
	addr, err := r.freeAddr()
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p := r.newProc("network", self, []string{"network", addr, r.wallFile()}, nil)
	if err := p.start(); err != nil {
		return nil, "", err
	}
	return p, addr, await(ctx, 20*time.Second, "the sandbox answers", func() bool {
		resp, err := http.Get("http://" + addr + "/faults") //nolint:noctx // an address of ours
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (r *run) wallFile() string { return filepath.Join(r.dir, "wall.jsonl") }
