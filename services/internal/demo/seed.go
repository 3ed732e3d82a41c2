// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/cli"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	fileTokens = "demo.tokens" // NAME TOKEN, one a line
	fileSeeded = "demo.json"
)

// people are who plays, by what they are called in the file of tokens: redattore, operatore, and a
// referente for each centre.
type people map[string]string

// referenteOf is what the referente of a centre is called there.
func referenteOf(centre string) string { return "referente-" + centre }

// cast makes the tokens at the first start and reads them back at the next.
func (p *play) cast(ctx context.Context) (people, error) {
	path := filepath.Join(p.o.House.Data, fileTokens)
	all := people{}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		if name, token, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[name] = token
		}
	}
	secret, err := os.ReadFile(filepath.Join(p.o.House.Data, "admin.token"))
	if err != nil {
		return nil, err
	}
	admin := &cli.Client{URL: p.house.URL(), Token: strings.TrimSpace(string(secret))}
	made := false
	for _, x := range p.roles() {
		if all[x.name] != "" {
			continue
		}
		t, err := admin.NewToken(ctx, x.person, x.role, x.centre)
		if err != nil {
			return nil, err
		}
		all[x.name], made = t.Token, true
	}
	if made {
		err = os.WriteFile(path, []byte(all.lines()), 0o600)
	} else {
		err = nil
	}
	return all, err
}

func (t people) lines() string {
	var names []string
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s %s\n", name, t[name])
	}
	return b.String()
}

type part struct {
	name, person string
	role         palinsesto.Role
	centre       string
}

func (p *play) roles() []part {
	all := []part{
		{"redattore", "Redazione (prova)", palinsesto.RoleRedattore, ""},
		{"operatore", "Operatore (prova)", palinsesto.RoleOperatore, ""},
	}
	for _, c := range p.o.House.Config.Centres {
		all = append(all, part{referenteOf(c.ID), "Referente di " + c.Name, palinsesto.RoleReferente, c.ID})
	}
	return all
}

// seeded is what was done about the sample data. The number of weeks is kept, so that a start that was
// interrupted goes on with the very same records, which then enter once.
type seeded struct {
	Weeks int  `json:"weeks"`
	Done  bool `json:"done"`
}

// seed submits the sample data once, each record by its centre's referente, and has the redattore
// approve what was taken.
func (p *play) seed(ctx context.Context, who people) (cli.Summary, error) {
	var sum cli.Summary
	path := filepath.Join(p.o.House.Data, fileSeeded)
	state, err := readSeeded(path)
	if err != nil || state.Done || p.where.samples == "" {
		return sum, err
	}
	if err := writeSeeded(path, state); err != nil {
		return sum, err
	}
	url := p.house.URL()
	s := cli.Submission{
		File: p.where.samples, Weeks: state.Weeks, Zone: p.o.House.Config.Location(), Quiet: true,
		Client: func(centre string) *cli.Client {
			return &cli.Client{URL: url, Token: cmp.Or(who[referenteOf(centre)], who["redattore"])}
		},
	}
	if sum, err = s.Run(ctx); err != nil {
		return sum, err
	}
	redattore := &cli.Client{URL: url, Token: who["redattore"]}
	for _, id := range sum.IDs {
		if err := approve(ctx, redattore, id); err != nil {
			return sum, err
		}
	}
	state.Done = true
	return sum, writeSeeded(path, state)
}

// approve says yes to a segnalazione as it stands, if it still waits. One that cannot be approved is
// left for whoever plays.
func approve(ctx context.Context, c *cli.Client, id string) error {
	var seg struct {
		State   string
		Version uint64
	}
	one := "/api/v1/segnalazioni/" + id
	if err := c.Do(ctx, cli.Call{Method: http.MethodGet, Path: one}, &seg); err != nil {
		return err
	}
	if seg.State != string(palinsesto.SegSubmitted) {
		return nil
	}
	err := c.Do(ctx, cli.Call{Method: http.MethodPost, Path: one + "/approve", Body: map[string]uint64{"version": seg.Version}}, nil)
	var no *cli.Refusal
	if errors.As(err, &no) && no.Status < http.StatusInternalServerError {
		return nil
	}
	return err
}

func readSeeded(path string) (seeded, error) {
	weeks, err := cli.ParseShift("auto", time.Now())
	s := seeded{Weeks: weeks}
	if err != nil {
		return s, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

func writeSeeded(path string, s seeded) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}
