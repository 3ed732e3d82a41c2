// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type backupCmd struct {
	File   string `arg:"" type:"path" help:"File della copia (the backup's file)."`
	Verify bool   `help:"Prova a ripristinare FILE in una cartella temporanea, lo verifica e la toglie (restore drill)."`
}

// options are those of the house that is copied or brought back. The configuration is of use, not needed.
func (r *Run) options() (house.Options, error) {
	log, err := r.Flags.Logger(r.Term.Err, "warn")
	if err != nil {
		return house.Options{}, err
	}
	o := r.Flags.House(nil, log)
	o.Config, err = r.Flags.configured()
	return o, err
}

// Run copies a house into a file, or tries one.
func (c *backupCmd) Run(r *Run) error {
	o, err := r.options()
	if err != nil {
		return err
	}
	p := r.progress()
	if c.Verify {
		done, err := house.Drill(r.Ctx, o, house.RestoreOptions{File: c.File, Tell: p.tell})
		p.end()
		if err != nil {
			return err
		}
		return r.restored(done, "Prova riuscita: la copia si ripristina (the drill passed).", "")
	}
	began := time.Now()
	m, err := house.Backup(r.Ctx, o, c.File, p.tell)
	p.end()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]any{"file": c.File, "taken": m.Taken, "log": m.Log, "last_sequence": m.LastSeq, "bytes": fileBytes(m)})
	if err != nil {
		return err
	}
	return r.answer(raw, func() error {
		return r.say("Copia fatta (backup done): %s, fino all'evento %d, %s, %s. Per provarla (to try it): palinsesto backup --verify %s",
			c.File, m.LastSeq, mebibytes(fileBytes(m)), time.Since(began).Round(time.Millisecond), c.File)
	})
}

func fileBytes(m backup.Manifest) (n int64) {
	for _, s := range m.Streams {
		n += s.Size
	}
	return n
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

type restoreCmd struct {
	File string `arg:"" type:"path" help:"File della copia (the backup's file)."`
}

// Run brings a backup back and tells what a person has to look at.
func (c *restoreCmd) Run(r *Run) error {
	if r.Flags.Replicas != 0 && (r.Flags.NATS == "" || r.Flags.Replicas < 0 || r.Flags.Replicas > 5) {
		return Usage("--replicas vale con --nats, da 1 a 5 (with --nats, 1 to 5)")
	}
	o, err := r.options()
	if err != nil {
		return err
	}
	p := r.progress()
	done, err := house.Restore(r.Ctx, o, house.RestoreOptions{File: c.File, Replicas: r.Flags.Replicas, Tell: p.tell})
	p.end()
	if err != nil {
		return err
	}
	return r.restored(done, "Copia ripristinata (restored).",
		"Tutto è fermo finché un operatore non toglie il fermo: prima guardare i post con causa «"+backup.CauseRestored+"» (palinsesto posts --cause "+backup.CauseRestored+"), poi palinsesto resume --all. (Everything is held until a person lifts it.)")
}

// restored reports a restore or a drill; a check that found something fails both.
func (r *Run) restored(d house.Restored, good, then string) error {
	holds := true
	for _, p := range d.Findings {
		holds = holds && p.Level != palinsesto.LevelError
	}
	raw, err := json.Marshal(map[string]any{
		"holds": holds, "findings": d.Findings, "taken": d.Manifest.Taken, "log": d.Manifest.Log, "last_sequence": d.LastSeq,
		"media_read": d.Media, "settled": d.Settled, "notes_unread": d.Unread, "took_ms": d.Took.Milliseconds(),
	})
	if err != nil {
		return err
	}
	err = r.answer(raw, func() error { return r.sayRestored(d, holds, good, then) })
	if err == nil && !holds {
		return ErrSaid
	}
	return err
}

func (r *Run) sayRestored(d house.Restored, holds bool, good, then string) error {
	for _, p := range d.Findings {
		if err := r.say("%s", Line(p)); err != nil {
			return err
		}
	}
	for _, line := range d.Settled.Elsewhere {
		if err := r.say("Avvenuto dopo la copia, qui non se ne sa altro (since then, not known here): %s", line); err != nil {
			return err
		}
	}
	if !holds {
		good = fmt.Sprintf("Il registro ripristinato NON rispetta le regole: %d rilievi (the check found breaches).", len(d.Findings))
	}
	if err := r.say("%s Copia del %s, fino all'evento %d, %s.", good, d.Manifest.Taken.Local().Format("02/01/2006 15:04:05"),
		d.Manifest.LastSeq, d.Took.Round(time.Millisecond)); err != nil {
		return err
	}
	if err := r.say("Post da guardare sul canale (to look up): %d; rifatto dagli appunti (done again from notes): %d.", len(d.Settled.Doubtful), len(d.Settled.Repeated)); err != nil {
		return err
	}
	if then == "" {
		return nil
	}
	return r.say("%s", then)
}

// progress tells on stderr how far a copy is: over and over on one line of a terminal, else now and then.
type progress struct {
	r    *Run
	last time.Time
	said bool
}

const (
	often  = 200 * time.Millisecond
	seldom = 5 * time.Second
)

func (r *Run) progress() *progress { return &progress{r: r, last: time.Now()} }

func (p *progress) tell(at backup.Progress) {
	wait, begin, end := seldom, "", "\n"
	if p.r.Term.Progress {
		wait, begin, end = often, "\r\x1b[K", ""
	}
	if p.r.Flags.JSON || time.Since(p.last) < wait {
		return
	}
	p.last, p.said = time.Now(), true
	what := at.Stream
	if at.Of > 0 {
		what += fmt.Sprintf(" (%d/%d)", at.Number, at.Of)
	}
	fmt.Fprintf(p.r.Term.Err, "%s%s %s / %s%s", begin, what, mebibytes(at.Done), mebibytes(at.Total), end)
}

// end leaves the line of a terminal.
func (p *progress) end() {
	if p.said && p.r.Term.Progress {
		fmt.Fprintln(p.r.Term.Err)
	}
}
