// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/rules/rulestest"
)

// samples is the folder of the sample segnalazioni that the demo ships.
var samples = filepath.Join("..", "..", "deploy", "demo")

// The 25 sample records go in by the command line; what is accepted is approved and appears on the wall
// at its minute, text and media as approved.
func TestSamplesByCommandLine(t *testing.T) {
	w := newWorld(t, settings{})
	w.start()
	w.people()
	out, err := w.submit(filepath.Join(samples, "segnalazioni.jsonl"))
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "some records are refused:\n%s", out)
	require.Equal(t, 1, exit.ExitCode(), "%s", out)
	accepted := 0
	for _, e := range rulestest.Samples {
		told := strings.Contains(out, fmt.Sprintf("riga %d:", e.Line))
		require.Equal(t, !e.Accepted, told, "line %d: %s\n%s", e.Line, e.Why, out)
		if e.Accepted {
			accepted++
			continue
		}
		for _, code := range e.Codes {
			// V-TARDI is a mark; that Instagram has nothing to show is not told of a file that was refused.
			if code != "V-TARDI" && code != "V-IGMEDIA" {
				require.Contains(t, linesOf(out, e.Line), code, "line %d: %s", e.Line, e.Why)
			}
		}
	}
	again, _ := w.submit(filepath.Join(samples, "segnalazioni.jsonl"))
	require.Equal(t, accepted, w.count("segnalazioni"), "submitted twice is submitted once:\n%s", again)

	due := time.Now().Add(5 * time.Second).Truncate(time.Second)
	approved := w.approveAll(due)
	require.Len(t, approved, accepted)
	for _, seg := range approved {
		if len(seg.Approval.Variants) == 0 {
			w.elsewhere++
		}
	}
	w.drain()
	for _, p := range w.posts("") {
		require.Equal(t, "posted", p.State, "%+v", p)
	}
	wall := w.box.Wall()
	require.NotEmpty(t, wall)
	for _, item := range wall {
		require.False(t, item.At.Before(due), "never early: %s before %s", item.At, due)
	}
	for _, seg := range approved {
		w.asApproved(seg)
	}
}

// submit sends a file with the dates moved so that the reference date of the samples is today.
func (w *world) submit(file string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), program, "submit", file, "--shift-weeks", "auto")
	cmd.Env = append(os.Environ(), "PALINSESTO_URL="+w.house.URL(), "PALINSESTO_TOKEN="+w.redattore.Token)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func linesOf(out string, line int) string {
	var found []string
	for _, l := range strings.Split(out, "\n") {
		if strings.HasPrefix(l, fmt.Sprintf("riga %d:", line)) {
			found = append(found, l)
		}
	}
	return strings.Join(found, "\n")
}

func (w *world) count(what string) int {
	a, err := w.operatore.Do(w.t.Context(), "GET", "/api/v1/"+what+"?limit=1", nil)
	require.NoError(w.t, err)
	var page harness.Page[json.RawMessage]
	require.NoError(w.t, a.Decode(&page))
	return page.Total
}

type approvedSeg struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Approval struct {
		Variants []struct {
			Channel string `json:"channel"`
			Parts   []struct {
				Text  string `json:"text"`
				Media []struct {
					ID   string `json:"id"`
					Kind string `json:"kind"`
				} `json:"media"`
			} `json:"parts"`
		} `json:"variants"`
	} `json:"approval"`
}

// approveAll approves what was submitted, by somebody who did not write it.
func (w *world) approveAll(due time.Time) []approvedSeg {
	approver := w.person("redattore", "")
	a, err := approver.Do(w.t.Context(), "GET", "/api/v1/segnalazioni?state=submitted&limit=200", nil)
	require.NoError(w.t, err)
	var page harness.Page[harness.Seg]
	require.NoError(w.t, a.Decode(&page))
	var out []approvedSeg
	for _, seg := range page.Items {
		a, err := approver.Do(w.t.Context(), "POST", "/api/v1/segnalazioni/"+seg.ID+"/approve",
			map[string]any{"version": seg.Version, "at": due.Format(time.RFC3339)})
		require.NoError(w.t, err)
		require.Equal(w.t, 200, a.Status, "%s", a.Body)
		a, err = approver.Do(w.t.Context(), "GET", "/api/v1/segnalazioni/"+seg.ID, nil)
		require.NoError(w.t, err)
		var one approvedSeg
		require.NoError(w.t, a.Decode(&one))
		out = append(out, one)
	}
	return out
}

// asApproved holds the wall against what was approved: each part's text, and each file's bytes by hash.
func (w *world) asApproved(seg approvedSeg) {
	w.t.Helper()
	for _, v := range seg.Approval.Variants {
		for _, part := range v.Parts {
			found := false
			for _, item := range w.box.Wall() {
				if item.Text == part.Text && (len(part.Media) == 0 || len(item.Media) > 0 && item.Media[0].SHA256 == part.Media[0].ID) {
					found = true
				}
			}
			require.True(w.t, found, "%s: on the wall as approved: %q with %v", seg.Title, part.Text, part.Media)
		}
	}
}

// The sample file is what it is supposed to be.
func TestSampleFile(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(samples, "segnalazioni.jsonl"))
	require.NoError(t, err)
	lines := 0
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); lines++ {
		require.True(t, json.Valid(s.Bytes()))
	}
	require.Equal(t, len(rulestest.Samples), lines)
}
