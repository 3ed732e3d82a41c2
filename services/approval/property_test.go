// SPDX-License-Identifier: AGPL-3.0-or-later

package approval_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// TestAnyOrderOfCommands sends commands of any kind, by anybody, on any version, and holds what stands
// on the log in the end to what must always be true.
func TestAnyOrderOfCommands(t *testing.T) {
	h := newHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		seg := h.submit(rapid.SampledFrom([]palinsesto.Actor{author, editor}).Draw(t, "author"), fields{"wanted_channels": []string{"telegram"}})
		version := seg.Version
		for range rapid.IntRange(1, 12).Draw(t, "commands") {
			shown := version
			if rapid.Bool().Draw(t, "stale") {
				shown = rapid.Uint64Range(0, version+1).Draw(t, "shown")
			}
			verb := rapid.SampledFrom([]string{"approve", "approve", "revise", "revise", "request-changes", "reject", "withdraw", "comment"}).Draw(t, "verb")
			who := rapid.SampledFrom([]palinsesto.Actor{author, collega, editor, second, stranger, operator}).Draw(t, "who")
			r, err := h.do(verb, who, seg.ID, shown)
			if err != nil {
				require.NotEqual(t, palinsesto.CodeInternal, palinsesto.CodeOf(err), "%v", err)
				continue
			}
			if verb == "approve" || verb == "revise" || verb == "reject" || verb == "request-changes" {
				require.Equal(t, version, shown, "%s on a page that was not the newest won", verb)
			}
			version = r.Segnalazione.Version
		}
		requireLawful(t, h.history(seg))
	})
}

func (h *house) do(verb string, who palinsesto.Actor, id string, version uint64) (contract.SegReply, error) {
	switch verb {
	case "approve":
		return h.approve(palinsesto.Approve{Command: by(who), SegnalazioneID: id, Version: version})
	case "revise":
		return h.revise(palinsesto.Revise{Command: by(who), SegnalazioneID: id, Version: version, Document: event(fields{"wanted_channels": []string{"telegram-altro"}})})
	default:
		return h.decide(verb, palinsesto.Decide{Command: by(who), SegnalazioneID: id, Version: version, Reason: "Motivo"})
	}
}

// requireLawful walks over a history.
func requireLawful(t require.TestingT, history []contract.Event[palinsesto.Segnalazione]) {
	var was palinsesto.Segnalazione
	wrote := map[string]bool{}
	for _, e := range history {
		now := e.State
		to, ok := palinsesto.SegEvent(e.Name).To(was.State)
		require.True(t, ok, "%s out of %q", e.Name, was.State)
		require.Equal(t, to, now.State)
		if e.Name == "commented" {
			require.Equal(t, was, now)
			continue
		}
		require.Equal(t, was.Version+1, now.Version)
		if e.Name == "submitted" || e.Name == "revised" {
			wrote[e.Envelope.Actor.ID] = true
			require.Nil(t, now.Approval)
		}
		if now.State == palinsesto.SegApproved {
			require.Equal(t, "approved", e.Name)
			require.False(t, wrote[e.Envelope.Actor.ID], "four eyes")
			require.Equal(t, e.Envelope.Actor, now.Approval.By)
			requireBound(t, now.Approval)
			require.Equal(t, was.Content, now.Content)
		}
		for _, channel := range was.Ever {
			require.True(t, slices.Contains(now.Ever, channel), "a channel that may have a post was forgotten")
		}
		if now.Approval != nil {
			for _, v := range now.Approval.Variants {
				require.Contains(t, now.Ever, v.Channel)
			}
		}
		was = now
	}
}
