// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/api"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/indexing"
	"github.com/palinsesto/palinsesto/services/internal/audit"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// keepAdmin leaves an administrator's token in the data folder, for commands given on this machine:
// whoever can read the folder can read the whole log anyway. One that the log does not know any more
// (revoked, or of another log) is replaced.
func (h *House) keepAdmin(ctx context.Context) error {
	if h.folder == nil || !h.has(apiRoom) {
		return nil
	}
	var b *bus.Bus
	for _, u := range h.units {
		if u.room.name == apiRoom {
			b = u.bus
		}
	}
	kept, err := os.ReadFile(h.folder.path(fileAdmin))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s non si legge (cannot be read): %w", h.folder.path(fileAdmin), err)
	}
	if err == nil && validToken(ctx, b, strings.TrimSpace(string(kept))) {
		return os.Chmod(h.folder.path(fileAdmin), 0o600)
	}
	secret, err := newToken(ctx, b, h.o.Clock(), "amministrazione di questa macchina", palinsesto.RoleAdmin, "")
	if err != nil {
		return fmt.Errorf("credenziale di amministrazione (administrator's credential): %w", err)
	}
	return h.folder.write(fileAdmin, secret)
}

// validToken tells whether the log knows a token as an administrator's, still valid. The id stands
// between the underscores; the secret is checked by the API.
func validToken(ctx context.Context, b *bus.Bus, token string) bool {
	_, rest, _ := strings.Cut(token, "_")
	id, _, _ := strings.Cut(rest, "_")
	e, err := bus.Load(ctx, b, contract.Tokens, contract.TokenSubject(id))
	return err == nil && e.State.Role == palinsesto.RoleAdmin && e.State.Revoked.IsZero()
}

func newToken(ctx context.Context, b *bus.Bus, now time.Time, name string, role palinsesto.Role, centre string) (string, error) {
	secret, t := api.NewToken(name, role, centre)
	t.Made, t.MadeBy = now, palinsesto.Room("house")
	return secret, api.AppendToken(ctx, b, contract.Envelope{Actor: t.MadeBy, At: now, CommandID: t.ID}, t)
}

// mostFindings bounds what one check tells.
const mostFindings = 1000

// checkLog reads the whole log and tells what breaks the rules.
func checkLog(ctx context.Context, b *bus.Bus) ([]palinsesto.Problem, error) {
	return audit.Check(audit.Records(ctx, b), mostFindings)
}

// checkRunning also compares the index with the log it was made from.
func checkRunning(ctx context.Context, b *bus.Bus, x *index.Index) ([]palinsesto.Problem, error) {
	found, err := checkLog(ctx, b)
	if err != nil {
		return nil, err
	}
	differs, err := indexing.Verify(ctx, b, x, mostFindings)
	return append(found, differs...), err
}
