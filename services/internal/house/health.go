// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// Report says whether the house can do its work.
func (h *House) Report(ctx context.Context) telemetry.Report {
	r := telemetry.Report{Ready: true, Version: bus.Version, Rooms: map[string]telemetry.RoomReport{}, Warnings: []string{}}
	for _, u := range h.units {
		room := u.report(ctx)
		r.Rooms[u.room.name] = room
		r.Ready = r.Ready && room.Ready
	}
	r.Index = h.indexReport(ctx)
	if h.lists() && !r.Index.Ready {
		r.Ready = false
	}
	r.Disk = h.diskReport()
	if r.Backup = h.backupReport(); r.Backup != nil && r.Backup.Text != "" {
		r.Warnings = append(r.Warnings, r.Backup.Text)
	}
	r.Warnings = append(r.Warnings, h.index.Warnings()...)
	r.Warnings = append(r.Warnings, h.sync.warnings()...)
	r.Warnings = append(r.Warnings, h.replicaNotes(ctx)...)
	r.Warnings = append(r.Warnings, h.tokenNotes()...)
	if h.unmarked != "" {
		r.Warnings = append(r.Warnings, h.unmarked)
	}
	if r.Disk != nil && !r.Disk.OK {
		r.Warnings = append(r.Warnings, fmt.Sprintf("Spazio su disco sotto la soglia (%d MiB liberi): non si accettano nuove segnalazioni e media finché non se ne libera. (disk below its floor)", r.Disk.Free>>20))
	}
	if h.server != nil && h.server.Healthy() != nil {
		r.Ready = false
		r.Warnings = append(r.Warnings, "Il registro si è fermato perché il disco era pieno: riparte da solo quando c'è di nuovo spazio. (the log stopped on a full disk)")
	}
	return r
}

// lists tells whether a room of this process uses the index.
func (h *House) lists() bool {
	return slices.ContainsFunc(h.units, func(u *unit) bool { return u.room.lists })
}

// fullReport is Report with how far the rooms' consumers are behind, which costs a request for each.
func (h *House) fullReport(ctx context.Context) telemetry.Report {
	r := h.Report(ctx)
	for _, u := range h.units {
		room := r.Rooms[u.room.name]
		all := u.bus.Consumers(ctx)
		if len(all) == 0 {
			continue
		}
		var pending, waiting uint64
		for _, c := range all {
			pending += c.Pending
			waiting += uint64(max(0, c.Unacknowledged))
		}
		facts := map[string]any{"consumers": len(all), "consumer_pending": pending, "consumer_unacknowledged": waiting}
		maps.Copy(facts, room.Facts)
		room.Facts = facts
		r.Rooms[u.room.name] = room
	}
	return r
}

func (h *House) indexReport(ctx context.Context) telemetry.IndexReport {
	var r telemetry.IndexReport
	if m, err := h.index.Meta(ctx); err == nil {
		r.Ready, r.Seq = m.Ready, m.Seq
	}
	if last, err := h.units[0].bus.LastSeq(ctx); err == nil {
		r.Log = last
		r.Lag = last - min(last, r.Seq)
	}
	// A room without the index may not read the log either: its server would not answer.
	if r.Ready && r.Lag > 0 && h.lists() {
		if at, err := h.units[0].bus.TimeAt(ctx, r.Seq+1); err == nil {
			r.AgeMS = max(0, h.o.Clock().Sub(at).Milliseconds())
		}
	}
	for _, u := range h.units {
		u.mu.Lock()
		progress := u.made.progress
		u.mu.Unlock()
		if progress != nil {
			if done, total, ok := progress(); ok {
				r.Done, r.Total = done, total
			}
		}
	}
	return r
}

func (h *House) diskReport() *telemetry.DiskReport {
	if h.server == nil {
		return nil
	}
	free, err := h.folder.space()
	if err != nil {
		return nil
	}
	floor := uint64(max(0, h.o.Config.Log.FreeSpaceFloor))
	return &telemetry.DiskReport{Free: free, Floor: floor, OK: free >= floor}
}

// tokenNotes are warnings on where the channels' tokens lie, never the tokens.
func (h *House) tokenNotes() []string {
	if !h.has(publishingRoom) {
		return nil
	}
	var notes []string
	for _, c := range h.o.Config.Channels {
		_, note, err := c.Secret()
		if err != nil {
			note = err.Error()
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes
}

// why puts a report that says no into one line.
func why(r telemetry.Report) string {
	var names []string
	for name, room := range r.Rooms {
		if !room.Ready {
			names = append(names, name+" "+room.State+" "+room.Error)
		}
	}
	if !r.Index.Ready {
		names = append(names, "index")
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}

// pages are what the house itself answers, beside the API.
func (h *House) pages() map[string]http.Handler {
	return map[string]http.Handler{
		"GET /healthz": telemetry.Alive(),
		"GET /readyz":  &remembered{page: telemetry.Ready(public(h.fullReport))},
		"GET /metrics": &remembered{page: h.metrics.Handler()},
	}
}

const (
	headerWait = 5 * time.Second
	doorWait   = 3 * time.Second
	idleWait   = 2 * time.Minute
)

// serveHealth answers the house's own pages in a process that has no API.
func (d *door) serveHealth(ctx context.Context, h *House, failed chan<- error) {
	l, err := d.listener(ctx)
	if err != nil {
		failed <- err
		return
	}
	mux := http.NewServeMux()
	for pattern, page := range h.pages() {
		mux.Handle(pattern, page)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), doorWait)
		defer cancel()
		_ = srv.Shutdown(end) // what is still open then is only somebody who looks
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("health pages: %w", err)
	}
}
