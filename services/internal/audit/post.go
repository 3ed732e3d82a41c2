// SPDX-License-Identifier: AGPL-3.0-or-later

package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// postSeen is what is remembered of a post.
type postSeen struct {
	state  palinsesto.PostState
	at     time.Time // of its newest event
	number int       // of the newest intent
	out    []bool    // parts that are out
	hash   string
	// open is an intent without a verdict, or whose verdict is that nobody knows.
	open    bool
	stopped string // why the open intent must not have led to a call; empty: it may
	code    string // of that breach
	hold    string // that made it so, if one did
	// again says why what was sent again under the same key must not have been; empty: it may.
	again, againCode string
}

func (a *auditor) post(r bus.Record, address contract.Address, e contract.Event[palinsesto.Post]) {
	p, was := e.State, a.posts[r.Subject]
	event := palinsesto.PostEvent(r.Event)
	if p.ID != address.ID || p.Channel != address.Owner {
		a.elsewhere(r, p.Channel+"."+p.ID)
	}
	if !event.May(was.state, p.State) {
		a.breach(CodeOrder, at(r), fmt.Sprintf("Da %q a %q non si passa con questo evento.", was.state, p.State),
			fmt.Sprintf("This event does not lead from %q to %q.", was.state, p.State))
	}
	now := was
	now.state, now.at, now.hash = p.State, r.Time, p.Hash
	now.out = make([]bool, len(p.Parts))
	for i, part := range p.Parts {
		now.out[i] = part.Posted
	}
	switch event {
	case palinsesto.PostWasPublishing:
		now = a.intent(r, was, now, p)
	case palinsesto.PostWasUncertain:
		now.open = true
		// Without an intent only a log that was put back leads there.
		if was.state != palinsesto.PostPublishing && e.Envelope.Actor.ID != palinsesto.Room("restore").ID {
			a.breach(CodeOrder, at(r), "Incerto senza un'intenzione.", "Uncertain without an intent.")
		}
	case palinsesto.PostWasResolved:
		if !e.Envelope.Actor.IsRoom() {
			a.allowed(r, e.Envelope.Actor, palinsesto.ActOperate, p.Centre)
		}
		// What a person made by hand on the network, or approved again, has no attempt to settle.
		if was.state == palinsesto.PostUncertain && (p.Attempt == nil || p.Attempt.Settled == "") {
			a.breach(CodeTwice, at(r), "Un tentativo incerto è stato chiuso senza dire su quale base.", "An uncertain attempt was settled without saying by what.")
		}
		now = now.settled()
	case palinsesto.PostWasChecked:
		now.again, now.againCode = "", ""
		if p.Resending() {
			now.againCode, now.again = a.forbidden(p)
		}
	case palinsesto.PostWasEditing:
		now = a.editing(r, was, now, p)
	case palinsesto.PostWasPosted, palinsesto.PostWasEdited, palinsesto.PostWasPrepared, palinsesto.PostWasRetrying, palinsesto.PostWasFailed,
		palinsesto.PostWasHeld, palinsesto.PostWasCancelled, palinsesto.PostWasMissed:
		a.verdict(r, was, p)
		now = now.settled()
	default:
		// Everything else decides nothing about an attempt.
	}
	a.posts[r.Subject] = now
}

func (s postSeen) settled() postSeen {
	s.open, s.stopped, s.code, s.hold, s.again, s.againCode = false, "", "", "", "", ""
	return s
}

// intent checks the one event after which a call may be made.
func (a *auditor) intent(r bus.Record, was, now postSeen, p palinsesto.Post) postSeen {
	if was.open {
		a.breach(CodeTwice, at(r), "Un secondo tentativo mentre il primo potrebbe essere uscito.", "A second intent while the first may have been published.")
	}
	now.open = true
	t := p.Attempt
	if t == nil || t.Verdict != "" {
		a.breach(CodeOrder, at(r), "L'intenzione non ha un tentativo aperto.", "The intent has no open attempt.")
		return now
	}
	if t.Number <= was.number {
		a.breach(CodeTwice, at(r), fmt.Sprintf("Il tentativo %d c'era già.", t.Number), fmt.Sprintf("Attempt %d was there already.", t.Number))
	}
	if was.hash == p.Hash && t.Part < len(was.out) && was.out[t.Part] {
		a.breach(CodeTwice, at(r), fmt.Sprintf("La parte %d era già uscita.", t.Part+1), fmt.Sprintf("Part %d was out already.", t.Part+1))
	}
	if t.Hash != p.Hash {
		a.breach(CodeContent, at(r), "Il tentativo non riguarda il contenuto approvato.", "The attempt is not of the approved content.")
	}
	now.number = t.Number
	now.code, now.stopped = a.forbidden(p)
	now.hold = a.heldBy(p)
	return now
}

// editing is an edit that was asked for, or its intent, or the verdict after which it is tried again.
func (a *auditor) editing(r bus.Record, was, now postSeen, p palinsesto.Post) postSeen {
	if !p.Open() {
		a.verdict(r, was, p)
		return now.settled()
	}
	if p.Attempt.Number != was.number { // else another edit was asked for while this one was under way
		now.number = p.Attempt.Number
		now.code, now.stopped = a.forbidden(p)
		now.hold = a.heldBy(p)
	}
	return now
}

// forbidden says what, on the log before this intent, must have kept it from leading to a call. It is
// no breach that the intent stands: the second look comes after it.
func (a *auditor) forbidden(p palinsesto.Post) (code, why string) {
	s, known := a.segs[p.Segnalazione]
	switch {
	case !known:
		return CodeVoid, "la segnalazione non c'è"
	case s.state != palinsesto.SegApproved:
		return CodeVoid, "la segnalazione era " + string(s.state)
	case s.hashes[p.Channel] != p.Attempt.Hash:
		return CodeContent, "questo contenuto non era approvato"
	case !s.expires.IsZero() && p.Attempt.Intended.After(s.expires):
		return CodeVoid, "la segnalazione era scaduta"
	case a.closed[p.Channel]:
		return CodeStopped, "il canale era fermo"
	}
	if id := a.heldBy(p); id != "" {
		return CodeStopped, "c'era il fermo " + id
	}
	return "", ""
}

func (a *auditor) heldBy(p palinsesto.Post) string {
	h, _ := a.holds.Stops(p, a.segs[p.Segnalazione].tags)
	return h.ID
}

// goesOn tells whether what stood in the way of an intent is gone by now: the second look may have come
// after that, and then the call was right.
func (a *auditor) goesOn(was postSeen, channel string) bool {
	stands := slices.ContainsFunc(a.holds, func(h palinsesto.Hold) bool { return h.ID == was.hold })
	return was.code == CodeStopped && !stands && !a.closed[channel]
}

// verdict checks what became of an attempt: that it had an intent, and that a forbidden one led to no call.
func (a *auditor) verdict(r bus.Record, was postSeen, p palinsesto.Post) {
	posted := p.State == palinsesto.PostPosted && r.Event == string(palinsesto.PostWasPosted)
	if posted && (p.Attempt == nil || !was.open) {
		a.breach(CodeTwice, at(r), "Uscito senza un'intenzione.", "Posted without an intent.")
	}
	edited := r.Event == string(palinsesto.PostWasEdited)
	if was.stopped != "" && (posted || edited || called(p)) && !a.goesOn(was, p.Channel) {
		a.breach(was.code, at(r), "È stato inviato benché prima dell'intenzione "+was.stopped+".", "A call was made although it was forbidden before the intent.")
	}
	if posted && was.state == palinsesto.PostUncertain && p.Attempt != nil {
		a.bySomething(r, was, *p.Attempt)
	}
	if seg, ok := a.segs[p.Segnalazione]; posted && (!ok || !seg.ever[p.Channel+" "+p.Hash]) {
		a.breach(CodeContent, at(r), "Ciò che è uscito non è mai stato approvato.", "What went out was never approved.")
	}
}

// bySomething checks that an uncertain attempt became a post on evidence, and that what was sent again under
// its key was not sent under a stop.
func (a *auditor) bySomething(r bus.Record, was postSeen, t palinsesto.Attempt) {
	if t.Settled == "" {
		a.breach(CodeTwice, at(r), "Un tentativo incerto è stato chiuso senza dire su quale base.", "An uncertain attempt was settled without saying by what.")
	}
	if was.again != "" && t.Settlement != nil && t.Settlement.By == palinsesto.SettledByKey {
		a.breach(was.againCode, at(r), "È stato inviato di nuovo benché prima "+was.again+".", "It was sent again although that was forbidden before.")
	}
}

// called: only an answer of the network has a status.
func called(p palinsesto.Post) bool { return p.Attempt != nil && p.Attempt.Status != 0 }

// stuckAfter is how long a post may stand in a state that the house itself has to move on, counted on
// the log's own time: how long the house was stopped does not matter.
const stuckAfter = 24 * time.Hour

// stuck marks what nobody moves on. It is a mark and no breach: the house may have been stopped all that time.
func (a *auditor) stuck() {
	for subject, p := range a.posts {
		switch p.state {
		case palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostEditing, palinsesto.PostRemoving:
			if a.last.Sub(p.at) > stuckAfter {
				a.tell(palinsesto.Problem{Code: CodeStuck, Level: palinsesto.LevelMark, Field: subject,
					Text:   fmt.Sprintf("È %s da più di un giorno: avviare la casa, o guardare perché nessuno lo prende.", p.state),
					TextEN: fmt.Sprintf("It is %s for more than a day: start the house, or see why nobody takes it.", p.state)})
			}
		default:
			// Final, waiting for its moment, or for a person.
		}
	}
}
