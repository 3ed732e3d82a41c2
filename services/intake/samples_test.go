// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/media"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules/rulestest"
)

// TestSamples takes the newsroom's 25 records through the media room and through submit, under the
// sample configuration, and holds what becomes of each to the table of the rules.
func TestSamples(t *testing.T) {
	root := repository(t)
	cfg, err := config.Load(filepath.Join(root, "deploy", "marche.yaml"))
	require.NoError(t, err)
	h := newHouse(t)
	h.Service.cfg = cfg
	h.indexed()
	samples := filepath.Join(filepath.Dir(root), "shared", "samples")
	u := uploader{h: h, folder: filepath.Join(samples, "media"), taken: map[string]string{}}
	u.open(cfg)

	raw, err := os.ReadFile(filepath.Join(samples, "segnalazioni.jsonl"))
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	require.Len(t, lines, len(rulestest.Samples))
	ids := map[int]string{}
	for i, want := range rulestest.Samples {
		r, err := h.trySubmit(redazione, "", u.withIDs(lines[i]))
		require.Equal(t, want.Accepted, err == nil, "line %d (%s): %v", want.Line, want.Why, err)
		found := r.Segnalazione.Marks
		if err != nil {
			found = problemsOf(t, err)
		}
		require.Equal(t, want.Codes, told(found), "line %d: %s", want.Line, want.Why)
		ids[want.Line] = r.Segnalazione.ID
		if err == nil && want.SimilarTo != 0 {
			require.Equal(t, []string{ids[want.SimilarTo]}, r.Segnalazione.Similar, "line %d", want.Line)
			require.True(t, r.Segnalazione.HasMark(codeDouble))
		} else {
			require.Empty(t, r.Segnalazione.Similar, "line %d", want.Line)
		}
	}
	require.ElementsMatch(t, rulestest.NotTaken, u.refused)
}

// told are the codes found, each once, without those of the near-duplicates and of networks that have
// no channel here.
func told(ps []palinsesto.Problem) []string {
	var out []string
	for _, p := range ps {
		if p.Code != "V-RETE-ASSENTE" && p.Code != codeDouble {
			out = append(out, p.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// uploader does what the CLI does: it uploads the files of a record and writes down their ids.
type uploader struct {
	h       *house
	folder  string
	taken   map[string]string // name -> id
	refused []string
}

// open starts the media room.
func (u *uploader) open(cfg *config.Config) {
	room, err := media.New(cfg, media.Deps{Bus: bustest.Connect(u.h.t, u.h.server), Clock: u.h.clock, Log: quiet()})
	require.NoError(u.h.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- room.Run(ctx) }()
	u.h.t.Cleanup(func() { stop(); <-ended })
}

func (u *uploader) withIDs(line []byte) []byte {
	var doc map[string]any
	require.NoError(u.h.t, json.Unmarshal(line, &doc))
	for _, x := range doc["media"].([]any) {
		m := x.(map[string]any)
		if id := u.upload(m["filename"].(string)); id != "" {
			m["id"] = id
		}
	}
	out, err := json.Marshal(doc)
	require.NoError(u.h.t, err)
	return out
}

// upload gives the id of a file, empty for one that the house does not take.
func (u *uploader) upload(name string) string {
	if id, known := u.taken[name]; known {
		return id
	}
	t, ctx := u.h.t, context.Background()
	file, err := os.ReadFile(filepath.Join(u.folder, name))
	require.NoError(t, err)
	cmd, err := contract.EncodeAcceptMedia(palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: redazione}, Upload: name, Filename: name})
	require.NoError(t, err)
	var raw []byte
	for {
		require.NoError(t, u.h.Bus.PutUpload(ctx, name, bytes.NewReader(file)))
		raw, err = u.h.Bus.Request(ctx, "media", "accept", cmd)
		if palinsesto.CodeOf(err) != palinsesto.CodeBusy { // until the room listens
			break
		}
	}
	var refusal *palinsesto.Error
	if errors.As(err, &refusal) && refusal.Code == palinsesto.CodeInvalid {
		u.refused = append(u.refused, name)
		u.taken[name] = ""
		return ""
	}
	require.NoError(t, err)
	r, err := contract.DecodeMediaReply(raw)
	require.NoError(t, err)
	u.taken[name] = r.Media.Hash
	return r.Media.Hash
}

// repository is the folder that holds go.work; the samples lie beside it.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.work above the test")
		dir = filepath.Dir(dir)
	}
}
