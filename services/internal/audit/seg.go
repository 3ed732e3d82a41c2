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

// segSeen is what is remembered of a segnalazione.
type segSeen struct {
	subject string
	state   palinsesto.SegState
	expires time.Time
	tags    []string
	// hashes that are approved now, by channel.
	hashes map[string]string
	// ever has every hash that was ever approved: a post that is out shows one of them.
	ever map[string]bool
}

func (a *auditor) seg(r bus.Record, address contract.Address, e contract.Event[palinsesto.Segnalazione]) {
	s, was := e.State, a.segs[e.State.ID]
	if s.ID != address.ID || s.Centre != address.Owner {
		a.elsewhere(r, s.Centre+"."+s.ID)
	}
	if was.subject != "" && was.subject != r.Subject {
		a.breach(CodeOrder, at(r), "La stessa segnalazione sta su due soggetti.", "One segnalazione on two subjects.")
	}
	event := palinsesto.SegEvent(r.Event)
	// What lies before an erasure is purged: an erased one may begin there.
	to, ok := event.To(was.state)
	if erased := event == palinsesto.SegWasErased && s.State == palinsesto.SegErased; !erased && (!ok || to != s.State) {
		a.breach(CodeOrder, at(r), fmt.Sprintf("Da %q a %q non si passa con questo evento.", was.state, s.State),
			fmt.Sprintf("This event does not lead from %q to %q.", was.state, s.State))
	}
	a.actor(r, e)
	now := segSeen{subject: r.Subject, state: s.State, expires: s.ExpiresAt, tags: s.Tags, ever: was.ever}
	if event == palinsesto.SegWasApproved {
		a.approval(r, s)
	}
	if s.Approval != nil {
		now.hashes = make(map[string]string, len(s.Approval.Variants))
		for _, v := range s.Approval.Variants {
			now.hashes[v.Channel] = v.Hash
			if !now.ever[v.Channel+" "+v.Hash] {
				if now.ever == nil {
					now.ever = map[string]bool{}
				}
				now.ever[v.Channel+" "+v.Hash] = true
			}
		}
	}
	a.segs[s.ID] = now
}

// actor checks who did it against the table of roles.
func (a *auditor) actor(r bus.Record, e contract.Event[palinsesto.Segnalazione]) {
	switch palinsesto.SegEvent(r.Event) {
	case palinsesto.SegWasSubmitted, palinsesto.SegWasRevised, palinsesto.SegWasWithdrawn:
		a.allowed(r, e.Envelope.Actor, palinsesto.ActSubmit, e.State.Centre)
	case palinsesto.SegWasApproved, palinsesto.SegWasRejected, palinsesto.SegWasChangesRequested:
		a.allowed(r, e.Envelope.Actor, palinsesto.ActReview, e.State.Centre)
	default:
		// Whoever sees a segnalazione comments on it; it expires by itself; erasure is the administrator's act.
	}
}

// approval checks that a yes is bound to exactly what it covers, and that it is somebody else's.
func (a *auditor) approval(r bus.Record, s palinsesto.Segnalazione) {
	if s.Approval == nil {
		a.breach(CodeContent, at(r), "Approvata senza dire che cosa.", "Approved without saying what.")
		return
	}
	for _, v := range s.Approval.Variants {
		if palinsesto.HashParts(v.Parts) != v.Hash {
			a.breach(CodeContent, at(r), "L'impronta della variante per "+v.Channel+" non è quella del suo contenuto.", "The hash of the variant for "+v.Channel+" is not that of its content.")
		}
	}
	if palinsesto.HashVariants(s.Approval.Variants) != s.Approval.Hash {
		a.breach(CodeContent, at(r), "L'impronta dell'approvazione non copre le varianti.", "The approval's hash does not cover the variants.")
	}
	by := s.Approval.By.ID
	if own := by == s.Author.ID || slices.Contains(s.Revisers, by); own && !s.Approval.SelfMade {
		a.breach(CodeRole, at(r), "Ha approvato chi l'ha scritta.", "Approved by who wrote it.")
	}
}
