// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// result is what a run came to, for people and as JSON.
type result struct {
	Seed     uint64         `json:"seed"`
	Minutes  float64        `json:"minutes"`
	Command  string         `json:"command"`
	Kills    int64          `json:"kills"`
	Posts    int            `json:"posts"`
	Messages int            `json:"messages"`
	Faults   int            `json:"faults"`
	Bad      int            `json:"bad"`
	ByKind   map[string]int `json:"breaches_by_kind"`
	Worlds   []worldResult  `json:"worlds"`
	Broken   string         `json:"broken,omitempty"`
	// Untried are faults that these worlds can have and that did not come up.
	Untried []string `json:"faults_not_tried,omitempty"`
	Back    float64  `json:"slowest_recovery_seconds"`
}

// worldResult is one world's part of it.
type worldResult struct {
	World    string             `json:"world"`
	Seed     uint64             `json:"seed"`
	Took     string             `json:"took"`
	Kills    int64              `json:"kills"`
	Stories  int                `json:"stories"`
	Approved int                `json:"approvals"`
	Messages int                `json:"messages"`
	Posts    map[string]int     `json:"posts_by_state"`
	Faults   map[string]int     `json:"faults"`
	Recovery map[string]float64 `json:"slowest_recovery_seconds"`
	Left     []string           `json:"faults_not_possible_here,omitempty"`
	Judged   int                `json:"recoveries_judged"`
	Meter    []reading          `json:"memory_and_goroutines"`
	Breaches []breach           `json:"breaches"`
}

// kindsOfBreach are the rows of the table that must be zero.
func kindsOfBreach() []string {
	return []string{"lost", "doubled", "stuck", "while held", "after withdrawn", "after revised", "after expiry", "not approved",
		"other text", "early", "index differs", "rule broken", "slow recovery", "refused", "ended by itself", "check", "torture"}
}

func (r *run) result(began time.Time, meter []reading) worldResult {
	stories, approved := r.book.size()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := worldResult{World: r.kind.name, Seed: r.seed, Took: time.Since(began).Round(time.Second).String(), Kills: r.kills.Load(),
		Stories: stories, Approved: approved, Messages: r.truth.count(), Posts: r.final, Faults: maps.Clone(r.faults),
		Recovery: map[string]float64{}, Judged: r.recovered, Meter: meter, Breaches: slices.Clone(r.breaches)}
	for name, took := range r.slowest {
		out.Recovery[name] = float64(took.Round(100*time.Millisecond)) / float64(time.Second)
	}
	for _, f := range faults() {
		if r.world != nil && !f.possible(r.world) {
			out.Left = append(out.Left, f.name)
		}
	}
	return out
}

func (all *result) total() {
	all.ByKind = map[string]int{}
	for _, w := range all.Worlds {
		all.Kills += w.Kills
		all.Messages += w.Messages
		all.Bad += len(w.Breaches)
		for _, n := range w.Posts {
			all.Posts += n
		}
		for _, n := range w.Faults {
			all.Faults += n
		}
		for _, b := range w.Breaches {
			all.ByKind[b.Kind]++
		}
		for _, took := range w.Recovery {
			all.Back = max(all.Back, took)
		}
	}
	all.untried()
}

// untried lists what did not come up.
func (all *result) untried() {
	tried, possible := map[string]int{}, map[string]bool{springSunday: true, autumnSunday: true}
	for _, w := range all.Worlds {
		for name := range w.Faults {
			tried[name]++
		}
		for _, f := range faults() {
			possible[f.name] = possible[f.name] || !slices.Contains(w.Left, f.name)
		}
	}
	for _, step := range steps() {
		possible["step "+step] = true
	}
	for _, name := range slices.Sorted(maps.Keys(possible)) {
		if possible[name] && tried[name] == 0 {
			all.Untried = append(all.Untried, name)
		}
	}
}

// print writes the table.
func (all *result) print(out io.Writer) {
	for _, w := range all.Worlds {
		w.print(out)
	}
	fmt.Fprintf(out, "\nseed %d: %d kills, %d faults, %d posts, %d messages seen by the public; back after %.1f s at most\n",
		all.Seed, all.Kills, all.Faults, all.Posts, all.Messages, all.Back)
	if len(all.Untried) > 0 {
		fmt.Fprintf(out, "  did not come up: %s\n", strings.Join(all.Untried, ", "))
	}
	for _, kind := range kindsOfBreach() {
		fmt.Fprintf(out, "  %-18s %d\n", kind, all.ByKind[kind])
	}
	for _, w := range all.Worlds {
		for i, b := range w.Breaches {
			if i == 40 {
				fmt.Fprintf(out, "  … and %d more in %s\n", len(w.Breaches)-i, w.World)
				break
			}
			fmt.Fprintf(out, "  %s %s: %s: %s\n", w.World, b.At, b.Kind, b.What)
		}
	}
}

func (w worldResult) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s (%s, seed %d): %d kills, %d stories, %d approvals, %d messages\n", w.World, w.Took, w.Seed, w.Kills, w.Stories, w.Approved, w.Messages)
	fmt.Fprintf(out, "  posts    %s\n", counted(w.Posts))
	fmt.Fprintf(out, "  faults   %s\n", counted(w.Faults))
	if len(w.Left) > 0 {
		fmt.Fprintf(out, "  not possible in this world: %s\n", strings.Join(w.Left, ", "))
	}
	slowest, name := 0.0, "none"
	for n, took := range w.Recovery {
		if took > slowest {
			slowest, name = took, n
		}
	}
	fmt.Fprintf(out, "  %d times back: ready, nothing due waits, no attempt open; the slowest took %.1f s, after %s\n", w.Judged, slowest, name)
	for i, m := range w.Meter {
		if i == 0 || i == len(w.Meter)/2 || i == len(w.Meter)-1 {
			fmt.Fprintf(out, "  after %4.0f s: %.0f MiB resident, %.0f goroutines in %d processes of the house\n", m.Seconds, m.MiB, m.Goroutines, m.Processes)
		}
	}
}

func counted(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}
