// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Report is what /readyz says: whether the house can do its work, room by room, and what a person
// should look at.
type Report struct {
	Ready   bool                  `json:"ready"`
	Version string                `json:"version"`
	Rooms   map[string]RoomReport `json:"rooms"`
	Index   IndexReport           `json:"index"`
	Disk    *DiskReport           `json:"disk,omitempty"` // absent where the log's disk is not ours to see
	// Backup is absent where none is scheduled.
	Backup   *BackupReport `json:"backup,omitempty"`
	Warnings []string      `json:"warnings"`
}

// RoomReport is one room's state.
type RoomReport struct {
	Ready    bool           `json:"ready"`
	State    string         `json:"state"` // starting, running, restarting, stopped
	Bus      bool           `json:"bus"`   // connected to the log
	Restarts int            `json:"restarts"`
	Error    string         `json:"error,omitempty"` // why it was last restarted
	Facts    map[string]any `json:"facts,omitempty"` // what only this room knows
}

// IndexReport is how far the index follows the log.
type IndexReport struct {
	Ready bool   `json:"ready"`
	Seq   uint64 `json:"seq"` // everything of the log up to here is in it
	Log   uint64 `json:"log"` // newest sequence of the log
	Lag   uint64 `json:"lag"`
	AgeMS int64  `json:"age_ms"` // of the oldest event that is not in it; 0: nothing waits
	// Done and Total tell a rebuild under way.
	Done  uint64 `json:"rebuild_done,omitempty"`
	Total uint64 `json:"rebuild_total,omitempty"`
}

// DiskReport is the room on the disk of the log.
type DiskReport struct {
	Free  uint64 `json:"free"`
	Floor uint64 `json:"floor"`
	OK    bool   `json:"ok"`
}

// BackupReport is how old the last backup is.
type BackupReport struct {
	Last time.Time     `json:"last,omitzero"` // of the last one that succeeded
	Age  time.Duration `json:"age_ns"`
	OK   bool          `json:"ok"`             // young enough
	Text string        `json:"text,omitempty"` // what is wrong, for people
}

// reportWait bounds one report: an answer that comes late is a no.
const reportWait = 3 * time.Second

// Alive answers as long as the process can answer at all: whoever restarts processes asks this.
func Alive() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // whoever asked may have left
	})
}

// Ready answers 200 when the house can do its work and 503 when not, with the whole report.
func Ready(report func(context.Context) Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), reportWait)
		defer cancel()
		rep := report(ctx)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if !rep.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(rep) // whoever asked may have left
	})
}
