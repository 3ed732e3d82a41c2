// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/palinsesto/palinsesto/services/internal/durable"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// client finds the house and a token for it: those of the environment, or those of the house that runs
// on the data folder. There only an administrator's credential lies, which by the table of roles may
// not do what a redattore or an operatore does; for those a token of the role is made with it, once,
// and kept beside it: so the history says which hat was worn.
func (r *Run) client(role palinsesto.Role) (*Client, error) {
	c := &Client{URL: r.Flags.URL, Token: r.Flags.token}
	if c.URL != "" {
		if c.Token == "" { // the local administrator's token is for the local house only
			return nil, errors.New("manca il token: metterlo in PALINSESTO_TOKEN (no token for this address)")
		}
		return c, nil
	}
	address, err := r.local("url")
	if err != nil {
		return nil, noHouse(r.Flags.Data, err)
	}
	c.URL = address
	if c.Token != "" {
		return c, nil
	}
	admin, err := r.local("admin.token")
	if err != nil {
		return nil, fmt.Errorf("manca il token: metterlo in PALINSESTO_TOKEN, oppure eseguire il comando come l'utente della casa (no token): %w", err)
	}
	c.Token = admin
	if role == palinsesto.RoleAdmin {
		return c, nil
	}
	return r.wear(c, role)
}

// noHouse is why there is none to talk to.
func noHouse(data string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("la cartella %s è di un altro utente: eseguire il comando come l'utente della casa, oppure dare PALINSESTO_URL e PALINSESTO_TOKEN (not allowed to read the data folder)", data)
	}
	return fmt.Errorf("nessuna casa in funzione su %s: avviarla, indicarne la cartella con --data, oppure dare PALINSESTO_URL e PALINSESTO_TOKEN (no running house found)", data)
}

// local reads one of the files that a running house keeps in its folder.
func (r *Run) local(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(r.Flags.Data, name))
	return strings.TrimSpace(string(b)), err
}

// wear is the client with the local token of a role.
func (r *Run) wear(admin *Client, role palinsesto.Role) (*Client, error) {
	name := "cli." + string(role) + ".token"
	c := &Client{URL: admin.URL, HTTP: admin.HTTP}
	kept, err := r.local(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if kept != "" {
		c.Token = kept
		if valid, err := c.valid(r.Ctx); valid || err != nil {
			return c, err
		}
	}
	t, err := admin.NewToken(r.Ctx, "riga di comando di "+hostname(), role, "")
	if err != nil {
		return nil, err
	}
	c.Token = t.Token
	return c, durable.Write(filepath.Join(r.Flags.Data, name), []byte(t.Token+"\n"))
}

// valid tells whether the house still knows the token.
func (c *Client) valid(ctx context.Context) (bool, error) {
	err := c.Do(ctx, Call{Method: http.MethodGet, Path: "/api/v1/holds"}, nil)
	var no *Refusal
	if errors.As(err, &no) && no.Status == http.StatusUnauthorized {
		return false, nil
	}
	return err == nil, err
}

func hostname() string {
	h, err := os.Hostname()
	if err != nil {
		return "questa macchina"
	}
	return h
}

// Token is one as the API tells it.
type Token struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Role    string `json:"role"`
	Centre  string `json:"centre,omitempty"`
	Made    string `json:"made"`
	MadeBy  string `json:"made_by"`
	Revoked string `json:"revoked,omitempty"`
	Token   string `json:"token,omitempty"` // only when it is made
}

// NewToken makes one.
func (c *Client) NewToken(ctx context.Context, name string, role palinsesto.Role, centre string) (Token, error) {
	var t Token
	body := map[string]string{"name": name, "role": string(role)}
	if centre != "" {
		body["centre"] = centre
	}
	return t, c.Do(ctx, Call{Method: http.MethodPost, Path: "/api/v1/tokens", Body: body}, &t)
}
