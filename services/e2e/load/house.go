// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

const tokenEnv = "PALINSESTO_BENCH_TOKEN"

// botToken has the form of one; it opens nothing.
const botToken = "123456789:AAaaBBbbCCccDDddEEeeFFffGGggHHhhIIi"

func channelID(i int) string { return fmt.Sprintf("canale-%03d", i) }

// house writes a configuration and gives the process that would run it.
func (b *bench) house(name, apiBase string, channels int) (*harness.House, error) {
	var y strings.Builder
	y.WriteString("organisation:\n  name: Banco di prova\ncentres:\n  - id: jesi\n    name: Jesi\n    province: AN\nchannels:\n")
	for i := range channels {
		fmt.Fprintf(&y, "  - id: %s\n    network: telegram\n    target: \"@%s\"\n    api_base: %s\n    token_env: %s\n",
			channelID(i), strings.ReplaceAll(channelID(i), "-", "_"), apiBase, tokenEnv)
	}
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "house.yaml")
	if err := os.WriteFile(conf, []byte(y.String()), 0o600); err != nil {
		return nil, err
	}
	return &harness.House{Bin: b.bin, Data: filepath.Join(dir, "data"), Config: conf,
		Env: []string{tokenEnv + "=" + botToken, "PALINSESTO_LOG_LEVEL=warn"}}, nil
}

// started runs a house until it is ready and tells how long that took.
func started(ctx context.Context, h *harness.House) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	begun := time.Now()
	if err := h.Start(); err != nil {
		return 0, err
	}
	err := h.WaitReady(ctx)
	return time.Since(begun), err
}

// people are a referente who writes and a redattore who approves.
func people(ctx context.Context, h *harness.House) (referente, redattore harness.Client, err error) {
	admin, err := h.AdminToken()
	if err != nil {
		return referente, redattore, err
	}
	person := func(role, centre string) (harness.Client, error) {
		c := harness.Client{URL: h.URL(), Token: admin}
		body := map[string]string{"role": role, "name": role + " del banco"}
		if centre != "" {
			body["centre"] = centre
		}
		a, err := c.Do(ctx, "POST", "/api/v1/tokens", body)
		if err != nil {
			return c, err
		}
		var made struct {
			Token string `json:"token"`
		}
		if err := json.Unmarshal(a.Body, &made); err != nil || made.Token == "" {
			return c, fmt.Errorf("token: HTTP %d: %s", a.Status, a.Body)
		}
		c.Token = made.Token
		return c, nil
	}
	referente, err1 := person("referente", "jesi")
	redattore, err2 := person("redattore", "")
	return referente, redattore, errors.Join(err1, err2)
}

// document is a short notice without media for some channels.
func document(title string, channels []string) map[string]any {
	return map[string]any{
		"centre": "jesi", "kind": "avviso", "title": title,
		"body":            "Gli sportelli restano aperti con il consueto orario. I servizi online sono sempre attivi e gratuiti.",
		"link":            "https://www.example.org/avvisi",
		"tags":            []string{"ServizioAlPubblico"},
		"wanted_channels": channels,
	}
}
