// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"errors"
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The sets of the index.
const (
	SetSegnalazioni = "seg"
	SetPosts        = "post"
	SetChannels     = "channel"
	SetTokens       = "token"
	SetHolds        = "hold"
	SetAlerts       = "alert"
)

// errNotOurs says that a record is of an aggregate that this version keeps in no list.
var errNotOurs = errors.New("indexing: nothing to list")

// project says what the index shows of an aggregate whose newest record is r. It depends on r alone:
// that is why an index that grew and one that was rebuilt are the same. With every change of what it
// makes index.Projection is raised.
//
// Of a known aggregate whose state cannot be read nothing is shown, together with the error. The
// document is then Gone rather than left as it was: a rebuild would not know what it was.
func project(r bus.Record) (index.Doc, error) {
	a, err := contract.ParseSubject(r.Subject)
	if err != nil {
		return index.Doc{}, errNotOurs
	}
	d := index.Doc{ID: a.ID, Seq: r.Seq, Body: r.Data}
	switch a.Aggregate {
	case contract.AggregatePost:
		d.Set = SetPosts
		err = projectPost(&d, r)
	case contract.AggregateSeg:
		d.Set = SetSegnalazioni
		err = projectSeg(&d, r.Data)
	case contract.AggregateChannel:
		d.Set = SetChannels
		err = projectChannel(&d, r)
	case contract.AggregateToken:
		d.Set = SetTokens
		err = projectToken(&d, r.Data)
	case contract.AggregateHold:
		d.Set, d.ID = SetHolds, "hold"
		err = projectHolds(&d, r)
	case contract.AggregateAlert:
		d.Set = SetAlerts
		err = projectAlert(&d, r.Data)
	default:
		return index.Doc{}, errNotOurs
	}
	if err != nil {
		return index.Doc{Set: d.Set, ID: d.ID, Seq: r.Seq, Gone: true}, fmt.Errorf("indexing: %s at %d: %w", r.Subject, r.Seq, err)
	}
	return d, nil
}

func projectPost(d *index.Doc, r bus.Record) error {
	_, p, err := contract.Posts.Decode(r.Data)
	if err != nil {
		return err
	}
	due := millis(p.Due)
	d.Score, d.DueKey = due, r.Subject
	if p.State == palinsesto.PostQueued || p.State == palinsesto.PostRetrying {
		d.Due = max(due, 1) // 0 would mean that nobody ever looks at it
	}
	f := make(facets, 0, 8)
	f.add("state=", string(p.State))
	f.add("channel=", p.Channel)
	f.add("centre=", p.Centre)
	f.add("seg=", p.Segnalazione)
	f.add("cause=", p.Cause)
	f.add(centreState, p.Centre+"."+string(p.State))
	if p.NeedsHand() {
		f.add("hand=", "1")
		f.add("hand-centre=", p.Centre)
	}
	d.Facets = f
	return nil
}

// centreState joins two facets into one, so that a referente's lists and boards have exact numbers
// without counting.
const centreState = "centre-state="

func projectSeg(d *index.Doc, data []byte) error {
	_, s, err := contract.Segnalazioni.Decode(data)
	if err != nil {
		return err
	}
	d.Score = millis(s.SubmittedAt)
	f := make(facets, 0, 4+len(s.Media))
	f.add("state=", string(s.State))
	f.add("centre=", s.Centre)
	f.add("kind=", string(s.Kind))
	f.add(centreState, s.Centre+"."+string(s.State))
	// Who may see a file is told by the segnalazioni that name it.
	for _, m := range s.Media {
		f.add("media=", m.Hash)
	}
	if s.Approval != nil {
		for _, v := range s.Approval.Variants {
			for _, part := range v.Parts {
				for _, m := range part.Media {
					f.add("media=", m.Hash)
				}
			}
		}
	}
	d.Facets = f
	return nil
}

func projectChannel(d *index.Doc, r bus.Record) error {
	_, c, err := contract.Channels.Decode(r.Data)
	if err != nil {
		return err
	}
	state := c.State
	if state == "" {
		state = palinsesto.ChannelConnected
	}
	d.Score = millis(r.Time)
	f := facets{}
	f.add("state=", string(state))
	d.Facets = f
	return nil
}

func projectToken(d *index.Doc, data []byte) error {
	_, t, err := contract.Tokens.Decode(data)
	if err != nil {
		return err
	}
	d.Score = millis(t.Made)
	state := "valid"
	if !t.Revoked.IsZero() {
		state = "revoked"
	}
	f := facets{}
	f.add("role=", string(t.Role))
	f.add("state=", state)
	d.Facets = f
	return nil
}

func projectHolds(d *index.Doc, r bus.Record) error {
	_, _, err := contract.Holds.Decode(r.Data)
	d.Score = millis(r.Time)
	return err
}

func projectAlert(d *index.Doc, data []byte) error {
	_, a, err := contract.Alerts.Decode(data)
	if err != nil {
		return err
	}
	d.Score = millis(a.Raised)
	f := facets{}
	f.add("state=", string(a.State))
	f.add("kind=", string(a.Kind))
	d.Facets = f
	return nil
}

// facets are bounded here as the index bounds them: one state that it refuses would hold up all others.
type facets []string

const (
	mostFacets   = 64
	longestFacet = 200
)

// add leaves out what is empty, too long or too much: it cannot be listed by, and is still in the list of all.
func (f *facets) add(name, value string) {
	if value == "" || len(name)+len(value) > longestFacet || len(*f) >= mostFacets {
		return
	}
	for _, x := range *f {
		if len(x) == len(name)+len(value) && x[:len(name)] == name && x[len(name):] == value {
			return
		}
	}
	*f = append(*f, name+value)
}

const mostMillis = 1<<53 - 1 // what a score of Redis holds without rounding

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return min(max(t.UnixMilli(), 0), mostMillis)
}
