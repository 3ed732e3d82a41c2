// SPDX-License-Identifier: AGPL-3.0-or-later

// Package config reads the one YAML file that describes a house: the
// organisation, its centres, its channels and how it publishes.
//
// The file is written by a person who is rarely a programmer, so a wrong file
// gets every error at once, each with its line, in Italian and in English.
// After Load every default is in place: the rooms read plain fields.
//
// The file holds no secret. A channel names where its token is (a file or an
// environment variable); only Channel.Token and Channel.Secret read it.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
	_ "time/tzdata" // a container without zoneinfo must not change the hour of a post
)

// Networks are the networks that a channel may name.
var Networks = []string{
	"bluesky", "facebook", "instagram", "linkedin", "mastodon", "telegram", "x", "youtube",
}

// Kinds are the kinds of segnalazione that may have a grace of their own.
var Kinds = []string{
	"attivita", "avviso", "diretta", "evento", "misura", "offerta_lavoro", "testimonianza",
}

// Config is a whole, valid configuration with its defaults applied.
type Config struct {
	Organisation Organisation
	Centres      []Centre
	Channels     []Channel
	Publishing   Publishing
	Media        Media
	Review       Review
	Slots        []Slot
	Log          Log
	Alerts       Alerts
	Backup       Backup

	location *time.Location
}

// Organisation is the public body that runs the house.
type Organisation struct {
	Name     string
	Timezone string // IANA name; default Europe/Rome
	Language string // default it
}

// Centre is an office that reports.
type Centre struct {
	ID       string
	Name     string
	Province string // car plate code: AN, PU
}

// Publishing is how posts go out and what happens when they do not.
type Publishing struct {
	Grace        time.Duration            // lateness after which a post is missed
	GraceByKind  map[string]time.Duration // exceptions; ask GraceOf
	Lease        time.Duration            // a worker's hold on a post (AckWait)
	CallDeadline time.Duration            // an intent older than this starts no call
	CallTimeout  time.Duration            // one request to the network
	Retry        Retry
}

// Retry is the back-off after a verdict that provably did not publish.
type Retry struct {
	First  time.Duration
	Max    time.Duration
	Factor float64
	Jitter float64 // share of the delay, 0 to 1
}

// Media bounds what the house takes in, before anything is decoded.
type Media struct {
	ImageBytes  int64
	ImagePixels int64
	VideoBytes  int64
	PerItem     int // files of one segnalazione
}

// Review holds the exceptions to the rule that nobody approves what they wrote.
type Review struct {
	SelfApproval               bool     // everywhere
	AllowedSelfApprovalCentres []string // only there
}

// Slot is a weekly wall-clock time at which a channel may take a post.
type Slot struct {
	Channel string
	Weekday time.Weekday
	Time    Clock
}

// Log is about the store under the data folder.
type Log struct {
	FreeSpaceFloor int64 // bytes; below it nothing new is taken in
}

// Centre returns the centre with that id.
func (c *Config) Centre(id string) (Centre, bool) {
	i := slices.IndexFunc(c.Centres, func(x Centre) bool { return x.ID == id })
	if i < 0 {
		return Centre{}, false
	}
	return c.Centres[i], true
}

// Channel returns the channel with that id.
func (c *Config) Channel(id string) (Channel, bool) {
	i := slices.IndexFunc(c.Channels, func(x Channel) bool { return x.ID == id })
	if i < 0 {
		return Channel{}, false
	}
	return c.Channels[i], true
}

// ChannelsOf returns the network's channels that serve the centre, in the
// order of the file.
func (c *Config) ChannelsOf(network, centre string) []Channel {
	var found []Channel
	for _, ch := range c.Channels {
		if ch.Network == network && ch.Serves(centre) {
			found = append(found, ch)
		}
	}
	return found
}

// Location is the organisation's zone: slots and nights are read in it.
func (c *Config) Location() *time.Location {
	if c.location != nil {
		return c.location
	}
	// Only a Config that did not come from Parse gets here.
	loc, err := time.LoadLocation(c.Organisation.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// Override lets the program change every channel after loading: the demo
// points them at its sandbox. What f sets is not validated again.
func (c *Config) Override(f func(*Channel)) {
	for i := range c.Channels {
		f(&c.Channels[i])
	}
}

// Fingerprint is the same for two copies that run the same configuration,
// whatever comments, order of keys or folder their files have.
func (c *Config) Fingerprint() string {
	// Plain data: Marshal fails only on kinds that Config does not hold, and
	// sorts the keys of maps.
	b, err := json.Marshal(c)
	if err != nil {
		return "invalid"
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// GraceOf is how late a post of that kind may still go out.
func (p Publishing) GraceOf(kind string) time.Duration {
	if d, ok := p.GraceByKind[kind]; ok {
		return d
	}
	return p.Grace
}

// AllowsSelfApproval says whether an author of that centre may approve what
// they wrote, which the log then records.
func (r Review) AllowsSelfApproval(centre string) bool {
	return r.SelfApproval || slices.Contains(r.AllowedSelfApprovalCentres, centre)
}
