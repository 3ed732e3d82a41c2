// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"strings"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// EventView is one event of the stream, with the state after it.
type EventView struct {
	HistoryEntry
	Segnalazione *SegView     `json:"segnalazione,omitempty"`
	Post         *PostView    `json:"post,omitempty"`
	Channel      *ChannelView `json:"channel,omitempty"`
	Hold         *HoldView    `json:"hold,omitempty"`
	Holds        []HoldView   `json:"holds,omitempty" doc:"Those that stand"`
	Token        *TokenView   `json:"token,omitempty"`
	Alert        *AlertView   `json:"alert,omitempty"`
}

// event is a record of the log as an actor may see it; ok is false for what the actor may not, and for
// what cannot be read.
func (v viewer) event(a palinsesto.Actor, r bus.Record) (e EventView, ok bool) {
	at, err := contract.ParseSubject(r.Subject)
	if err != nil || !plain(r.Event) {
		return EventView{}, false
	}
	switch at.Aggregate {
	case contract.AggregateSeg:
		ok = v.segEvent(a, r, &e)
	case contract.AggregatePost:
		ok = v.postEvent(a, r, &e)
	case contract.AggregateChannel:
		ok = v.channelEvent(a, r, &e)
	case contract.AggregateHold:
		ok = v.holdEvent(a, r, &e)
	case contract.AggregateToken:
		ok = v.tokenEvent(a, r, &e)
	case contract.AggregateAlert:
		ok = v.alertEvent(a, r, &e)
	}
	e.Event = at.Aggregate + "." + r.Event
	return e, ok
}

// plain keeps a header of the log from adding lines to the stream.
func plain(event string) bool {
	return event != "" && len(event) <= 64 && strings.Trim(event, "abcdefghijklmnopqrstuvwxyz_") == ""
}

func (v viewer) segEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	e, err := bus.Decode(contract.Segnalazioni, r)
	if err != nil || !a.Can(palinsesto.ActSee, e.State.Centre) {
		return false
	}
	x := v.seg(e.State)
	out.HistoryEntry, out.Segnalazione = entry(v, e), &x
	out.State, out.Version = x.State, x.Version
	return true
}

func (v viewer) postEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	e, err := bus.Decode(contract.Posts, r)
	if err != nil || !a.Can(palinsesto.ActSee, e.State.Centre) {
		return false
	}
	x := v.post(e.State)
	out.HistoryEntry, out.Post = entry(v, e), &x
	out.State = x.State
	return true
}

// channelEvent leaves out the reservations: they are the house's own book-keeping.
func (v viewer) channelEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	e, err := bus.Decode(contract.Channels, r)
	if err != nil || r.Event == palinsesto.ChannelWasBudget || !v.s.seesChannel(a, e.State.ID) {
		return false
	}
	c, _ := v.s.cfg.Channel(e.State.ID)
	c.ID = e.State.ID
	x := v.channel(c, e.State)
	out.HistoryEntry, out.Channel = entry(v, e), &x
	out.State = x.State
	return true
}

func (v viewer) holdEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	e, err := bus.Decode(contract.Holds, r)
	if err != nil || !seesHold(a, e.State.Changed) {
		return false
	}
	x := v.hold(e.State.Changed)
	out.HistoryEntry, out.Hold = entry(v, e), &x
	out.State = r.Event
	for _, h := range e.State.Standing {
		if seesHold(a, h) {
			out.Holds = append(out.Holds, v.hold(h))
		}
	}
	return true
}

func (v viewer) tokenEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	if !a.Can(palinsesto.ActManageTokens, "") {
		return false
	}
	e, err := bus.Decode(contract.Tokens, r)
	if err != nil {
		return false
	}
	x := v.s.tokenView(e.State)
	out.HistoryEntry, out.Token = entry(v, e), &x
	out.State = r.Event
	return true
}
