// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import "time"

// Scope says what a hold stops.
type Scope string

// The scopes of a hold.
const (
	ScopeAll     Scope = "all"
	ScopeNetwork Scope = "network"
	ScopeChannel Scope = "channel"
	ScopeCentre  Scope = "centre"
	ScopeTag     Scope = "tag"
)

// The events of the holds.
const (
	HoldWasPlaced = "placed"
	HoldWasLifted = "lifted"
)

// Hold is a stop. All holds are one aggregate, so that one read tells of every one of them.
type Hold struct {
	ID     string    `json:"id"`
	Scope  Scope     `json:"scope"`
	Value  string    `json:"value,omitempty"` // the network, channel, centre or tag; empty for all
	Reason string    `json:"reason"`
	By     Actor     `json:"-"`
	At     time.Time `json:"at"`
}

// Holds are the stops that stand.
type Holds []Hold

// Stops finds a hold that keeps a post back; tags are those of its segnalazione.
func (hs Holds) Stops(p Post, tags []string) (Hold, bool) {
	for _, h := range hs {
		if h.stops(p, tags) {
			return h, true
		}
	}
	return Hold{}, false
}

func (h Hold) stops(p Post, tags []string) bool {
	switch h.Scope {
	case ScopeAll:
		return true
	case ScopeNetwork:
		return h.Value == p.Network
	case ScopeChannel:
		return h.Value == p.Channel
	case ScopeCentre:
		return h.Value == p.Centre
	case ScopeTag:
		for _, t := range tags {
			if foldEqual(t, h.Value) {
				return true
			}
		}
		return false
	default:
		return true // a scope from a newer version: stopping too much is the safe side
	}
}
