// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// recover waits until the house is back after faults, and tells when it took too long.
func (r *run) recover(ctx context.Context, names []string) {
	ended := time.Now()
	for {
		why := r.notBack(ctx, ended)
		if why == "" || ctx.Err() != nil {
			break
		}
		if time.Since(ended) > back {
			r.breach("slow recovery", "%s after %s the house is not back: %s", time.Since(ended).Round(time.Second), strings.Join(names, "+"), why)
			break
		}
		if !wait.For(ctx, 100*time.Millisecond) {
			return
		}
	}
	if ctx.Err() != nil {
		return // the time of the world was over: the judge waits for the rest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recovered++
	for _, name := range names {
		r.slowest[name] = max(r.slowest[name], time.Since(ended))
	}
}

// notBack says why the house is not back: not ready, something claimable waits that was due before the
// faults ended, an attempt stands open. Empty: it is back.
func (r *run) notBack(ctx context.Context, ended time.Time) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if why := r.world.notReady(ctx); why != "" {
		return why
	}
	return r.notMoving(ctx, ended)
}

// notReady asks every process of the house.
func (w *world) notReady(ctx context.Context) string {
	for _, x := range w.all() {
		if why := w.asks(ctx, x); why != "" {
			return x.name + " is not ready: " + why
		}
	}
	return ""
}

func (w *world) asks(ctx context.Context, x *room) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	a, err := harness.Client{URL: "http://" + x.addr}.Do(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err.Error()
	}
	if a.Status == http.StatusOK {
		return ""
	}
	var report struct {
		Rooms map[string]struct {
			Ready bool   `json:"ready"`
			State string `json:"state"`
			Error string `json:"error"`
		} `json:"rooms"`
		Index    json.RawMessage `json:"index"`
		Warnings []string        `json:"warnings"`
	}
	if err := a.Decode(&report); err != nil {
		return fmt.Sprintf("HTTP %d", a.Status)
	}
	var why []string
	for name, room := range report.Rooms {
		if !room.Ready {
			why = append(why, name+" "+room.State+" "+room.Error)
		}
	}
	return strings.Join(append(why, "index "+string(report.Index)), "; ")
}

// Nothing waits longer than this when the house is well; beside it faults and load share two cores.
const (
	waitMost = 3 * time.Second
	// openMost is how long an attempt may stand open: its call, the lease, and the look that finds it.
	openMost = lease + callDeadline + callTimeout + 6*time.Second
	// crowdMost: what fell due since the faults ended may wait longer, for others that came before it.
	crowdMost = back
)

// notMoving looks for what nobody moves on.
func (r *run) notMoving(ctx context.Context, ended time.Time) string {
	p := r.world.newPerson(r.world.admin)
	closed := map[string]bool{}
	var channels struct {
		Items []shownChannel `json:"items"`
	}
	if status, _, err := p.do(ctx, http.MethodGet, "/api/v1/channels", nil, &channels, ""); err != nil || status != http.StatusOK {
		return fmt.Sprintf("channels: HTTP %d %v", status, err)
	}
	for _, c := range channels.Items {
		closed[c.ID] = c.State != "connected" || c.NotBefore.After(time.Now())
	}
	for _, state := range []string{"queued", "retrying", "due", "publishing", "editing", "removing"} {
		posts, err := list[shownPost](ctx, p, "/api/v1/posts?limit=200&state="+state)
		if err != nil {
			return err.Error()
		}
		for _, x := range posts {
			if why := x.waits(state, closed[x.Channel], ended); why != "" {
				return why
			}
		}
	}
	return ""
}

func (x shownPost) waits(state string, closed bool, ended time.Time) string {
	switch state {
	case "publishing", "editing", "removing":
		if x.Attempt != nil && x.Attempt.Verdict == "" && time.Since(x.Attempt.Intended) > openMost {
			return fmt.Sprintf("the attempt on post %s (%s) has been open for %s", x.ID, x.Title, time.Since(x.Attempt.Intended).Round(time.Second))
		}
	case "queued", "retrying", "due":
		if late := time.Since(x.Due); !closed && (late > crowdMost || late > waitMost && x.Due.Before(ended)) {
			return fmt.Sprintf("post %s (%s) on %s is %s and was due %s ago", x.ID, x.Title, x.Channel, state, late.Round(time.Millisecond))
		}
	}
	return ""
}
