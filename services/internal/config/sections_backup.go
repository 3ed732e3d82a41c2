// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"path/filepath"
	"regexp"
	"time"

	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v3"
)

// Backup is when copies of the house are made by themselves, and how many are kept. Without a folder
// none are.
type Backup struct {
	Folder string
	Cron   string        // five fields or @daily and the like, in the organisation's zone
	Keep   int           // of the newest
	MaxAge time.Duration // older than this, the last one is worth a warning; 0: by the schedule
}

// Schedule is the recurrence; ask it with times in the organisation's zone.
func (b Backup) Schedule() (cron.Schedule, error) { return cron.ParseStandard(b.Cron) }

var cronForm = regexp.MustCompile(`^(@[a-z]+( [0-9a-z]{1,20})?|[0-9*/,A-Za-z-]+( [0-9*/,A-Za-z-]+){4})$`)

const (
	nightly  = "30 2 * * *"
	keepSome = 14
)

func (r *reader) backup(s *section) Backup {
	defer s.close()
	b := Backup{
		Folder: optional(s, "folder", "", pattern(pathForm, "serve il percorso di una cartella", "the path of a folder is needed")),
		Cron:   optional(s, "cron", nightly, recurrence),
		Keep:   int(optional(s, "keep", keepSome, integer(1, 10_000))),
		MaxAge: optional(s, "max_age", 0, duration(time.Minute, 366*day)),
	}
	if b.Folder != "" && !filepath.IsAbs(b.Folder) {
		b.Folder = filepath.Join(r.dir, b.Folder)
	}
	for _, key := range []string{"cron", "keep", "max_age"} {
		if b.Folder == "" && s.value[key] != nil && s.value["folder"] == nil {
			s.fail(key, faultf("senza folder non si fanno copie: indicare la cartella", "without a folder no backups are made: give one"))
			break
		}
	}
	return b
}

// recurrence takes https://pkg.go.dev/github.com/robfig/cron/v3#ParseStandard, without a zone of its own:
// there is one zone in a house.
func recurrence(n *yaml.Node) (string, *fault) {
	v, f := pattern(cronForm, "serve una ricorrenza come «30 2 * * *» (minuto ora giorno mese giorno-della-settimana) o @daily",
		"a recurrence such as \"30 2 * * *\" (minute hour day month weekday) or @daily is needed")(n)
	if f != nil {
		return v, f
	}
	if _, err := cron.ParseStandard(v); err != nil {
		return v, faultf("ricorrenza non valida %s: scrivere per esempio \"30 2 * * *\"", "bad recurrence %s: write for example \"30 2 * * *\"", quote(v))
	}
	return v, nil
}
