// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// mineFor is how long one of several processes has a scheduled copy for itself: if it fails, another may.
const mineFor = 10 * time.Minute

// openKeeper looks after scheduled copies, where there are to be some; of the processes of a house those
// do that hand posts over.
func (h *House) openKeeper() error {
	c := h.o.Config.Backup
	if c.Folder == "" || !h.has("scheduling") {
		return nil
	}
	schedule, err := c.Schedule()
	if err != nil {
		return fmt.Errorf("backup.cron: %w", err)
	}
	h.keeper = &backup.Keeper{
		Folder: c.Folder, Schedule: schedule, Zone: h.o.Config.Location(), Keep: c.Keep, MaxAge: c.MaxAge,
		Clock: h.o.Clock, Log: h.log.With("room", "backup"), Make: h.makeCopy,
		Mine: func(ctx context.Context, moment time.Time) bool {
			mine, err := h.index.Once(ctx, "backup:"+moment.UTC().Format(time.RFC3339), mineFor)
			return mine || err != nil // without an index rather two copies than none
		},
	}
	return nil
}

func (h *House) makeCopy(ctx context.Context, file string, now time.Time) error {
	o := bus.Options{URL: h.o.NATSURL, User: h.o.NATSUser, Password: h.o.NATSPassword, Log: h.log}
	if h.server != nil {
		o.Server = h.server
	}
	return onStreams(ctx, o, func(s *bus.Streams) error {
		_, err := backup.Take(ctx, s, backup.Options{File: file, Program: Version, House: h.o.Config.Organisation.Name, Now: now})
		return err
	})
}

func (h *House) keepCopies(ctx context.Context) {
	if h.keeper != nil {
		h.keeper.Run(ctx)
	}
}

// backupReport is nil where no copies are scheduled.
func (h *House) backupReport() *telemetry.BackupReport {
	if h.keeper == nil {
		return nil
	}
	s := h.keeper.State()
	r := &telemetry.BackupReport{Last: s.Last, Age: s.Age, OK: s.OK}
	switch {
	case !s.OK && s.Last.IsZero():
		r.Text = fmt.Sprintf("Nessuna copia di sicurezza in %s, da %s: controllare la cartella e lo spazio. (no backup)", h.keeper.Folder, s.Age.Round(time.Minute))
	case !s.OK:
		r.Text = fmt.Sprintf("L'ultima copia di sicurezza è del %s, più vecchia del dovuto (%s): controllare la cartella e lo spazio. (the last backup is old)",
			s.Last.In(h.keeper.Zone).Format("02/01/2006 15:04"), s.Most)
	}
	if s.Why != "" {
		r.Text += " " + s.Why
	}
	return r
}

// measureCopies puts their age on /metrics.
func (h *House) measureCopies() {
	if h.keeper == nil {
		return
	}
	h.metrics.Add(telemetry.Sample{
		Name: "palinsesto_backup_age_seconds", Help: "Age of the last good scheduled backup; of the watch for one where there is none.",
		Read: func(_ context.Context, tell func(float64, ...string)) error {
			tell(h.keeper.State().Age.Seconds())
			return nil
		},
	}, telemetry.Sample{
		Name: "palinsesto_backup_ok", Help: "1 when the last good scheduled backup is young enough.",
		Read: func(_ context.Context, tell func(float64, ...string)) error {
			ok := 0.0
			if h.keeper.State().OK {
				ok = 1
			}
			tell(ok)
			return nil
		},
	})
}

// errStateInData keeps the two apart: what goes back together tells nothing.
var errStateInData = errors.New("la cartella --state-dir non può stare dentro la cartella dei dati (the state folder must not be inside the data folder)")

// apart refuses a state folder that a copy of the data folder would take along.
func apart(data, state string) error {
	if data == "" || state == "" {
		return nil
	}
	d, err := os.Stat(data)
	if err != nil {
		return nil //nolint:nilerr // not there yet
	}
	for dir := state; ; {
		if s, err := os.Stat(dir); err == nil && os.SameFile(d, s) {
			return errStateInData
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
	}
}
