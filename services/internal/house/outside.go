// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/durable"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// filePlace names the folder's place outside, see backup.Mark.
const filePlace = "place"

// stateFolder is where a house keeps what must not go back with its data: as was said, else beside the
// data folder. It belongs on another disk than the data, or at least out of the same snapshot.
func (o Options) stateFolder() string {
	if o.State != "" || o.NATSURL != "" || o.Data == "" {
		return o.State
	}
	return strings.TrimRight(o.Data, string(filepath.Separator)) + ".state"
}

// openOutside gives nil where there is no such folder to be.
func openOutside(o Options) (*backup.Outside, error) {
	dir := o.stateFolder()
	if dir == "" {
		return nil, nil
	}
	if err := apart(o.Data, dir); err != nil {
		return nil, err
	}
	return backup.OpenOutside(dir)
}

// adopt takes the log as it stands for the known one, outside and inside.
func adopt(ctx context.Context, o *backup.Outside, b *bus.Bus, f *folder) error {
	place, err := o.Adopt(ctx, b)
	if err != nil || f == nil {
		return err
	}
	return f.write(filePlace, place)
}

// knowLog looks, before any room runs, whether the log is the one that was last seen here. If not, an older
// copy was put back below the house, or a copy of it is about to run beside it: everything is stopped, and
// what may have gone out is put before people.
func (h *House) knowLog(ctx context.Context) error {
	if !h.has("scheduling") && !h.has(publishingRoom) {
		return nil // neither hands over nor publishes
	}
	outside, err := openOutside(h.o)
	if outside == nil && err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		h.unmarked = fmt.Sprintf("Non si può tenere il segno di continuità in %s: se una copia vecchia dei dati fosse rimessa al suo posto non ce ne si accorgerebbe. Indicare una cartella scrivibile con --state-dir. (no mark outside the data folder)", h.o.stateFolder())
		h.log.Warn("no mark is kept outside the data folder", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	h.outside = outside
	return h.compare(ctx, h.units[0].bus)
}

func (h *House) compare(ctx context.Context, b *bus.Bus) error {
	place := ""
	if h.folder != nil && h.server != nil {
		raw, err := os.ReadFile(h.folder.path(filePlace))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s non si legge (cannot be read): %w", h.folder.path(filePlace), err)
		}
		place = strings.TrimSpace(string(raw))
	}
	why, err := h.surely(ctx, b, place)
	if err != nil {
		return err
	}
	if why != "" {
		if err := h.stopPutBack(ctx, b, why); err != nil {
			return err
		}
	}
	if why == "" && h.outside.Seen() > 0 && (place != "" || h.server == nil) {
		return nil // known: what was not noted yet is noted from where the mark stands
	}
	var f *folder
	if h.server != nil {
		f = h.folder
	}
	return adopt(ctx, h.outside, b, f)
}

// surely asks again before it believes bad news, or none, of a log that is not ours: a member of a cluster
// that was cut off, or is only starting, may not know the newest yet, or may be slow to answer.
func (h *House) surely(ctx context.Context, b *bus.Bus, place string) (why string, err error) {
	for range believeAfter {
		if why, err = h.outside.Compare(ctx, b, place); err == nil && why == "" || h.server != nil {
			return why, err
		}
		if !wait.For(ctx, believeEvery) {
			return "", ctx.Err()
		}
	}
	return why, err
}

const (
	believeAfter = 5
	believeEvery = 2 * time.Second
)

func (h *House) stopPutBack(ctx context.Context, b *bus.Bus, why string) error {
	last, err := b.LastSeq(ctx)
	if err != nil {
		return err
	}
	taken, err := b.Moment(ctx, last)
	if err != nil {
		return err
	}
	log, err := b.LogID(ctx)
	if err != nil {
		return err
	}
	facts, unread, err := h.outside.Facts(log, last)
	if err != nil {
		return err
	}
	h.log.Error("the data are not those that were last seen here: everything is stopped until a person lifts the hold", "why", why, "last", last, "facts", len(facts), "unread", unread)
	done, err := backup.Settle(ctx, b, backup.Back{Taken: taken, Now: h.o.Clock(), Why: why, Facts: facts, Zone: h.o.Config.Location()})
	if err != nil {
		return err
	}
	h.log.Warn("what may have gone out since waits for a person", "hold", done.Hold.ID, "posts", len(done.Doubtful), "repeated", len(done.Repeated), "elsewhere", len(done.Elsewhere))
	return nil
}

const followAgain = 5 * time.Second

// noteOutside keeps the mark and the facts up to date while the house runs.
func (h *House) noteOutside(ctx context.Context) {
	if h.outside == nil {
		return
	}
	for ctx.Err() == nil {
		err := h.outside.Follow(ctx, h.units[0].bus)
		if ctx.Err() != nil {
			break
		}
		h.log.Warn("what must be known outside the data folder is not noted, tried again soon", "error", err)
		wait.For(ctx, followAgain)
	}
	h.noteLast(context.WithoutCancel(ctx))
}

// noteLast notes what the rooms did until their end.
func (h *House) noteLast(ctx context.Context) {
	for _, u := range h.units {
		<-u.ended
	}
	ctx, cancel := context.WithTimeout(ctx, doorWait)
	defer cancel()
	if err := h.outside.CatchUp(ctx, h.units[0].bus); err != nil {
		h.log.Warn("the last events are noted outside the data folder at the next start", "error", err)
	}
}

// empty refuses a folder in which something of a house is.
func (f *folder) empty() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != fileLock && e.Name() != folderRestoring {
			return fmt.Errorf("la cartella %s non è vuota (c'è %s): si ripristina solo in una cartella vuota, indicarne una con --data (%w)", f.dir, e.Name(), backup.ErrNotEmpty)
		}
	}
	return nil
}

// place gives a folder inside this one its name, once everything in it is on the disk.
func (f *folder) place(from, name string) error {
	err := filepath.WalkDir(from, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.Flush(path)
	})
	if err == nil {
		err = os.Rename(from, f.path(name))
	}
	if err != nil {
		return err
	}
	return durable.Flush(f.dir)
}
