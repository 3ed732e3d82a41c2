// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// Every fault of the network leads to the verdict of the design's table, with the real program: where it
// may be out nobody sends it again without an operator's word.
func TestFaults(t *testing.T) {
	slow := 4 * time.Second // longer than the call may take
	cases := []struct {
		name  string
		fault sandbox.Fault
		state string // where the post comes to rest by itself
		wall  int    // what the public sees then
		then  string // what the operator does
	}{
		{"accepted, then dropped", sandbox.Fault{Kind: "drop", Applied: true}, "uncertain", 1, "out"},
		{"dropped, not accepted", sandbox.Fault{Kind: "drop"}, "uncertain", 0, "not_out"},
		{"reset", sandbox.Fault{Kind: "reset"}, "uncertain", 0, "not_out"},
		{"half an answer", sandbox.Fault{Kind: "half", Applied: true}, "uncertain", 1, "out"},
		{"500 after accepting", sandbox.Fault{Kind: "server_error", Applied: true}, "uncertain", 1, "out"},
		{"500 before accepting", sandbox.Fault{Kind: "server_error"}, "uncertain", 0, "not_out"},
		{"502 after accepting", sandbox.Fault{Kind: "bad_gateway", Applied: true}, "uncertain", 1, "out"},
		{"wrong JSON", sandbox.Fault{Kind: "wrong_json", Applied: true}, "uncertain", 1, "out"},
		{"endless body", sandbox.Fault{Kind: "endless", Applied: true}, "uncertain", 1, "out"},
		{"redirect", sandbox.Fault{Kind: "redirect"}, "uncertain", 0, "not_out"},
		{"slow after accepting", sandbox.Fault{Kind: "slow", Applied: true, Delay: slow}, "uncertain", 1, "out"},
		{"rate limit", sandbox.Fault{Kind: "rate_limit", RetryAfter: 1}, "posted", 1, ""},
		{"chat not found", sandbox.Fault{Kind: "chat_not_found"}, "failed", 0, "requeue"},
		{"migrated", sandbox.Fault{Kind: "migrate", MigrateTo: -1009999999999}, "failed", 0, "requeue"},
		{"token refused", sandbox.Fault{Kind: "unauthorized"}, "held", 0, "reconnected"},
		{"kicked", sandbox.Fault{Kind: "kicked"}, "held", 0, "reconnected"},
	}
	w := newWorld(t, settings{channels: len(cases)})
	w.start()
	w.people()
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each has a channel of its own
			c.fault.Account, c.fault.Count = "@"+harness.Username(i), 1
			_, err := w.box.Faults().Add(c.fault)
			require.NoError(t, err)
			title := "Avviso: " + c.name
			require.True(t, w.place(t.Context(), title, harness.ChannelID(i)))
			var p harness.Post
			require.Eventually(t, func() bool {
				p = w.postOn(harness.ChannelID(i))
				return p.State == c.state
			}, patience, 20*time.Millisecond, "it comes to rest as %s, last %+v", c.state, &p)
			require.Equal(t, c.wall, w.onWall()[title])
			require.Equal(t, c.state != "posted", p.Problem != "", "a sentence says why")
			w.settle(t, p, c.then)
			require.Eventually(t, func() bool { return w.postOn(harness.ChannelID(i)).State == "posted" }, patience, 20*time.Millisecond)
			require.Equal(t, 1, w.onWall()[title], "once in the end")
		})
	}
}

// settle does what the operator does after a fault.
func (w *world) settle(t *testing.T, p harness.Post, then string) {
	t.Helper()
	path, body := "/api/v1/posts/"+p.ID+"/resolve", map[string]any{"reason": "guardato il canale"}
	client := w.operatore
	switch then {
	case "":
		return
	case "out":
		body["outcome"], body["link"] = "out", "https://t.me/"+strings.ReplaceAll(p.Channel, "-", "_")+"/1"
	case "not_out":
		body["outcome"] = "not_out"
	case "requeue":
		path = "/api/v1/posts/" + p.ID + "/requeue"
	case "reconnected":
		path, client = fmt.Sprintf("/api/v1/channels/%s/reconnected", p.Channel), w.admin
	}
	require.Eventually(t, func() bool {
		a, err := client.Do(t.Context(), "POST", path, body)
		return err == nil && a.Status == 200
	}, patience, 50*time.Millisecond, "%s", path)
}

func (w *world) postOn(channel string) harness.Post {
	for _, p := range w.posts("") {
		if p.Channel == channel {
			return p
		}
	}
	return harness.Post{}
}
