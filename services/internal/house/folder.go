// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// The files of a data folder, beside nats/.
const (
	fileLock        = "lock"             // held while a process has the folder; holds its pid
	fileCredentials = "nats.credentials" // password of the embedded log
	fileNATS        = "nats.url"         // its address while it runs, with the password
	fileURL         = "url"              // address of the API while it runs
	fileAdmin       = "admin.token"      // an administrator's token, for the CLI on this machine
)

type logger = *slog.Logger

// folder is where a house keeps what must survive it.
type folder struct {
	dir  string
	lock *flock.Flock // nil where the log is elsewhere
}

// openFolder makes the folder where it is missing, closes it to other users and, exclusive, locks it.
func openFolder(dir string, exclusive bool) (*folder, error) {
	if dir == "" {
		return nil, errors.New("manca la cartella dei dati: --data (no data folder)")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := durable.Folder(dir); err != nil {
		return nil, fmt.Errorf("la cartella dei dati %s non si può creare: scegliere un'altra con --data (cannot make the data folder): %w", dir, err)
	}
	// It holds people's texts and the keys to the log: nobody else's on this machine.
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x
		return nil, fmt.Errorf("la cartella dei dati %s appartiene a un altro utente (not our data folder): %w", dir, err)
	}
	f := &folder{dir: dir}
	if exclusive {
		if err := f.take(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ErrInUse is wrapped by the refusal of a folder that a running house has.
var ErrInUse = errors.New("data folder in use")

func (f *folder) take() error {
	f.lock = flock.New(f.path(fileLock), flock.SetPermissions(0o600))
	got, err := f.lock.TryLock()
	if err != nil {
		return fmt.Errorf("la cartella dei dati %s non si può riservare (cannot lock it): %w", f.dir, err)
	}
	if !got {
		return fmt.Errorf("la cartella dei dati %s è già in uso dal processo %s: fermarlo, oppure usare un'altra cartella con --data (%w by process %s)",
			f.dir, f.holder(), ErrInUse, f.holder())
	}
	if err := os.WriteFile(f.path(fileLock), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return fmt.Errorf("la cartella dei dati %s non è scrivibile (not writable): %w", f.dir, err)
	}
	return nil
}

// holder is the pid that the lock's owner wrote.
func (f *folder) holder() string {
	b, err := os.ReadFile(f.path(fileLock))
	pid := strings.TrimSpace(string(b))
	if _, perr := strconv.Atoi(pid); err != nil || perr != nil {
		return "?"
	}
	return pid
}

func (f *folder) close() {
	if f.lock != nil {
		_ = f.lock.Unlock() // the end of the process does it too
	}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// secret reads a file that only we may read, or makes it.
func (f *folder) secret(name string, fresh func() (string, error)) (string, error) {
	b, err := os.ReadFile(f.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		value, err := fresh()
		if err != nil {
			return "", err
		}
		return value, f.write(name, value)
	case err != nil:
		return "", fmt.Errorf("%s non si legge (cannot be read): %w", f.path(name), err)
	}
	if value := strings.TrimSpace(string(b)); value != "" {
		return value, os.Chmod(f.path(name), 0o600)
	}
	return "", fmt.Errorf("%s è vuoto: ripristinarlo da una copia (the file is empty)", f.path(name))
}

// write replaces a file in one step, so that nobody reads half of it and a crash or a power cut leaves
// the old one or the new one.
func (f *folder) write(name, value string) error {
	if err := durable.Write(f.path(name), []byte(value+"\n")); err != nil {
		return fmt.Errorf("%s non si scrive (cannot be written): %w", f.path(name), err)
	}
	return nil
}

func (f *folder) remove(name string) { _ = os.Remove(f.path(name)) }

// space is what is free for us where the folder is.
func (f *folder) space() (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(f.dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", f.dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

func withUser(address, user, password string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}
