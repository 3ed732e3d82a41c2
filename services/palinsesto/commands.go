// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import "time"

// Commands are what people ask for. Each names its actor and its own id: a command that is sent again
// after a lost answer is recognised by the id and done once.

// Command is what all commands have.
type Command struct {
	ID    string // UUID, made by whoever asks first
	Actor Actor
	Trace string // W3C traceparent, may be empty
}

// Submit brings a new segnalazione.
type Submit struct {
	Command
	Key      string // Idempotency-Key; empty: none
	Document []byte // JSON as received: intake tells all that is wrong with it at once
}

// Revise replaces what was written.
type Revise struct {
	Command
	SegnalazioneID string
	Version        uint64 // that the page showed; 0 is refused
	Document       []byte
	Reason         string
}

// Approve says yes to exactly what the page showed.
type Approve struct {
	Command
	SegnalazioneID string
	Version        uint64
	Due            time.Time // zero: as soon as spacing allows
	Bend           bool
	Variants       []Variant // replaces the default of their channel; only Channel and Parts are read
	Reason         string
}

// Decide is one of the decisions that carry nothing but a reason: reject, request-changes, withdraw, comment.
type Decide struct {
	Command
	SegnalazioneID string
	Version        uint64 // 0 is allowed for withdraw and comment
	Reason         string
}

// PostCommand names one post: requeue, cancel, resolve, remove.
type PostCommand struct {
	Command
	PostID  string
	Due     time.Time // requeue, resolve: when; zero: as soon as spacing allows
	Reason  string
	Outcome string // resolve: "out" or "not_out"; "done": what was left to a person was made by hand
	Link    string // resolve, out: where it stands
}

// PostFilter chooses posts; empty fields do not narrow.
type PostFilter struct {
	State        PostState
	Channel      string
	Centre       string
	Cause        string
	Segnalazione string
}

// RequeueMany re-queues all posts that a filter finds.
type RequeueMany struct {
	Command
	Filter  PostFilter
	Preview bool // say what would happen, change nothing
	Reason  string
}

// Requeued is one line of the answer to RequeueMany.
type Requeued struct {
	Post    string    `json:"post"`
	Channel string    `json:"channel"`
	Title   string    `json:"title"`
	Due     time.Time `json:"due,omitzero"`
	Refused string    `json:"refused,omitempty"` // why not
}

// PlaceHold stops, LiftHold goes on.
type PlaceHold struct {
	Command
	Scope  Scope
	Value  string
	Reason string
}

// LiftHold lifts one hold.
type LiftHold struct {
	Command
	HoldID string
	Reason string
}

// Stopped is the answer to PlaceHold.
type Stopped struct {
	Hold     Hold
	InFlight []string // posts whose intent is older than the hold
}

// SetChannel pauses, resumes or declares reconnected.
type SetChannel struct {
	Command
	Channel string
	Reason  string
}

// TestChannel has a marked message published, once.
type TestChannel struct {
	Command
	Channel string
	Reason  string
	Keep    bool // leave it on the channel
}

// AcceptMedia asks the media room to clean what was uploaded under a temporary name.
type AcceptMedia struct {
	Command
	Upload   string // name in the bucket of uploads
	Filename string
	Alt      string
}

// DeriveMedia asks for what a network takes, made from the cleaned original.
type DeriveMedia struct {
	Command
	Media   Media
	Network string
}
