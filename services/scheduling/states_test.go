// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// attempt gives a post the traces of an attempt that began so long ago.
func attempt(p palinsesto.Post, ago time.Duration) palinsesto.Post {
	p.Attempts = 1
	p.Attempt = &palinsesto.Attempt{Number: 1, Hash: p.Hash, Worker: "w1", Intended: time.Now().Add(-ago), Lasts: 70 * time.Second}
	return p
}

// long is when every attempt of the tests has surely ended.
const long = time.Hour

// as gives a post a state with all that belongs to it.
func as(p palinsesto.Post, state palinsesto.PostState) palinsesto.Post {
	p.State = state
	switch state {
	case palinsesto.PostPublishing, palinsesto.PostUncertain:
		p = attempt(p, long)
	case palinsesto.PostPosted, palinsesto.PostEdited, palinsesto.PostEditing, palinsesto.PostRemoving, palinsesto.PostRemoved:
		p = attempt(p, long)
		p.PostedAt = time.Now()
		for i := range p.Parts {
			p.Parts[i] = palinsesto.PartState{Posted: true, RemoteIDs: []string{"1"}}
		}
	case palinsesto.PostHeld:
		p.Hold = "h"
	case palinsesto.PostFailed, palinsesto.PostMissed:
		p.Cause = "rete.prova"
	default:
	}
	switch state {
	case palinsesto.PostEditing:
		p.Change = &palinsesto.Change{Kind: "edit", Hash: variant(p.Channel, "in corso").Hash}
	case palinsesto.PostRemoving:
		p.Change = &palinsesto.Change{Kind: "remove"}
	default:
	}
	return p
}

var states = []palinsesto.PostState{
	palinsesto.PostPlanned, palinsesto.PostQueued, palinsesto.PostDue, palinsesto.PostPublishing, palinsesto.PostPosted,
	palinsesto.PostRetrying, palinsesto.PostFailed, palinsesto.PostUncertain, palinsesto.PostMissed, palinsesto.PostHeld,
	palinsesto.PostCancelled, palinsesto.PostEditing, palinsesto.PostEdited, palinsesto.PostRemoving, palinsesto.PostRemoved,
	palinsesto.PostErased,
}
