// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"fmt"
	"time"
)

// Kind is what a segnalazione reports; DOMAIN section 7 lists them.
type Kind string

// The kinds.
const (
	KindOfferta     Kind = "offerta_lavoro"
	KindEvento      Kind = "evento"
	KindAttivita    Kind = "attivita"
	KindAvviso      Kind = "avviso"
	KindMisura      Kind = "misura"
	KindTestimonian Kind = "testimonianza"
	KindDiretta     Kind = "diretta"
)

// Kinds in the order in which a form offers them.
var Kinds = []Kind{KindOfferta, KindEvento, KindAttivita, KindAvviso, KindMisura, KindTestimonian, KindDiretta}

// SegState is where a segnalazione stands.
type SegState string

// The states of a segnalazione.
const (
	SegSubmitted        SegState = "submitted"
	SegChangesRequested SegState = "changes_requested"
	SegApproved         SegState = "approved"
	SegRejected         SegState = "rejected"
	SegWithdrawn        SegState = "withdrawn"
	SegExpired          SegState = "expired"
	SegErased           SegState = "erased"
)

// Content is what people write: everything that a revision may change.
type Content struct {
	Kind           Kind
	Title          string
	Body           string
	StartsAt       time.Time // zero: none; with the offset that was written
	EndsAt         time.Time
	ExpiresAt      time.Time // never published after it
	Place          string
	Link           string
	ContactEmail   string   // the office's; not published, not shown to a lettore
	Tags           []string // without '#'
	Media          []Media
	WantedChannels []string // as asked: ids of channels or names of networks
}

// Media is one image, video or captions file in the store.
type Media struct {
	Hash     string `json:"id"` // SHA-256 of the cleaned bytes, in hex: its name in the store
	Filename string `json:"filename"`
	Alt      string `json:"alt,omitempty"`
	Kind     string `json:"kind"` // image, video, captions
	MIME     string `json:"mime"`
	Bytes    int64  `json:"bytes"`
	Width    int    `json:"width,omitempty"`  // pixels
	Height   int    `json:"height,omitempty"` // pixels
}

// Segnalazione is one report by one centre: the unit of review.
type Segnalazione struct {
	ID     string
	Centre string
	State  SegState
	// Version counts the changes that make an open page stale; a comment does not.
	Version uint64
	Content
	Channels    []string  // ids of the channels that the wanted ones came to
	Marks       []Problem // what intake found and did not refuse: marks, fixes, notes
	Similar     []string  // ids of near-duplicates of the same centre
	ContentHash string    // of what was written, see HashContent
	Author      Actor
	SubmittedAt time.Time
	Revisers    []string // ids of the actors who revised since the last approval was voided
	Reason      string   // of the last rejection, withdrawal or request for changes
	Approval    *Approval
	Ever        []string // channels that were ever approved: where posts may exist
}

// Approval binds a yes to exactly what was approved.
type Approval struct {
	By       Actor
	At       time.Time
	Hash     string    // over all variants, see HashVariants
	Due      time.Time // wanted moment; zero: as soon as the channel's spacing allows
	Bend     bool      // Due may be moved by spacing
	Variants []Variant
	SelfMade bool // the approver wrote it, as the configuration of a one-person office allows
	// Edits are what the approver put in place of what channels would have got by default: those words were
	// read by one pair of eyes only, and the log says so.
	Edits []ApproverEdit
}

// ApproverEdit says that the variant of a channel is the approver's own.
type ApproverEdit struct {
	Channel     string
	What        []string // what differs from the default: the words below
	DefaultHash string   // of the parts that the channel would have got
}

// What an approver may change.
const (
	EditedText       = "text"
	EditedFormatting = "formatting"
	EditedMedia      = "media"
	EditedAlt        = "alt"
	EditedPreview    = "preview"
	EditedParts      = "parts" // how many requests it takes
)

// EditOf compares the parts that a channel gets with those that it would have got; nil: they are the same.
func EditOf(channel string, given, usual []Part) *ApproverEdit {
	if HashParts(given) == HashParts(usual) {
		return nil
	}
	e := &ApproverEdit{Channel: channel, DefaultHash: HashParts(usual)}
	if len(given) != len(usual) {
		e.What = append(e.What, EditedParts)
	}
	differs := func(what string, of func(Part) any) {
		var a, b []any
		for _, p := range given {
			a = append(a, of(p))
		}
		for _, p := range usual {
			b = append(b, of(p))
		}
		if fmt.Sprintf("%q", a) != fmt.Sprintf("%q", b) {
			e.What = append(e.What, what)
		}
	}
	differs(EditedText, func(p Part) any { return p.Text })
	differs(EditedFormatting, func(p Part) any { return p.Spans })
	differs(EditedMedia, func(p Part) any { return mediaOf(p, func(m Media) string { return m.Hash }) })
	differs(EditedAlt, func(p Part) any { return mediaOf(p, func(m Media) string { return m.Alt }) })
	differs(EditedPreview, func(p Part) any { return p.Preview })
	return e
}

func mediaOf(p Part, what func(Media) string) []string {
	out := make([]string, 0, len(p.Media))
	for _, m := range p.Media {
		out = append(out, what(m))
	}
	return out
}

// Variant is a segnalazione adapted to one channel, as it will go out.
type Variant struct {
	Channel string `json:"channel"`
	Network string `json:"network"`
	Parts   []Part `json:"parts"`
	Hash    string `json:"hash"` // of Parts, see HashParts
}

// Part is one publishing request: nearly always the only one of its post.
type Part struct {
	Text    string  `json:"text,omitempty"`
	Spans   []Span  `json:"spans,omitempty"`
	Media   []Media `json:"media,omitempty"`
	Preview bool    `json:"preview,omitempty"` // show a card of the first link
}

// Span marks a stretch of a part's text.
type Span struct {
	Kind   string `json:"kind"`   // bold, italic, link
	Offset int    `json:"offset"` // in bytes of the text, on a rune boundary
	Length int    `json:"length"` // in bytes
	URL    string `json:"url,omitempty"`
}

// Similarities and the like that a person must see are marks; HasMark finds one by its code.
func (s Segnalazione) HasMark(code string) bool {
	for _, m := range s.Marks {
		if m.Code == code {
			return true
		}
	}
	return false
}

// Variant finds the approved variant for a channel.
func (s Segnalazione) Variant(channel string) (Variant, bool) {
	if s.Approval == nil {
		return Variant{}, false
	}
	for _, v := range s.Approval.Variants {
		if v.Channel == channel {
			return v, true
		}
	}
	return Variant{}, false
}

// Publishable tells whether a post with this hash may go out on channel at now: approved, not
// expired, and approved as exactly this.
func (s Segnalazione) Publishable(channel, hash string, now time.Time) bool {
	v, ok := s.Variant(channel)
	return s.State == SegApproved && ok && v.Hash == hash && !s.ExpiredAt(now)
}

// ExpiredAt tells whether now is past the expiry.
func (s Segnalazione) ExpiredAt(now time.Time) bool {
	return !s.ExpiresAt.IsZero() && now.After(s.ExpiresAt)
}
