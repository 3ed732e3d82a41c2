// SPDX-License-Identifier: AGPL-3.0-or-later

// Package audit reads the whole log, oldest first, and reports every breach of what must always hold
// (section 10 of the design) that can be seen there. It believes nothing that a room says about itself:
// only the events, their order, and the tables of the domain.
//
// What it cannot see: a segnalazione that was acknowledged and is not there, what the public sees, and
// what was purged by an erasure.
package audit

import (
	"fmt"
	"iter"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The codes of findings: the number is that of the rule in section 10 of the design.
const (
	CodeUnreadable = "INV-1" // an event that cannot be read is as good as lost
	CodeTwice      = "INV-2" // a second intent while the first may have been published
	CodeStuck      = "INV-3" // nobody moves it on
	CodeStopped    = "INV-4" // a call whose intent is later than a stop
	CodeContent    = "INV-5" // what went out is not what was approved
	CodeVoid       = "INV-6" // expired, withdrawn or rejected, and published
	CodeOrder      = "INV-7" // an event that may not happen in this state, or on this subject
	CodeRole       = "INV-8" // somebody did what their role does not allow
	CodeSecret     = "INV-9" // a secret on the log
)

// Check reads records in the order of the log and tells every breach, at most limit.
func Check(records iter.Seq2[bus.Record, error], limit int) ([]palinsesto.Problem, error) {
	a := newAuditor(limit)
	for r, err := range records {
		if err != nil {
			return a.found, fmt.Errorf("read the log: %w", err)
		}
		a.take(r)
	}
	a.stuck()
	return a.found, nil
}

// auditor holds what has to be remembered of each aggregate: little, since a log may have millions.
type auditor struct {
	limit  int
	found  []palinsesto.Problem
	last   time.Time // of the newest record
	posts  map[string]postSeen
	segs   map[string]segSeen // by id
	holds  palinsesto.Holds
	closed map[string]bool // channels that take no posts
}

func newAuditor(limit int) *auditor {
	return &auditor{limit: limit, posts: map[string]postSeen{}, segs: map[string]segSeen{}, closed: map[string]bool{}}
}

// at is where a breach was seen.
func at(r bus.Record) string { return fmt.Sprintf("%s@%d %s", r.Subject, r.Seq, r.Event) }

func (a *auditor) breach(code, where, it, en string) {
	a.tell(palinsesto.Problem{Code: code, Level: palinsesto.LevelError, Field: where, Text: it, TextEN: en})
}

func (a *auditor) tell(p palinsesto.Problem) {
	if len(a.found) < a.limit {
		a.found = append(a.found, p)
	}
}

func (a *auditor) take(r bus.Record) {
	if r.Time.After(a.last) {
		a.last = r.Time
	}
	if holdsSecret(r.Data) {
		a.breach(CodeSecret, at(r), "Nell'evento c'è un token in chiaro: revocarlo subito, poi cancellare l'evento.", "The event holds a token: revoke it now, then erase the event.")
	}
	address, err := contract.ParseSubject(r.Subject)
	if err != nil {
		a.breach(CodeOrder, at(r), "Il soggetto non è del registro.", "Not a subject of the log.")
		return
	}
	switch address.Aggregate {
	case contract.AggregatePost:
		err = read(contract.Posts, r, func(e contract.Event[palinsesto.Post]) { a.post(r, address, e) })
	case contract.AggregateSeg:
		err = read(contract.Segnalazioni, r, func(e contract.Event[palinsesto.Segnalazione]) { a.seg(r, address, e) })
	case contract.AggregateHold:
		err = read(contract.Holds, r, func(e contract.Event[contract.HoldChange]) { a.hold(r, e) })
	case contract.AggregateChannel:
		err = read(contract.Channels, r, func(e contract.Event[palinsesto.Channel]) { a.channel(r, address, e) })
	case contract.AggregateToken:
		err = read(contract.Tokens, r, func(e contract.Event[palinsesto.Token]) { a.token(r, address, e) })
	case contract.AggregateAlert:
		err = read(contract.Alerts, r, func(e contract.Event[palinsesto.Alert]) {
			if e.State.ID != address.ID {
				a.elsewhere(r, e.State.ID)
			}
		})
	}
	if err != nil {
		a.breach(CodeUnreadable, at(r), "L'evento non si legge: "+err.Error(), "The event cannot be read: "+err.Error())
	}
}

func read[T any](c contract.Codec[T], r bus.Record, take func(contract.Event[T])) error {
	e, err := bus.Decode(c, r)
	if err == nil {
		take(e)
	}
	return err
}

// hold keeps the stops that stand.
func (a *auditor) hold(r bus.Record, e contract.Event[contract.HoldChange]) {
	act := palinsesto.ActHold
	if r.Event == palinsesto.HoldWasLifted {
		act = palinsesto.ActOperate
	}
	a.allowed(r, e.Envelope.Actor, act, "")
	a.holds = e.State.Standing
}

func (a *auditor) channel(r bus.Record, address contract.Address, e contract.Event[palinsesto.Channel]) {
	if e.State.ID != address.ID {
		a.elsewhere(r, e.State.ID)
	}
	if r.Event == palinsesto.ChannelWasTested && !e.Envelope.Actor.IsRoom() {
		a.allowed(r, e.Envelope.Actor, palinsesto.ActManageChannel, "")
	}
	a.closed[address.ID] = !e.State.Takes()
}

func (a *auditor) token(r bus.Record, address contract.Address, e contract.Event[palinsesto.Token]) {
	if e.State.ID != address.ID {
		a.elsewhere(r, e.State.ID)
	}
	a.allowed(r, e.Envelope.Actor, palinsesto.ActManageTokens, "")
}

func (a *auditor) elsewhere(r bus.Record, says string) {
	a.breach(CodeOrder, at(r), fmt.Sprintf("Lo stato è di %q, il soggetto di un altro.", says), fmt.Sprintf("The state is of %q, the subject is not.", says))
}

func (a *auditor) allowed(r bus.Record, who palinsesto.Actor, do palinsesto.Action, centre string) {
	if !who.Can(do, centre) {
		a.breach(CodeRole, at(r), fmt.Sprintf("%s (%s) non può farlo.", who.Name, who.Role), fmt.Sprintf("%s (%s) may not do this.", who.ID, who.Role))
	}
}
