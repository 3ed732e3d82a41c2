// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// CheckStopped reads the log in the folder of a house that does not run and tells what breaks the
// rules. ErrInUse is wrapped when one runs: then it is asked.
func CheckStopped(ctx context.Context, data string, log logger) (found []palinsesto.Problem, err error) {
	if _, err := os.Stat(filepath.Join(data, "nats")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("in %s non c'è un registro: indicare la cartella di una casa con --data (no log there)", data)
	}
	err = onStopped(ctx, data, log, func(b *bus.Bus) error {
		found, err = checkLog(ctx, b)
		return err
	})
	return found, err
}

// TokenStopped makes a token on the folder of a house that does not run, as before its first start.
func TokenStopped(ctx context.Context, data string, log logger, name string, role palinsesto.Role, centre string) (secret string, err error) {
	err = onStopped(ctx, data, log, func(b *bus.Bus) error {
		secret, err = newToken(ctx, b, time.Now(), name, role, centre)
		return err
	})
	return secret, err
}

// onStopped runs the log alone for a moment, with the folder locked.
func onStopped(ctx context.Context, data string, log logger, do func(*bus.Bus) error) error {
	f, err := openFolder(data, true)
	if err != nil {
		return err
	}
	defer f.close()
	server, user, password, err := startLog(f, log)
	if err != nil {
		return err
	}
	defer server.Stop()
	b, err := bus.Connect(ctx, bus.Options{Name: "house", Server: server, User: user, Password: password, Log: log})
	if err != nil {
		return err
	}
	defer b.Close()
	return do(b)
}
