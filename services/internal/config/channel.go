// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"slices"
	"time"
)

// Channel is one account on one network that the house publishes to.
type Channel struct {
	ID        string
	Network   string
	Target    string // the account as the network names it: @channel, -100…
	APIBase   string // empty: the real network
	TokenFile string // as written; a relative path starts at the file's folder
	TokenEnv  string
	Spacing   time.Duration
	Limits    Limits
	Centres   []string // centres served; empty: all
	Options   Options

	dir string // the configuration's folder
}

// Limits is the budget of requests. Zero: what the network itself sets.
type Limits struct {
	PerSecond int
	PerMinute int
	Burst     int
}

// Options are a channel's habits.
type Options struct {
	AltInText   bool // put alt text in the post where the network has no place for it
	LinkPreview bool
	SilentFrom  Clock
	SilentTo    Clock
	Workers     int // posts of this channel that may be prepared at once
}

// Serves says whether the channel takes posts of that centre.
func (c Channel) Serves(centre string) bool {
	return len(c.Centres) == 0 || slices.Contains(c.Centres, centre)
}

// Silent says whether a post at t goes out without sound. t is read in its own
// zone, so pass it in the organisation's. Equal ends mean never; the night
// usually passes midnight.
func (o Options) Silent(t time.Time) bool {
	now := Clock(t.Hour()*60 + t.Minute())
	if o.SilentFrom <= o.SilentTo {
		return o.SilentFrom <= now && now < o.SilentTo
	}
	return now >= o.SilentFrom || now < o.SilentTo
}
