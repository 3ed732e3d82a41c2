// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

// Role is what a token, and so its bearer, may do. One token has one role.
type Role string

// The roles of the house; the table in permission.go says what each may do.
const (
	RoleReferente Role = "referente" // reports for one centre
	RoleRedattore Role = "redattore" // reviews, approves and plans for all centres
	RoleOperatore Role = "operatore" // looks after what went wrong
	RoleAdmin     Role = "admin"     // people, tokens, channels, settings
	RoleLettore   Role = "lettore"   // reads, without contacts
)

// Roles in the order in which people name them.
var Roles = []Role{RoleReferente, RoleRedattore, RoleOperatore, RoleAdmin, RoleLettore}

// Valid tells whether r is one of Roles.
func (r Role) Valid() bool {
	for _, x := range Roles {
		if x == r {
			return true
		}
	}
	return false
}

// Actor is who does something: a person or a named machine, or a room of the house itself.
type Actor struct {
	ID     string // id of the token's owner, or "room:<name>"
	Name   string // what people read in the history
	Role   Role   // empty for a room
	Centre string // the only centre of a referente; empty for all others
}

// Room is the actor of what a room does by itself.
func Room(name string) Actor { return Actor{ID: "room:" + name, Name: name} }

// IsRoom tells whether the house itself acted.
func (a Actor) IsRoom() bool { return a.Role == "" && len(a.ID) > 5 && a.ID[:5] == "room:" }
