// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// A token reads pal_<id>_<secret>: the id finds it, the secret opens. Only the secret's hash is kept.
const (
	tokenPrefix = "pal_"
	idLength    = 36
	secretBytes = 32
	nameMost    = 400 // bytes, of what the schema counts as 100 characters
)

// secretLength is of a secret as it is written.
var secretLength = base64.RawURLEncoding.EncodedLen(secretBytes)

// NewToken makes a token that nobody knows yet. The secret, whole as its bearer sends it, is told here
// and never again. Made and MadeBy are the caller's to fill in.
func NewToken(name string, role palinsesto.Role, centre string) (secret string, t palinsesto.Token) {
	return newToken(newID(), name, role, centre)
}

func newToken(id, name string, role palinsesto.Role, centre string) (secret string, t palinsesto.Token) {
	b := make([]byte, secretBytes)
	if _, err := rand.Read(b); err != nil {
		panic("api: no random numbers: " + err.Error()) // crypto/rand does not fail since Go 1.24
	}
	own := base64.RawURLEncoding.EncodeToString(b)
	t = palinsesto.Token{ID: id, Name: name, Role: role, Centre: centre, Hash: hashSecret(own)}
	return tokenPrefix + t.ID + "_" + own, t
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic("api: no random numbers: " + err.Error())
	}
	return id.String()
}

// AppendToken writes a new token to the log.
func AppendToken(ctx context.Context, b *bus.Bus, env contract.Envelope, t palinsesto.Token) error {
	was := contract.Event[palinsesto.Token]{Subject: contract.TokenSubject(t.ID)}
	_, err := bus.Put(ctx, b, contract.Tokens, was, palinsesto.TokenWasCreated, env, t)
	return err
}

func splitToken(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(rest) != idLength+1+secretLength || rest[idLength] != '_' {
		return "", "", false
	}
	id, secret = rest[:idLength], rest[idLength+1:]
	return id, secret, palinsesto.ValidID(id)
}

// TokenView is a token without anything that opens.
type TokenView struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Role    string     `json:"role"`
	Centre  string     `json:"centre,omitempty"`
	Made    time.Time  `json:"made"`
	MadeBy  string     `json:"made_by"`
	Revoked *time.Time `json:"revoked"`
}

func (s *Service) tokenView(t palinsesto.Token) TokenView {
	return TokenView{ID: t.ID, Name: t.Name, Role: string(t.Role), Centre: t.Centre, Made: t.Made.In(s.cfg.Location()),
		MadeBy: t.MadeBy.Name, Revoked: s.moment(t.Revoked)}
}

type createTokenInput struct {
	CommandHeaders
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100" doc:"Whose it is: a person or a machine"`
		Role   string `json:"role" doc:"referente, redattore, operatore, admin or lettore"`
		Centre string `json:"centre,omitempty" maxLength:"40" doc:"Of a referente, and only of one"`
	}
}

type createTokenOutput struct {
	Location string `header:"Location"`
	Body     struct {
		TokenView
		Token string `json:"token" doc:"Shown once: the house keeps a hash of it only"`
	}
}

func (s *Service) createToken(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
	name := in.Body.Name
	if err := s.checkToken(&name, palinsesto.Role(in.Body.Role), in.Body.Centre); err != nil {
		return nil, err
	}
	by, id := actorOf(ctx), newID()
	if in.Key != "" {
		id = palinsesto.DeriveID("token", by.ID, in.Key)
	}
	secret, t := newToken(id, name, palinsesto.Role(in.Body.Role), in.Body.Centre)
	t.Made, t.MadeBy = s.Clock(), by
	// Not the key's command id: a repeat has another secret, and must not be taken for what was stored.
	env := contract.Envelope{Actor: t.MadeBy, At: t.Made, CommandID: newID(), Trace: traceOf(in.Trace)}
	err := AppendToken(ctx, s.Bus, env, t)
	if errors.Is(err, bus.ErrStale) {
		return nil, madeBefore(id)
	}
	if err != nil {
		return nil, err
	}
	out := &createTokenOutput{Location: "/api/v1/tokens/" + t.ID}
	out.Body.TokenView, out.Body.Token = s.tokenView(t), secret
	return out, nil
}

// madeBefore answers a repeat under an Idempotency-Key: what was shown once cannot be shown again.
func madeBefore(id string) error {
	return palinsesto.Refuse(palinsesto.CodeConflict,
		"Con questa chiave (Idempotency-Key) il token è già stato creato, e il segreto si mostra una volta sola. Se è andato perso, revocare il token "+id+" e crearne un altro con un'altra chiave.",
		"The token was already created under this Idempotency-Key, and its secret is shown once only. If it is lost, revoke the token "+id+" and create another one under another key.")
}

func (s *Service) checkToken(name *string, role palinsesto.Role, centre string) error {
	e := &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Il token non è stato creato.", TextEN: "The token was not created."}
	add := func(field, it, en string) {
		e.Problems = append(e.Problems, palinsesto.Problem{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en})
	}
	if rules.Refused(rules.Line("name", name, nameMost)) || *name == "" {
		add("name", "Scrivere a chi appartiene, su una riga.", "Say whose it is, on one line.")
	}
	if !role.Valid() {
		add("role", "Indicare referente, redattore, operatore, admin o lettore.", "Give referente, redattore, operatore, admin or lettore.")
	}
	_, known := s.cfg.Centre(centre)
	switch {
	case role == palinsesto.RoleReferente && !known:
		add("centre", "Un referente ha bisogno di un centro fra quelli della configurazione.", "A referente needs a centre of the configuration.")
	case role != palinsesto.RoleReferente && centre != "":
		add("centre", "Solo un referente ha un centro.", "Only a referente has a centre.")
	}
	if len(e.Problems) > 0 {
		return e
	}
	return nil
}

type tokensOutput struct {
	Body struct {
		Page
		Items []TokenView `json:"items"`
	}
}

func (s *Service) listTokens(ctx context.Context, in *PageInput) (*tokensOutput, error) {
	out := &tokensOutput{}
	out.Body.Items = []TokenView{}
	p, err := s.list(ctx, "token", filter{}, *in, func(body []byte) error {
		_, t, err := contract.Tokens.Decode(body)
		if err == nil {
			out.Body.Items = append(out.Body.Items, s.tokenView(t))
		}
		return err
	})
	out.Body.Page = p
	return out, err
}

type revokeInput struct {
	IDInput
	ReasonQuery
}

func (s *Service) revokeToken(ctx context.Context, in *revokeInput) (*none, error) {
	if !palinsesto.ValidID(in.ID) {
		return nil, notFound()
	}
	env := contract.Envelope{Actor: actorOf(ctx), At: s.Clock(), CommandID: newID(), Reason: in.Reason, Trace: traceOf(in.Trace)}
	_, err := bus.Update(ctx, s.Bus, contract.Tokens, contract.TokenSubject(in.ID), env,
		func(cur contract.Event[palinsesto.Token]) (bus.Decision[palinsesto.Token], error) {
			switch {
			case cur.Seq == 0:
				return bus.Decision[palinsesto.Token]{}, notFound()
			case !cur.State.Revoked.IsZero():
				return bus.Decision[palinsesto.Token]{}, nil // twice is once
			}
			next := cur.State
			next.Revoked = s.Clock()
			return bus.Decision[palinsesto.Token]{Event: palinsesto.TokenWasRevoked, State: next}, nil
		})
	s.auth.forget(in.ID)
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return nil, err
	}
	return nil, nil
}
