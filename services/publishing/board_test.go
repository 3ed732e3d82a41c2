// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/channeltest"
	"github.com/palinsesto/palinsesto/services/channel/channeltest/board"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const boardToken = "segreto-della-bacheca-4711"

// findOnly is a board's adapter without the power of its keys.
type findOnly struct {
	channel.Channel
	channel.Finder
}

// On a network that can be asked, whole copies of the room settle what a lost answer left in doubt: by what
// they find, else by the same key, and never with a second message.
func TestDoubtOnANetwork(t *testing.T) {
	for name, c := range map[string]struct {
		applied, ignoresKeys, keyless bool
		by                            palinsesto.SettledBy // empty: it stays uncertain
		onWall                        int
	}{
		"it went through":                       {applied: true, by: palinsesto.SettledByFound, onWall: 1},
		"it did not, and keys are honoured":     {by: palinsesto.SettledByKey, onWall: 1},
		"it did not, and keys are ignored":      {ignoresKeys: true},
		"it did not, and there are no keys":     {keyless: true},
		"it went through, and keys are ignored": {applied: true, ignoresKeys: true, by: palinsesto.SettledByFound, onWall: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := wire.NewTransport()
			t.Cleanup(tr.Close)
			world := board.Open(t, board.Options{Token: boardToken, IgnoresKeys: c.ignoresKeys})
			var adapter channel.Channel = board.New(world.Base(), boardToken, tr)
			if c.keyless {
				adapter = findOnly{adapter, board.New(world.Base(), boardToken, tr)}
			}
			h := quick(t)
			world.Fail(channeltest.Fault{Kind: channeltest.Drop, Applied: c.applied})
			p := h.due("testo")
			w := h.worker("w1", as(adapter))
			require.NoError(t, w.deliver(t.Context(), p))
			require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State)
			world.Recover()
			p = h.load(p.Subject)
			h.overSoon(p)
			h.start("w2", as(adapter))
			h.start("w3", as(adapter))
			if c.by != "" {
				got := h.until(p.Subject, palinsesto.PostPosted)
				require.Equal(t, c.by, got.State.Attempt.Settlement.By)
				require.Contains(t, got.State.Attempt.Settlement.Evidence, got.State.Parts[0].RemoteIDs[0])
				require.Equal(t, world.Wall()[0].ID, got.State.Parts[0].RemoteIDs[0])
			} else {
				require.Eventually(t, func() bool {
					a := h.load(p.Subject).State.Attempt
					return a.Check != nil && a.Check.Verdict == checkNothing
				}, patience, 5*time.Millisecond)
				require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State, "an empty read proves nothing")
			}
			require.Len(t, world.Wall(), c.onWall)
		})
	}
}

// The room ends between the network's answer and the word about it, as when it is killed: the
// next one settles it, by finding it or by the same key, and there is one message.
func TestKilledBetweenAnswerAndWord(t *testing.T) {
	for name, c := range map[string]struct{ keyless bool }{"after the list": {keyless: true}, "after the resend": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := wire.NewTransport()
			t.Cleanup(tr.Close)
			world := board.Open(t, board.Options{Token: boardToken})
			whole := board.New(world.Base(), boardToken, tr)
			h := quick(t)
			world.Fail(channeltest.Fault{Kind: channeltest.Drop, Applied: c.keyless})
			p := h.due("testo")
			require.NoError(t, h.worker("w1", as(whole)).deliver(t.Context(), p))
			world.Recover()
			p = h.load(p.Subject)
			h.overSoon(p)
			h.shown()

			ctx, die := context.WithCancel(t.Context())
			var adapter channel.Channel = killed{whole, die}
			if c.keyless {
				adapter = findOnly{whole, killedFinding{whole, die}}
			}
			_ = h.worker("dies", as(adapter)).settleDoubts(ctx)
			require.Equal(t, palinsesto.PostUncertain, h.load(p.Subject).State.State)
			require.Len(t, world.Wall(), 1, "it is out, and nobody here knows")

			h.overSoon(h.load(p.Subject))
			_, err := h.index.Lead(t.Context(), "doubts:"+theOne, "dies", time.Millisecond) // it lapses by itself, later
			require.NoError(t, err)
			w2 := h.worker("w2", as(whole))
			now := time.Now().Add(4 * checkFirst) // the pause after two checks
			w2.Clock = func() time.Time { return now }
			require.Eventually(t, func() bool {
				require.NoError(t, w2.settleDoubts(t.Context()))
				return h.load(p.Subject).State.State == palinsesto.PostPosted
			}, patience, 10*time.Millisecond)
			require.Len(t, world.Wall(), 1)
		})
	}
}

// killed dies with the answer to a resend in its hands; it cannot find.
type killed struct {
	*board.Channel
	die func()
}

func (k killed) Find(context.Context, channel.Sought) ([]channel.Receipt, error) { return nil, nil }

func (k killed) Publish(ctx context.Context, p channel.Prepared) (channel.Receipt, error) {
	r, err := k.Channel.Publish(ctx, p)
	k.die()
	return r, err
}

// killedFinding dies with the list in its hands.
type killedFinding struct {
	channel.Finder
	die func()
}

func (k killedFinding) Find(ctx context.Context, s channel.Sought) ([]channel.Receipt, error) {
	found, err := k.Finder.Find(ctx, s)
	k.die()
	return found, err
}
