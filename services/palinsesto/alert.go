// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"slices"
	"time"
)

// Alert is one cause that operators are told of: once, however many things it befell. Its id is made of
// kind, scope and cause, so that the same trouble coming back is the same alert, raised again.
type Alert struct {
	ID       string
	Kind     AlertKind
	Scope    string // what it befell: a channel, a room; empty: the house
	Cause    string // a short code, such as the cause of the posts
	State    AlertState
	Count    int      // how many things, when it was last told
	Examples []string // some of them, by id
	Detail   string   // what was found, as a sentence
	Raised   time.Time
	Over     time.Time // zero while it stands
	// Message numbers what is said about it, over all times that it was raised. A way of telling that was
	// told a lower number is behind and says the newest.
	Message uint64
	Decided time.Time // when that message was decided
	Ways    []AlertWay
}

// AlertWay is how far one way of telling, such as mail, has come.
type AlertWay struct {
	Way    string
	Told   uint64 // number of the newest message that it told
	Worker string // who is telling now; empty: nobody
}

// AlertKind is what an alert is about.
type AlertKind string

// The kinds of alert.
const (
	AlertFailed     AlertKind = "post.failed"
	AlertUncertain  AlertKind = "post.uncertain"
	AlertMissed     AlertKind = "post.missed"
	AlertHand       AlertKind = "post.hand" // anything else about posts that needs a person
	AlertReconnect  AlertKind = "channel.needs_reconnect"
	AlertNothingDue AlertKind = "day.nothing_due"
	AlertRoom       AlertKind = "house.room"
	AlertIndex      AlertKind = "house.index"
	AlertDisk       AlertKind = "house.disk"
	AlertClock      AlertKind = "house.clock"
	AlertBackup     AlertKind = "house.backup"
	AlertDead       AlertKind = "house.dead_letters"
	AlertLog        AlertKind = "house.log"
)

// AlertKinds are all kinds, in the order of the handbook.
func AlertKinds() []AlertKind {
	return []AlertKind{AlertFailed, AlertUncertain, AlertMissed, AlertHand, AlertReconnect, AlertNothingDue,
		AlertRoom, AlertIndex, AlertDisk, AlertClock, AlertBackup, AlertDead, AlertLog}
}

// AlertState is whether an alert stands.
type AlertState string

// The states of an alert.
const (
	AlertOpen AlertState = "open"
	AlertOver AlertState = "over"
)

// The events of an alert.
const (
	AlertWasRaised   = "raised"
	AlertWasGrown    = "grown"
	AlertWasReminded = "reminded"
	AlertWasOver     = "over"
	AlertWasTelling  = "telling" // somebody has taken the message to tell it one way
	AlertWasTold     = "told"
)

// AlertID is the id of the alert of a cause.
func AlertID(kind AlertKind, scope, cause string) string {
	return DeriveID("alert", string(kind), scope, cause)
}

// Way is how far a way has come; ok is false where the alert does not know it.
func (a Alert) Way(name string) (w AlertWay, ok bool) {
	for _, w := range a.Ways {
		if w.Way == name {
			return w, true
		}
	}
	return AlertWay{}, false
}

// Behind tells whether a way has something to tell.
func (a Alert) Behind(name string) bool {
	w, ok := a.Way(name)
	return ok && w.Told < a.Message
}

// SetWay is a with one way changed.
func (a Alert) SetWay(w AlertWay) Alert {
	a.Ways = slices.Clone(a.Ways)
	i := slices.IndexFunc(a.Ways, func(x AlertWay) bool { return x.Way == w.Way })
	if i < 0 {
		a.Ways = append(a.Ways, w)
	} else {
		a.Ways[i] = w
	}
	return a
}

// Say is a with a new message to be told by these ways. A way that is new here is not told what was said
// before it; one that is gone is forgotten.
func (a Alert) Say(now time.Time, ways []string) Alert {
	next := make([]AlertWay, 0, len(ways))
	for _, name := range ways {
		w, ok := a.Way(name)
		if !ok {
			w = AlertWay{Way: name, Told: a.Message}
		}
		next = append(next, w)
	}
	a.Ways, a.Decided = next, now
	a.Message++
	return a
}
