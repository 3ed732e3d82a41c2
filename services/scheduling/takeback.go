// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// gone tells whether a segnalazione was taken back for good, with all that is out of it.
func gone(seg palinsesto.Segnalazione) bool {
	return seg.State == palinsesto.SegWithdrawn || seg.State == palinsesto.SegErased
}

// takeBack cancels what is not out, then gives its moment back, and of what was withdrawn removes what is out.
func (s *Service) takeBack(ctx context.Context, seg palinsesto.Segnalazione, cur post) (post, error) {
	p := cur.State
	gone := gone(seg)
	switch p.State {
	case palinsesto.PostPlanned, palinsesto.PostQueued, palinsesto.PostDue, palinsesto.PostRetrying,
		palinsesto.PostHeld, palinsesto.PostMissed, palinsesto.PostFailed:
		return s.takeBackWaiting(ctx, seg, cur, gone)
	case palinsesto.PostCancelled:
		if gone && p.AnyOut() && !removalFailed(p) {
			return s.takeDown(ctx, cur, seg.Reason)
		}
		return cur, s.release(ctx, p)
	case "", palinsesto.PostRemoved: // approval may have kept a moment for what was never queued
		return cur, s.release(ctx, p)
	case palinsesto.PostPublishing:
		return cur, errInFlight
	case palinsesto.PostUncertain:
		return cur, s.unsettled(p)
	case palinsesto.PostPosted, palinsesto.PostEdited, palinsesto.PostEditing:
		switch {
		case gone && !removalFailed(p):
			return s.takeDown(ctx, cur, seg.Reason)
		case seg.State == palinsesto.SegApproved:
			return s.dropped(ctx, cur)
		default:
			return cur, nil
		}
	default:
		return cur, nil
	}
}

func (s *Service) takeBackWaiting(ctx context.Context, seg palinsesto.Segnalazione, cur post, gone bool) (post, error) {
	if seg.State == palinsesto.SegExpired {
		return s.expirePost(ctx, cur)
	}
	if gone && cur.State.AnyOut() && !removalFailed(cur.State) { // the first of two parts
		return s.takeDown(ctx, cur, seg.Reason)
	}
	return s.put(ctx, cur, palinsesto.PostWasCancelled, s.envelope(seg.Reason), cur.State.Cancel())
}

func (s *Service) expirePost(ctx context.Context, cur post) (post, error) {
	switch cur.State.State {
	case palinsesto.PostQueued, palinsesto.PostRetrying, palinsesto.PostHeld, palinsesto.PostDue:
		return s.put(ctx, cur, palinsesto.PostWasMissed, s.envelope("scaduta"), cur.State.Miss(true))
	default:
		return cur, nil
	}
}

// causeDropped marks what is out on a channel that a newer approval leaves out.
const causeDropped = "channel_dropped"

// dropped asks a person about what a newer approval says nothing of. It is not taken down by itself: with
// it would go what people answered, and the channel may be missing only because nobody serves it now.
func (s *Service) dropped(ctx context.Context, cur post) (post, error) {
	p := cur.State
	if p.Cause == causeDropped {
		return cur, nil
	}
	p.State, p.Change, p.Cause = palinsesto.PostPosted, nil, causeDropped
	p.Problem = "La segnalazione è stata approvata di nuovo senza questo canale, dove si legge ancora il testo di prima: " +
		"toglierlo, o rivedere la segnalazione e approvarla anche per questo canale."
	return s.put(ctx, cur, palinsesto.PostWasFailed, s.envelope(p.Problem), p)
}

// pickedUp takes the note of dropped off again: what is out is approved for its channel as it is.
func (s *Service) pickedUp(ctx context.Context, cur post) (post, error) {
	p := cur.State
	if p.Cause != causeDropped {
		return cur, nil
	}
	p.Cause, p.Problem = "", ""
	return s.put(ctx, cur, palinsesto.PostWasResolved, s.envelope("approvato di nuovo anche per questo canale"), p)
}

// removalFailed tells whether a person is asked to remove it by hand: without a cause nobody is.
func removalFailed(p palinsesto.Post) bool {
	return p.Cause != "" && p.Change != nil && p.Change.Kind == "remove" && p.Change.Problem != ""
}

// takeDown asks publishing to remove what is out.
func (s *Service) takeDown(ctx context.Context, cur post, why string) (post, error) {
	p := cur.State
	p.State, p.Hold, p.Cause, p.Problem = palinsesto.PostRemoving, "", "", ""
	p.Change = &palinsesto.Change{Kind: "remove", Reason: why}
	return s.put(ctx, cur, palinsesto.PostWasRemoving, s.envelope(why), p)
}
