// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

import (
	"slices"
	"time"
)

// ChannelState is whether a channel takes posts.
type ChannelState string

// The states of a channel; the empty one, of a channel that nothing has happened to, counts as connected.
const (
	ChannelConnected      ChannelState = "connected"
	ChannelPaused         ChannelState = "paused"
	ChannelNeedsReconnect ChannelState = "needs_reconnect"
)

// The events of a channel.
const (
	ChannelWasConnected      = "connected"
	ChannelWasPaused         = "paused"
	ChannelWasResumed        = "resumed"
	ChannelWasNeedsReconnect = "needs_reconnect"
	ChannelWasBudget         = "budget" // quota used, not before, times reserved
	ChannelWasTested         = "tested" // a test message: its intent, its verdict, and what became of it
)

// Channel is what the log knows of an account: its state, its budget, and who has which moment.
type Channel struct {
	ID        string
	State     ChannelState
	Reason    string
	NotBefore time.Time     // the network said: no call before
	Reserved  []Reservation // moments given to posts, in order of time; the basis of spacing
	Test      *ChannelTest  // the newest test message
}

// ChannelTest is a marked message that somebody had published to see whether a channel works. It is sent
// once, whatever becomes of it.
type ChannelTest struct {
	ID         string // of the command that asked for it
	By         Actor
	At         time.Time
	Run        string        // of this one try to carry the command out: of two copies one calls
	Lasts      time.Duration // from At until its call has surely ended
	Verdict    string        // empty while open; then as of an attempt
	Cause      string
	Problem    string // why it did not go, as a sentence
	RemoteIDs  []string
	Link       string
	Took       time.Duration
	Afterwards string   // TestRemoved, TestKept, TestLeft; empty while open, or when nothing came out
	Earlier    []string // ids of the tests before it, the newest first: one that is asked for again is recognised
}

// testsKept bounds Earlier: every event of the channel carries it.
const testsKept = 10

// Follow is t after the test that was the newest until now.
func (t ChannelTest) Follow(was *ChannelTest) *ChannelTest {
	if was != nil {
		t.Earlier = append([]string{was.ID}, was.Earlier...)
		t.Earlier = t.Earlier[:min(testsKept, len(t.Earlier))]
	}
	return &t
}

// What became of a test message after it was out.
const (
	TestRemoved = "removed"
	TestKept    = "kept" // as was asked for
	TestLeft    = "left" // it has to be removed by hand
)

// Open tells whether t may be on its way at now.
func (t ChannelTest) Open(now time.Time) bool {
	return t.Verdict == "" && now.Before(t.At.Add(t.Lasts))
}

// Reservation is a moment of a channel that belongs to a post.
type Reservation struct {
	Post string
	At   time.Time
}

// ReservedMost is how many posts may wait on a channel that has a spacing: every event of the channel
// carries all of them, and at ten minutes' distance they are two weeks, day and night.
const ReservedMost = 2000

// Full tells whether as many others wait at now as a channel takes.
func (c Channel) Full(post string, now time.Time) bool {
	others := 0
	for _, r := range c.Reserved {
		if r.Post != post && r.At.After(now) {
			others++
		}
	}
	return others >= ReservedMost
}

// Takes tells whether the channel takes posts.
func (c Channel) Takes() bool { return c.State == "" || c.State == ChannelConnected }

// ReservedFor is the one moment that a post has; false when it has none, or several while it is decided
// which of them counts.
func (c Channel) ReservedFor(post string) (at time.Time, one bool) {
	for _, r := range c.Reserved {
		if r.Post == post {
			if one {
				return time.Time{}, false
			}
			at, one = r.At, true
		}
	}
	return at, one
}

// Holds tells whether a post has any moment.
func (c Channel) Holds(post string) bool {
	return slices.ContainsFunc(c.Reserved, func(r Reservation) bool { return r.Post == post })
}

// Clash is the reservation of another post nearer to at than spacing.
func (c Channel) Clash(post string, at time.Time, spacing time.Duration) (Reservation, bool) {
	for _, r := range c.Reserved {
		if d := r.At.Sub(at).Abs(); r.Post != post && d < spacing {
			return r, true
		}
	}
	return Reservation{}, false
}

// NextFree is the first moment from on that keeps the spacing to every other post's reservation.
func (c Channel) NextFree(post string, from time.Time, spacing time.Duration) time.Time {
	at := from
	for _, r := range c.Reserved { // in order of time: one pass is enough
		if r.Post != post && r.At.Sub(at).Abs() < spacing {
			at = r.At.Add(spacing)
		}
	}
	return at
}

// Reserve gives a moment to a post in place of what it had, and forgets what lies before keep.
func (c Channel) Reserve(post string, at, keep time.Time) Channel {
	rs := make([]Reservation, 0, len(c.Reserved)+1)
	for _, r := range c.Reserved {
		if r.Post != post && !r.At.Before(keep) {
			rs = append(rs, r)
		}
	}
	rs = append(rs, Reservation{Post: post, At: at})
	c.Reserved = rs
	c.sort()
	return c
}

// Has tells whether a post has this moment.
func (c Channel) Has(post string, at time.Time) bool {
	return slices.ContainsFunc(c.Reserved, func(r Reservation) bool { return r.Post == post && r.At.Equal(at) })
}

// Keep gives a moment to a post beside what it has, and forgets what lies before keep: of two approvals
// that are decided at once nobody knows yet which counts. Reserve, later, leaves only that one.
func (c Channel) Keep(post string, at, keep time.Time) Channel {
	was := c.Reserved
	c = c.Reserve(post, at, keep)
	for _, r := range was {
		if r.Post == post && !r.At.Equal(at) && !r.At.Before(keep) {
			c.Reserved = append(c.Reserved, r)
		}
	}
	c.sort()
	return c
}

// GiveBack takes one moment from a post.
func (c Channel) GiveBack(post string, at time.Time) Channel {
	c.Reserved = slices.DeleteFunc(slices.Clone(c.Reserved), func(r Reservation) bool { return r.Post == post && r.At.Equal(at) })
	return c
}

func (c Channel) sort() {
	slices.SortStableFunc(c.Reserved, func(a, b Reservation) int { return a.At.Compare(b.At) })
}

// Release gives back all that a post had.
func (c Channel) Release(post string) Channel {
	c.Reserved = slices.DeleteFunc(slices.Clone(c.Reserved), func(r Reservation) bool { return r.Post == post })
	return c
}
