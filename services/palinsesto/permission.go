// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

// Action is one row of the table "who may do what".
type Action string

// The actions, as the API, the commands and the events name them.
const (
	ActSubmit        Action = "submit"         // submit, revise, withdraw, comment, upload media
	ActSee           Action = "see"            // segnalazioni, posts, history, events
	ActSeeContacts   Action = "see-contacts"   // the office's contact address in a segnalazione
	ActReview        Action = "review"         // approve, reject, ask for changes, edit variants
	ActOperate       Action = "operate"        // re-queue, cancel, resolve, remove, lift a hold
	ActHold          Action = "hold"           // stop
	ActPauseChannel  Action = "pause-channel"  // pause and resume a channel
	ActManageTokens  Action = "manage-tokens"  // people, tokens, settings
	ActManageChannel Action = "manage-channel" // connect, declare reconnected
	ActRebuild       Action = "rebuild"        // rebuild the index
	ActSeeAlerts     Action = "see-alerts"     // what operators are told of
)

// scope is how far a role reaches with an action.
type scope int

const (
	none scope = iota
	ownCentre
	all
)

// permissions is the table of the design, row by row; what is absent is refused.
var permissions = map[Action]map[Role]scope{
	ActSubmit:        {RoleReferente: ownCentre, RoleRedattore: all},
	ActSee:           {RoleReferente: ownCentre, RoleRedattore: all, RoleOperatore: all, RoleAdmin: all, RoleLettore: all},
	ActSeeContacts:   {RoleReferente: ownCentre, RoleRedattore: all, RoleOperatore: all, RoleAdmin: all},
	ActReview:        {RoleRedattore: all},
	ActOperate:       {RoleOperatore: all},
	ActHold:          {RoleRedattore: all, RoleOperatore: all, RoleAdmin: all},
	ActPauseChannel:  {RoleOperatore: all, RoleAdmin: all},
	ActManageTokens:  {RoleAdmin: all},
	ActManageChannel: {RoleAdmin: all},
	ActRebuild:       {RoleOperatore: all, RoleAdmin: all},
	ActSeeAlerts:     {RoleOperatore: all, RoleAdmin: all},
}

// Can tells whether a may do the action on something of centre. An empty centre means something
// that belongs to no single centre: only a role that reaches all centres may touch it.
func (a Actor) Can(do Action, centre string) bool {
	if a.IsRoom() {
		return true
	}
	switch permissions[do][a.Role] {
	case all:
		return true
	case ownCentre:
		return a.Centre != "" && a.Centre == centre
	default:
		return false
	}
}

// Sees narrows a listing: the centre that a may list, or all of them; ok is false when a may list nothing.
func (a Actor) Sees() (centre string, everywhere, ok bool) {
	switch permissions[ActSee][a.Role] {
	case all:
		return "", true, true
	case ownCentre:
		return a.Centre, false, a.Centre != ""
	default:
		return "", false, false
	}
}
