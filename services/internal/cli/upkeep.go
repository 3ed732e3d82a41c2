// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/house"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type rebuildCmd struct{}

// Run asks for a new index; the answer comes when it is complete.
func (c *rebuildCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	if err := client.Do(r.Ctx, Call{Method: http.MethodPost, Path: "/api/v1/rebuild"}, nil); err != nil {
		return err
	}
	return r.answer(json.RawMessage(`{"rebuilt":true}`), func() error { return r.say("Indice ricostruito (index rebuilt).") })
}

type checkCmd struct{}

// found is what a check tells, running or stopped.
type found struct {
	Holds    bool                 `json:"holds"`
	Findings []palinsesto.Problem `json:"findings"`
}

// Run reads the whole log and reports what must not be there: through a running house, or on the
// folder of a stopped one.
func (c *checkCmd) Run(r *Run) error {
	var f found
	stopped, err := r.checkStopped()
	switch {
	case errors.Is(err, house.ErrInUse) || errors.Is(err, errElsewhere):
		client, err := r.client(palinsesto.RoleAdmin)
		if err != nil {
			return err
		}
		if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/check"}, &f); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		f.Holds, f.Findings = true, stopped
		for _, p := range stopped {
			f.Holds = f.Holds && p.Level != palinsesto.LevelError
		}
	}
	return r.verdict(f)
}

var errElsewhere = errors.New("the house is elsewhere")

func (r *Run) checkStopped() ([]palinsesto.Problem, error) {
	if r.Flags.URL != "" {
		return nil, errElsewhere
	}
	log, err := r.Flags.Logger(r.Term.Err, "warn")
	if err != nil {
		return nil, err
	}
	return house.CheckStopped(r.Ctx, r.Flags.Data, log)
}

func (r *Run) verdict(f found) error {
	if f.Findings == nil {
		f.Findings = []palinsesto.Problem{}
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	err = r.answer(raw, func() error {
		for _, p := range f.Findings {
			if err := r.say("%s", Line(p)); err != nil {
				return err
			}
		}
		if f.Holds {
			return r.say("Il registro rispetta le regole (nothing was found that must not be).")
		}
		return r.say("%s violazioni o avvisi (findings).", strconv.Itoa(len(f.Findings)))
	})
	if err == nil && !f.Holds {
		return ErrSaid
	}
	return err
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Crea un token; si vede una volta sola (shown once)."`
	List   tokenListCmd   `cmd:"" help:"Elenca i token (list)."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoca un token (revoke)."`
}

type tokenCreateCmd struct {
	Role   string `required:"" enum:"referente,redattore,operatore,admin,lettore" help:"referente, redattore, operatore, admin, lettore."`
	Centre string `help:"Centro, per un referente (of a referente)."`
	Name   string `help:"Di chi è: una persona o una macchina; se manca, il ruolo (whose it is)."`
}

// Run makes a token through the house, or, before its first start, on its folder.
func (c *tokenCreateCmd) Run(r *Run) error {
	role, name := palinsesto.Role(c.Role), c.Name
	if (role == palinsesto.RoleReferente) != (c.Centre != "") {
		return Usage("--centre serve a un referente, e solo a un referente (a referente, and only one, has a centre)")
	}
	if name == "" {
		name = c.Role
	}
	t, err := c.stopped(r, name, role)
	if errors.Is(err, house.ErrInUse) || errors.Is(err, errElsewhere) {
		client, cerr := r.client(palinsesto.RoleAdmin)
		if cerr != nil {
			return cerr
		}
		t, err = client.NewToken(r.Ctx, name, role, c.Centre)
	}
	if err != nil {
		return err
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return r.answer(raw, func() error { return r.say("%s", t.Token) })
}

func (c *tokenCreateCmd) stopped(r *Run, name string, role palinsesto.Role) (Token, error) {
	if r.Flags.URL != "" || r.Flags.NATS != "" {
		return Token{}, errElsewhere
	}
	cfg, err := r.Flags.configured()
	if err != nil {
		return Token{}, err
	}
	if cfg != nil && c.Centre != "" {
		if _, known := cfg.Centre(c.Centre); !known {
			return Token{}, Usage("il centro " + c.Centre + " non è nella configurazione (no such centre)")
		}
	}
	log, err := r.Flags.Logger(r.Term.Err, "warn")
	if err != nil {
		return Token{}, err
	}
	secret, err := house.TokenStopped(r.Ctx, r.Flags.Data, log, name, role, c.Centre)
	return Token{Name: name, Role: string(role), Centre: c.Centre, Token: secret}, err
}

type tokenListCmd struct{}

// Run lists tokens, without what opens.
func (c *tokenListCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	var list struct {
		Items []Token `json:"items"`
	}
	if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: "/api/v1/tokens", Query: map[string][]string{"limit": {strconv.Itoa(pageMost)}}}, &list); err != nil {
		return err
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return r.answer(raw, func() error {
		var rows [][]string
		for _, t := range list.Items {
			rows = append(rows, []string{t.ID, t.Role, t.Centre, clock(t.Made), clock(t.Revoked), t.Name})
		}
		return r.table([]string{"ID", "RUOLO", "CENTRO", "CREATO", "REVOCATO", "DI CHI"}, rows, cut)
	})
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"Id del token."`
	Reason
}

// Run takes a token's access away.
func (c *tokenRevokeCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	call := Call{Method: http.MethodDelete, Path: "/api/v1/tokens/" + c.ID}
	if c.Reason.Reason != "" {
		call.Query = map[string][]string{"reason": {c.Reason.Reason}}
	}
	if err := client.Do(r.Ctx, call, nil); err != nil {
		return err
	}
	return r.answer(json.RawMessage(`{"revoked":true}`), func() error { return r.say("revocato (revoked): %s", c.ID) })
}

// clock is a time that is kept as it was written, for people; what is none stays as it is.
func clock(written string) string {
	at, err := time.Parse(time.RFC3339Nano, written)
	if err != nil {
		return written
	}
	return moment(&at)
}
