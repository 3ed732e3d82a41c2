// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"slices"
	"time"
)

// PostState is where a post stands; states.go has the table of what may follow what.
type PostState string

// The states of a post.
const (
	PostPlanned    PostState = "planned"
	PostQueued     PostState = "queued"
	PostDue        PostState = "due"
	PostPublishing PostState = "publishing"
	PostPosted     PostState = "posted"
	PostRetrying   PostState = "retrying"
	PostFailed     PostState = "failed"
	PostUncertain  PostState = "uncertain"
	PostMissed     PostState = "missed"
	PostHeld       PostState = "held"
	PostCancelled  PostState = "cancelled"
	PostEditing    PostState = "editing"
	PostEdited     PostState = "edited"
	PostRemoving   PostState = "removing"
	PostRemoved    PostState = "removed"
	PostErased     PostState = "erased"
)

// Post is one variant on its way to one channel: the unit of publishing. Its content stands in the
// approval of its segnalazione, named by Hash.
type Post struct {
	ID           string
	Segnalazione string
	Centre       string
	Channel      string
	Network      string
	Kind         Kind
	Title        string // of the segnalazione, cut for lists
	Occurrence   int
	State        PostState
	// Approved is the version of the segnalazione whose approval this post carries out: an older
	// approval, delivered late, changes nothing.
	Approved uint64
	Hash     string    // of the approved variant
	Due      time.Time // when it is to go out
	FirstDue time.Time // from when the grace counts; our own spacing moves it along with Due
	Bend     bool      // Due may be moved by spacing
	Expires  time.Time // of the segnalazione; zero: never
	Parts    []PartState
	Attempt  *Attempt // the newest, also of an edit or a removal; the history has the older ones
	Attempts int      // how many there were
	Retries  int      // of the current due time, or of the change under way: what back-off counts
	Cause    string   // why it needs a hand, a short code to group by; empty: it does not
	Problem  string   // the same as a sentence for people
	Hold     string   // id of the hold that keeps it, when held
	Link     string   // of the first part on the network
	PostedAt time.Time
	Change   *Change // an edit or removal under way or failed
}

// PartState is what became of one part.
type PartState struct {
	Posted    bool
	RemoteIDs []string // an album has one per item
	Link      string
}

// Attempt is one try to publish one part, or to change all that is out: the intent, and what it came to.
type Attempt struct {
	Number   int // counts all attempts of the post, from 1
	Part     int
	Key      string // idempotency key: the same for every try of this part of this content
	Hash     string // of the approved variant
	Worker   string // who wrote the intent: the process, new at every start
	Intended time.Time
	Lasts    time.Duration // from Intended until the call has surely ended: call deadline and timeout
	Verdict  string        // empty while open; else one of the verdicts of package channel, "stopped", or "done" of a change
	Status   int           // HTTP status, 0 without an answer
	Took     time.Duration
	Raw      string // the network's answer, bounded and without secrets
	Settled  string // how an uncertain attempt was settled: by whom, or by what evidence
	// Settlement says the same for programs; nil also for what was settled before there was one.
	Settlement *Settlement
	Check      *Check // the newest look for it on the network, while it is uncertain
}

// Change is an edit or a removal on the network.
type Change struct {
	Kind    string // edit, remove
	Hash    string // of the variant that it is edited to
	By      Actor
	Reason  string
	Tries   int    // how often it was asked for again, since nobody had taken it up
	Problem string // why it did not come about; a person then does it by hand
	Cause   string
}

// NextPart is the first part that is not out; len(Parts) when all are.
func (p Post) NextPart() int {
	for i, x := range p.Parts {
		if !x.Posted {
			return i
		}
	}
	return len(p.Parts)
}

// AnyOut tells whether a part is out.
func (p Post) AnyOut() bool {
	for _, x := range p.Parts {
		if x.Posted {
			return true
		}
	}
	return false
}

// StandsAt tells whether a part of p is out at an address, or under a network's name of it that is not empty.
func (p Post) StandsAt(link, remote string) bool {
	return slices.ContainsFunc(p.Parts, func(x PartState) bool {
		return x.Posted && (x.Link == link || remote != "" && slices.Contains(x.RemoteIDs, remote))
	})
}

// Wanted is the hash of what the network shows, or will once the edit that was asked for is made.
func (p Post) Wanted() string {
	if p.Change != nil && p.Change.Kind == "edit" {
		return p.Change.Hash
	}
	return p.Hash
}

// Open tells whether an attempt stands without a verdict.
func (p Post) Open() bool { return p.Attempt != nil && p.Attempt.Verdict == "" }

// InFlight tells whether an intent stands whose call may be under way and that a stop would have kept
// back: of p itself, of an edit, or of what is sent again under the same key. A removal is allowed under
// any stop.
func (p Post) InFlight() bool {
	return p.State == PostPublishing || p.State == PostEditing && p.Open() || p.State == PostUncertain && p.Resending()
}

// Final tells whether nothing of the house moves p on by itself.
func (p Post) Final() bool {
	switch p.State {
	case PostPosted, PostEdited, PostRemoved, PostCancelled, PostErased, PostFailed, PostMissed, PostUncertain:
		return true
	default:
		return false
	}
}

// NeedsHand tells whether a person has to look at p. What the house moves on by itself does not need one,
// whatever it waits for; kept back with a cause it does, since its channel has to be reconnected.
func (p Post) NeedsHand() bool {
	switch p.State {
	case PostFailed, PostUncertain, PostMissed:
		return true
	case PostPosted, PostEdited, PostRemoved, PostCancelled, PostHeld:
		return p.Cause != ""
	default:
		return false
	}
}

// Late tells whether the grace is over at now.
func (p Post) Late(now time.Time, grace time.Duration) bool { return now.Sub(p.FirstDue) > grace }

// Miss is p after its moment passed.
func (p Post) Miss(expired bool) Post {
	if expired {
		return p.MissFor("expired", "La segnalazione è scaduta: non si pubblica più.")
	}
	return p.MissFor("late", "Il momento approvato è passato da troppo tempo: decidere se rimettere in coda o lasciar perdere.")
}

// MissFor is p when it cannot go out at its moment, and why.
func (p Post) MissFor(cause, problem string) Post {
	p.State, p.Hold, p.Cause, p.Problem = PostMissed, "", cause, problem
	return p
}

// Cancel is p after it was taken back before it went out. Where an earlier part is out already, a person
// has to be told: nobody looks for a cancelled post on the network.
func (p Post) Cancel() Post {
	p.State, p.Hold, p.Cause, p.Problem = PostCancelled, "", "", ""
	if p.AnyOut() {
		p.Cause = "half_out"
		p.Problem = "Il post è annullato, ma una sua parte è già sul canale: toglierla da lì, poi segnare il post come fatto."
	}
	return p
}

// HoldBy is p kept back by a hold.
func (p Post) HoldBy(hold string) Post {
	p.State, p.Hold = PostHeld, hold
	return p
}

// HoldOfChannel names the stop that a channel itself is while it takes no posts.
func HoldOfChannel(channel string) string { return "channel:" + channel }

// PartOut is p after one part is out: due again while parts are left, else posted.
func (p Post) PartOut(part int, out PartState, at time.Time) Post {
	p.Parts = append([]PartState(nil), p.Parts...)
	out.Posted = true
	p.Parts[part] = out
	p.Cause, p.Problem, p.Retries = "", "", 0
	if part == 0 {
		p.Link = out.Link
	}
	if p.NextPart() < len(p.Parts) {
		p.State = PostDue
		return p
	}
	p.State, p.PostedAt = PostPosted, at
	return p
}
