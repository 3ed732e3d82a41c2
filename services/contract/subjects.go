// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The log and its names. One aggregate has one literal subject; what happened stands in a header, so
// that the newest message of a subject is the aggregate's state whatever its name is.
const (
	// Stream is the name of the one JetStream stream: the truth.
	Stream = "PALINSESTO"
	// HeaderEvent is the header that names the event, such as "approved".
	HeaderEvent = "Palinsesto-Event"

	// HoldSubject is the one aggregate of all holds.
	HoldSubject = "palinsesto.hold"

	// AllSegs finds every segnalazione: palinsesto.seg.<centre>.<id>.
	AllSegs = "palinsesto.seg.*.*"
	// AllPosts finds every post: palinsesto.post.<channel>.<id>.
	AllPosts = "palinsesto.post.*.*"
	// AllPlans finds every plan: palinsesto.plan.<channel>.<yyyy-mm>.
	AllPlans = "palinsesto.plan.*.*"
	// AllChannels finds every channel: palinsesto.channel.<channel>.
	AllChannels = "palinsesto.channel.*"
	// AllPersons finds every person: palinsesto.person.<id>.
	AllPersons = "palinsesto.person.*"
	// AllTokens finds every API token: palinsesto.token.<id>.
	AllTokens = "palinsesto.token.*"
	// AllCampaigns finds every campaign: palinsesto.campaign.<id>.
	AllCampaigns = "palinsesto.campaign.*"
	// AllSettings finds all that is edited in the console: palinsesto.settings.<name>.
	AllSettings = "palinsesto.settings.*"
	// AllAlerts finds every alert: palinsesto.alert.<id>.
	AllAlerts = "palinsesto.alert.*"
	// AllReports finds what processes say of themselves on core NATS, best effort: palinsesto.report.<worker>.
	AllReports = "palinsesto.report.*"

	// AllAnnouncements finds every announcement, sent on core NATS after an append, best effort:
	// palinsesto.event.<aggregate>.<event>.<centre or channel>.<id>. Nothing of ours depends on one.
	AllAnnouncements = "palinsesto.event.>"
)

// The aggregates, as the second word of a subject.
const (
	AggregateSeg      = "seg"
	AggregatePost     = "post"
	AggregatePlan     = "plan"
	AggregateChannel  = "channel"
	AggregateHold     = "hold"
	AggregatePerson   = "person"
	AggregateToken    = "token"
	AggregateCampaign = "campaign"
	AggregateSettings = "settings"
	AggregateAlert    = "alert"
)

const (
	prefix        = "palinsesto."
	commandPrefix = "palinsesto.cmd."
	eventPrefix   = "palinsesto.event."
	reportPrefix  = "palinsesto.report."
	// maxSubject holds the longest subject of ours with room to spare.
	maxSubject = 160
)

// StreamSubjects are what the stream takes: not palinsesto.>, which would store the commands too.
func StreamSubjects() []string {
	return []string{AllSegs, AllPosts, AllPlans, AllChannels, HoldSubject, AllPersons, AllTokens, AllCampaigns, AllSettings, AllAlerts}
}

// SegSubject is the aggregate of a segnalazione.
func SegSubject(centre, id string) string { return prefix + "seg." + word(centre) + "." + word(id) }

// PostSubject is the aggregate of a post.
func PostSubject(channel, id string) string { return prefix + "post." + word(channel) + "." + word(id) }

// PostsOf finds the posts of one channel; each channel has a consumer of its own.
func PostsOf(channel string) string { return prefix + "post." + word(channel) + ".*" }

// ChannelSubject is the aggregate of a channel.
func ChannelSubject(id string) string { return prefix + "channel." + word(id) }

// TokenSubject is the aggregate of an API token.
func TokenSubject(id string) string { return prefix + "token." + word(id) }

// AlertSubject is the aggregate of an alert.
func AlertSubject(id string) string { return prefix + "alert." + word(id) }

// ReportSubject is where a process says how it is; not stored.
func ReportSubject(worker string) string { return reportPrefix + word(worker) }

// AnySeg finds a segnalazione by its id alone: ids are unique across centres.
func AnySeg(id string) string { return prefix + "seg.*." + word(id) }

// AnyPost finds a post by its id alone.
func AnyPost(id string) string { return prefix + "post.*." + word(id) }

// CommandSubject is where a room takes a command.
func CommandSubject(room, verb string) string { return commandPrefix + room + "." + verb }

// Announcement is where an append to subject is announced, so that
// `nats sub 'palinsesto.event.post.failed.>'` does what one expects; empty for a subject not of ours.
func Announcement(subject, event string) string {
	rest, ok := strings.CutPrefix(subject, prefix)
	if !ok {
		return ""
	}
	aggregate, address, more := strings.Cut(rest, ".")
	if !more {
		return eventPrefix + aggregate + "." + word(event)
	}
	return eventPrefix + aggregate + "." + word(event) + "." + address
}

// word keeps a name that a command brought from widening a subject: with a dot or a wildcard in it,
// it becomes a word that no aggregate has.
func word(s string) string {
	if s == "" || len(s) > 64 || strings.ContainsAny(s, ".*> \t\r\n\x00") {
		return "_"
	}
	return s
}

// Address is what a subject of the log says. Owner is the centre of a segnalazione or the channel of
// a post or plan, and empty for all others; ID is the channel's or the setting's name, the month of a
// plan, and empty for the holds.
type Address struct{ Aggregate, Owner, ID string }

// ErrSubject is wrapped by ParseSubject for what is no subject of the log.
var ErrSubject = errors.New("not a subject of the log")

// ParseSubject reads a literal subject of the log; wildcards, commands and announcements are refused.
func ParseSubject(s string) (Address, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(s) > maxSubject {
		return Address{}, fmt.Errorf("contract: %w: %.80q", ErrSubject, s)
	}
	var a Address
	var more bool
	a.Aggregate, a.ID, more = strings.Cut(rest, ".")
	switch a.Aggregate {
	case AggregateSeg, AggregatePost, AggregatePlan:
		a.Owner, a.ID, _ = strings.Cut(a.ID, ".")
		ok = palinsesto.ValidName(a.Owner)
	case AggregateHold:
		ok = !more // "palinsesto.hold." is not palinsesto.hold
	}
	if !ok || !a.validID() {
		return Address{}, fmt.Errorf("contract: %w: %.80q", ErrSubject, s)
	}
	return a, nil
}

// validID also keeps dots out, so that nothing can stand behind what was read.
func (a Address) validID() bool {
	switch a.Aggregate {
	case AggregateSeg, AggregatePost, AggregatePerson, AggregateToken, AggregateCampaign, AggregateAlert:
		return palinsesto.ValidID(a.ID)
	case AggregateChannel, AggregateSettings:
		return palinsesto.ValidName(a.ID)
	case AggregatePlan:
		_, err := time.Parse("2006-01", a.ID)
		return err == nil
	case AggregateHold:
		return a.ID == ""
	default:
		return false
	}
}
