// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"strings"
	"time"
)

// Token lets a person or a named machine in. The log keeps the hash of its secret only.
type Token struct {
	ID      string
	Name    string // whose it is, as the history shows it
	Role    Role
	Centre  string // of a referente
	Hash    string // SHA-256 of the secret, in hex: the secret is 256 random bits, so no slow hash is needed
	Made    time.Time
	MadeBy  Actor
	Revoked time.Time // zero: valid
}

// The events of a token.
const (
	TokenWasCreated = "created"
	TokenWasRevoked = "revoked"
)

// Actor is who bears the token.
func (t Token) Actor() Actor {
	return Actor{ID: "token:" + t.ID, Name: t.Name, Role: t.Role, Centre: t.Centre}
}

func foldEqual(a, b string) bool { return strings.EqualFold(a, b) }
