// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import "slices"

// PostEvent is what happens to a post: the name in the header of the log's message.
type PostEvent string

// The events of a post, in the order in which they usually happen.
const (
	PostWasPlanned    PostEvent = "planned"
	PostWasQueued     PostEvent = "queued"
	PostWasDue        PostEvent = "due"
	PostWasPrepared   PostEvent = "prepared"
	PostWasPublishing PostEvent = "publishing"
	PostWasPosted     PostEvent = "posted"
	PostWasRetrying   PostEvent = "retrying"
	PostWasFailed     PostEvent = "failed"
	PostWasUncertain  PostEvent = "uncertain"
	PostWasChecked    PostEvent = "checked"
	PostWasResolved   PostEvent = "resolved"
	PostWasMissed     PostEvent = "missed"
	PostWasHeld       PostEvent = "held"
	PostWasRequeued   PostEvent = "requeued"
	PostWasCancelled  PostEvent = "cancelled"
	PostWasEditing    PostEvent = "editing"
	PostWasEdited     PostEvent = "edited"
	PostWasRemoving   PostEvent = "removing"
	PostWasRemoved    PostEvent = "removed"
	PostWasErased     PostEvent = "erased"
)

// step is one row of the table: from any of these states, to any of those.
type step struct{ from, to []PostState }

// waiting are the states of a post that has not been tried, or not with success, and may still go out.
var waiting = []PostState{PostPlanned, PostQueued, PostDue, PostRetrying, PostHeld, PostMissed, PostFailed}

// postSteps is the whole life of a post. The empty state is a post that does not exist yet.
var postSteps = map[PostEvent]step{
	PostWasPlanned: {[]PostState{""}, []PostState{PostPlanned}},
	// Queued again: a new approval, another time, a lifted hold, room made by spacing. What was removed
	// goes out again only by a newer approval.
	PostWasQueued: {append([]PostState{"", PostCancelled, PostRemoved}, waiting...), []PostState{PostQueued}},
	// Due again: the sweep found a due post that nobody took up.
	PostWasDue: {[]PostState{PostQueued, PostRetrying, PostDue}, []PostState{PostDue}},
	// Prepared: something must be known later, or a part is out and the next one waits.
	PostWasPrepared:   {[]PostState{PostDue, PostPublishing, PostUncertain}, []PostState{PostDue}},
	PostWasPublishing: {[]PostState{PostDue}, []PostState{PostPublishing}},
	PostWasPosted:     {[]PostState{PostPublishing, PostUncertain}, []PostState{PostPosted}},
	PostWasRetrying:   {[]PostState{PostDue, PostPublishing, PostUncertain}, []PostState{PostRetrying}},
	// Failed: of a post, or of a change to one that is out and stays out, such as one that is for a person
	// from the start.
	PostWasFailed: {[]PostState{PostDue, PostPublishing, PostUncertain, PostEditing, PostRemoving, PostPosted, PostEdited},
		[]PostState{PostFailed, PostPosted}},
	// Uncertain without an intent: the log was put back, and it may have gone out since the copy was taken.
	PostWasUncertain: {append([]PostState{PostPublishing}, waiting...), []PostState{PostUncertain}},
	// Checked: it was looked for on the network, or is sent again under the same key; nobody knows more yet.
	PostWasChecked: {[]PostState{PostUncertain}, []PostState{PostUncertain}},
	// Resolved: it is out (posted, or due for the next part), or it is not (queued again, or cancelled when
	// it may not go out any more). Of what was left to a person: it was done by hand.
	PostWasResolved: {[]PostState{PostUncertain, PostPosted, PostFailed, PostCancelled},
		[]PostState{PostPosted, PostDue, PostQueued, PostCancelled, PostEdited, PostRemoved}},
	// Missed: also what was to be queued, when its channel has no moment for it.
	PostWasMissed:   {append([]PostState{"", PostCancelled, PostRemoved, PostPublishing}, waiting...), []PostState{PostMissed}},
	PostWasHeld:     {[]PostState{PostQueued, PostRetrying, PostDue, PostPublishing}, []PostState{PostHeld}},
	PostWasRequeued: {[]PostState{PostFailed, PostMissed}, []PostState{PostQueued}},
	// Cancelled while publishing: the second look found a withdrawal, no call was made.
	PostWasCancelled: {append([]PostState{PostPublishing}, waiting...), []PostState{PostCancelled}},
	PostWasEditing:   {[]PostState{PostPosted, PostEdited, PostEditing}, []PostState{PostEditing}},
	PostWasEdited:    {[]PostState{PostEditing}, []PostState{PostEdited}},
	// Removing from a state of waiting: an earlier part is out, and the rest will not follow.
	PostWasRemoving: {append([]PostState{PostPosted, PostEdited, PostEditing, PostRemoving, PostCancelled}, waiting...),
		[]PostState{PostRemoving}},
	PostWasRemoved: {[]PostState{PostRemoving}, []PostState{PostRemoved}},
}

// May tells whether event may bring a post from one state to the other. Erasure may come at any time.
func (e PostEvent) May(from, to PostState) bool {
	if e == PostWasErased {
		return to == PostErased
	}
	s, ok := postSteps[e]
	return ok && slices.Contains(s.from, from) && slices.Contains(s.to, to)
}

// SegEvent is what happens to a segnalazione.
type SegEvent string

// The events of a segnalazione.
const (
	SegWasSubmitted        SegEvent = "submitted"
	SegWasChangesRequested SegEvent = "changes_requested"
	SegWasRevised          SegEvent = "revised"
	SegWasApproved         SegEvent = "approved"
	SegWasRejected         SegEvent = "rejected"
	SegWasWithdrawn        SegEvent = "withdrawn"
	SegWasExpired          SegEvent = "expired"
	SegWasCommented        SegEvent = "commented"
	SegWasErased           SegEvent = "erased"
)

type segStep struct {
	from []SegState
	to   SegState
}

var segSteps = map[SegEvent]segStep{
	SegWasSubmitted:        {[]SegState{""}, SegSubmitted},
	SegWasChangesRequested: {[]SegState{SegSubmitted, SegChangesRequested}, SegChangesRequested},
	// Revised after approval: the approval is void, the segnalazione waits for a decision again.
	SegWasRevised:   {[]SegState{SegSubmitted, SegChangesRequested, SegApproved}, SegSubmitted},
	SegWasApproved:  {[]SegState{SegSubmitted}, SegApproved},
	SegWasRejected:  {[]SegState{SegSubmitted, SegChangesRequested}, SegRejected},
	SegWasWithdrawn: {[]SegState{SegSubmitted, SegChangesRequested, SegApproved, SegExpired}, SegWithdrawn},
	SegWasExpired:   {[]SegState{SegSubmitted, SegChangesRequested, SegApproved}, SegExpired},
}

// To is the state that event leads to from a state; ok is false when it may not happen there.
func (e SegEvent) To(from SegState) (to SegState, ok bool) {
	switch e {
	case SegWasCommented:
		return from, from != "" && from != SegErased
	case SegWasErased:
		return SegErased, from != ""
	default:
		s, known := segSteps[e]
		return s.to, known && slices.Contains(s.from, from)
	}
}
