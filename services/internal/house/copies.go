// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Backup copies a house into a new file: a running one on the folder o.Data or on o.NATSURL, or a stopped
// one on the folder.
func Backup(ctx context.Context, o Options, file string, tell func(backup.Progress)) (m backup.Manifest, err error) {
	b := backup.Options{File: file, Program: Version, Now: time.Now(), Tell: tell}
	if o.Config != nil {
		b.House = o.Config.Organisation.Name
	}
	err = withStreams(ctx, o, func(s *bus.Streams) error {
		m, err = backup.Take(ctx, s, b)
		return err
	})
	return m, err
}

// withStreams reaches the log of a house, wherever it is.
func withStreams(ctx context.Context, o Options, do func(*bus.Streams) error) error {
	if o.NATSURL != "" {
		return onStreams(ctx, bus.Options{URL: o.NATSURL, User: o.NATSUser, Password: o.NATSPassword, Log: o.Log}, do)
	}
	if _, err := os.Stat(filepath.Join(o.Data, "nats")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("in %s non c'è un registro: indicare la cartella di una casa con --data (no log there)", o.Data)
	}
	f, err := openFolder(o.Data, true)
	if errors.Is(err, ErrInUse) {
		// Whoever may read the folder may read the log: its address there has the password with it.
		address, err := os.ReadFile(filepath.Join(o.Data, fileNATS))
		if err != nil {
			return fmt.Errorf("la casa su %s non è ancora pronta: riprovare fra poco (not ready yet): %w", o.Data, err)
		}
		return onStreams(ctx, bus.Options{URL: strings.TrimSpace(string(address)), Log: o.Log}, do)
	}
	if err != nil {
		return err
	}
	defer f.close()
	server, user, password, err := startLog(f, o.Log)
	if err != nil {
		return err
	}
	defer server.Stop()
	return onStreams(ctx, bus.Options{Server: server, User: user, Password: password, Log: o.Log}, do)
}

func onStreams(ctx context.Context, o bus.Options, do func(*bus.Streams) error) error {
	s, err := bus.OpenStreams(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// Restored is what a restore, or the drill of one, came to.
type Restored struct {
	Manifest backup.Manifest
	LastSeq  uint64 // of the log as it stood right after
	Settled  backup.Settled
	Unread   int // notes outside the data folder that could not be read
	Media    int // files that were read and compared, in a drill
	Findings []palinsesto.Problem
	Took     time.Duration
}

// RestoreOptions say what to bring back, and how.
type RestoreOptions struct {
	File     string
	Replicas int // on a NATS of its own; 0: as it was
	Tell     func(backup.Progress)
}

// folderRestoring is where a log is brought back before it is the folder's log.
const folderRestoring = "nats.restoring"

// Restore brings a file back: into the empty folder o.Data, or into the empty NATS at o.NATSURL. What it
// leaves stands under a hold, see backup.Settle.
func Restore(ctx context.Context, o Options, r RestoreOptions) (done Restored, err error) {
	began := time.Now()
	a, err := backup.Open(ctx, r.File, r.Tell)
	if err != nil {
		return done, err
	}
	defer a.Close()
	if o.NATSURL != "" {
		done, err = restoreToNATS(ctx, o, a, r)
	} else {
		done, err = restoreToFolder(ctx, o, a, r)
	}
	done.Manifest, done.Took = a.Manifest, time.Since(began)
	return done, err
}

func restoreToFolder(ctx context.Context, o Options, a *backup.Archive, r RestoreOptions) (done Restored, err error) {
	f, err := openFolder(o.Data, true)
	if err != nil {
		return done, err
	}
	defer f.close()
	if err := f.empty(); err != nil {
		return done, err
	}
	aside := f.path(folderRestoring)
	if err := os.RemoveAll(aside); err != nil { // of a restore that was cut off
		return done, err
	}
	r.Replicas = 1
	err = onTemporary(aside, o.Log, func(b bus.Options) error {
		done, err = putBack(ctx, o, a, r, b, f)
		return err
	})
	if err == nil {
		err = f.place(aside, "nats")
	}
	if err != nil {
		f.remove(filePlace)
		return done, errors.Join(err, os.RemoveAll(aside))
	}
	return done, nil
}

// onTemporary runs a log of its own on a folder, which nobody else can reach; what is to be kept of it is
// flushed as a whole when it has stopped.
func onTemporary(dir string, log logger, do func(bus.Options) error) error {
	password := rand.Text()
	server, err := embednats.Start(embednats.Options{Dir: dir, User: "restore", Password: password, Log: log, Lazy: true})
	if err != nil {
		return err
	}
	defer server.Stop()
	return do(bus.Options{Name: "restore", Server: server, User: "restore", Password: password, Log: log})
}

func restoreToNATS(ctx context.Context, o Options, a *backup.Archive, r RestoreOptions) (Restored, error) {
	b := bus.Options{Name: "restore", URL: o.NATSURL, User: o.NATSUser, Password: o.NATSPassword, Replicas: r.Replicas, Log: o.Log}
	err := onStreams(ctx, b, func(s *bus.Streams) error {
		rooms, err := s.Rooms(ctx)
		if err == nil && len(rooms) > 0 {
			err = fmt.Errorf("su questo NATS sono in funzione delle stanze (%s): fermarle, poi ripristinare (rooms are running)", strings.Join(rooms, ", "))
		}
		return err
	})
	if err != nil {
		return Restored{}, err
	}
	return putBack(ctx, o, a, r, b, nil)
}

// putBack puts the streams, stops the house that they are, and reads the result through.
func putBack(ctx context.Context, o Options, a *backup.Archive, r RestoreOptions, to bus.Options, f *folder) (done Restored, err error) {
	err = onStreams(ctx, to, func(s *bus.Streams) error {
		return a.Put(ctx, s, backup.PutOptions{Replicas: r.Replicas, Tell: r.Tell})
	})
	if err != nil {
		return done, err
	}
	b, err := bus.Connect(ctx, to)
	if err != nil {
		return done, err
	}
	defer b.Close()
	if done.LastSeq, err = b.LastSeq(ctx); err != nil {
		return done, err
	}
	if done.LastSeq < a.LastSeq {
		return done, fmt.Errorf("il registro ripristinato finisce a %d e non a %d: non usarlo (the restored log is too short)", done.LastSeq, a.LastSeq)
	}
	back := backup.Back{
		Taken: a.Taken, Now: time.Now(), Zone: zone(o),
		Why: "È stata ripristinata una copia del " + a.Taken.In(zone(o)).Format("02/01/2006 15:04:05") + ".",
	}
	outside, err := openOutside(o)
	if err != nil {
		return done, err
	}
	if outside != nil {
		if back.Facts, done.Unread, err = outside.Facts(a.Log, a.LastSeq); err != nil {
			return done, err
		}
	}
	if done.Settled, err = backup.Settle(ctx, b, back); err != nil {
		return done, err
	}
	if outside != nil {
		if err := adopt(ctx, outside, b, f); err != nil {
			return done, err
		}
	}
	done.Findings, err = checkLog(ctx, b)
	return done, err
}

func zone(o Options) *time.Location {
	if o.Config == nil {
		return time.Local
	}
	return o.Config.Location()
}

// Drill brings a file back into a temporary folder, reads all of it, and takes it away again.
func Drill(ctx context.Context, o Options, r RestoreOptions) (done Restored, err error) {
	began := time.Now()
	a, err := backup.Open(ctx, r.File, r.Tell)
	if err != nil {
		return done, err
	}
	defer a.Close()
	dir, err := os.MkdirTemp("", "palinsesto-drill-")
	if err != nil {
		return done, fmt.Errorf("la prova di ripristino non trova posto: indicare una cartella con TMPDIR (no room for the drill): %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.Data, o.NATSURL, o.State, r.Replicas = "", "", "", 1
	err = onTemporary(dir, o.Log, func(b bus.Options) error {
		if done, err = putBack(ctx, o, a, r, b, nil); err != nil {
			return err
		}
		return drillMedia(ctx, b, &done)
	})
	done.Manifest, done.Took = a.Manifest, time.Since(began)
	return done, err
}

func drillMedia(ctx context.Context, o bus.Options, done *Restored) error {
	b, err := bus.Connect(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	n, wrong, err := backup.CheckMedia(ctx, b)
	done.Media = n
	for _, hash := range wrong {
		done.Findings = append(done.Findings, palinsesto.Problem{Code: "MEDIA", Level: palinsesto.LevelError, Field: hash,
			Text: "Un file nominato da una segnalazione manca nella copia o è alterato.", TextEN: "A file that a segnalazione names is missing or altered."})
	}
	return err
}
