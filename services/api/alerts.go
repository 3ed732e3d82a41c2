// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// AlertFilter narrows a list of alerts.
type AlertFilter struct {
	State string `query:"state" enum:"open,over" doc:"open: what stands; absent: what is over too"`
	Kind  string `query:"kind" maxLength:"40" doc:"Such as post.failed or house.disk: those of the operators' handbook"`
	SearchInput
}

// AlertView is one cause that operators are told of, once, however many things it befell.
type AlertView struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	State    string     `json:"state" doc:"open or over"`
	Scope    string     `json:"scope,omitempty" doc:"What it befell: a channel, a room; absent: the house"`
	Cause    string     `json:"cause,omitempty"`
	Count    int        `json:"count" doc:"How many things, when it was last told"`
	Examples []string   `json:"examples" doc:"Ids of some of them"`
	Title    string     `json:"title"`
	Detail   string     `json:"detail,omitempty" doc:"What was found"`
	Means    string     `json:"means"`
	Do       string     `json:"do" doc:"What to do about it"`
	Since    *time.Time `json:"since"`
	Over     *time.Time `json:"over"`
	Told     []string   `json:"told" doc:"By which ways people were told of it"`
}

func (v viewer) alert(a palinsesto.Alert) AlertView {
	w := a.Words(v.english)
	out := AlertView{ID: a.ID, Kind: string(a.Kind), State: string(a.State), Scope: a.Scope, Cause: a.Cause, Count: a.Count,
		Examples: listed(a.Examples), Title: w.Title, Detail: a.Detail, Means: w.Means, Do: w.Do,
		Since: v.s.moment(a.Raised), Told: []string{}}
	if a.State == palinsesto.AlertOver {
		out.Over = v.s.moment(a.Over)
	}
	for _, x := range a.Ways {
		if x.Told == a.Message {
			out.Told = append(out.Told, x.Way)
		}
	}
	return out
}

func (s *Service) alertFilter(v viewer, f AlertFilter) (filter, error) {
	out := filter{seen: true}
	out.add("state", f.State)
	out.add("kind", f.Kind)
	return s.narrowed(out, f.SearchInput, func(body []byte) ([]string, error) {
		_, a, err := contract.Alerts.Decode(body)
		x := v.alert(a)
		return append([]string{x.Title, x.Detail, x.Scope, x.Cause, x.Kind, x.ID}, x.Examples...), err
	})
}

type listAlertsInput struct {
	AlertFilter
	PageInput
}

type alertListOutput struct {
	Body struct {
		Page
		Items []AlertView `json:"items" doc:"By when they began"`
	}
}

func (s *Service) listAlerts(ctx context.Context, in *listAlertsInput) (*alertListOutput, error) {
	v, out := s.viewerFor(actorOf(ctx), inEnglish(ctx)), &alertListOutput{}
	out.Body.Items = []AlertView{}
	f, err := s.alertFilter(v, in.AlertFilter)
	if err != nil {
		return nil, err
	}
	out.Body.Page, err = s.find(ctx, "alert", f, in.PageInput, func(body []byte) error {
		_, a, err := contract.Alerts.Decode(body)
		if err == nil {
			out.Body.Items = append(out.Body.Items, v.alert(a))
		}
		return err
	})
	return out, err
}

type exportAlertsInput struct {
	AlertFilter
	CSVInput
}

func (s *Service) exportAlerts(ctx context.Context, in *exportAlertsInput) (*streamOutput, error) {
	if _, err := s.Index.Counts(ctx, "alert", ""); err != nil {
		return nil, err // while a problem can still be told
	}
	v := s.viewerFor(actorOf(ctx), inEnglish(ctx))
	f, err := s.alertFilter(v, in.AlertFilter)
	if err != nil {
		return nil, err
	}
	head := []string{"id", "kind", "state", "scope", "cause", "count", "title", "detail", "do", "since", "over"}
	return s.table(ctx, "alerts", "alert", f, in.CSVInput, head, func(body []byte) ([]string, error) {
		_, full, err := contract.Alerts.Decode(body)
		a := v.alert(full)
		return []string{a.ID, a.Kind, a.State, a.Scope, a.Cause, strconv.Itoa(a.Count), a.Title, a.Detail, a.Do, stamp(a.Since), stamp(a.Over)}, err
	}), nil
}

// alertEvent leaves out how far the telling has come: that is the house's own book-keeping.
func (v viewer) alertEvent(a palinsesto.Actor, r bus.Record, out *EventView) bool {
	if !a.Can(palinsesto.ActSeeAlerts, "") || r.Event == palinsesto.AlertWasTelling || r.Event == palinsesto.AlertWasTold {
		return false
	}
	e, err := bus.Decode(contract.Alerts, r)
	if err != nil {
		return false
	}
	x := v.alert(e.State)
	out.HistoryEntry, out.Alert = entry(v, e), &x
	out.State = x.State
	return true
}
