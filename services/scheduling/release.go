// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// stops are the events after which held posts may go on.
func (s *Service) stops() bus.Consumer {
	return bus.Consumer{
		Name: "scheduling-stops", Filters: []string{contract.HoldSubject, contract.AllChannels}, Workers: 1, Lease: eventLease,
		Wants: func(event string) bool {
			switch event {
			case palinsesto.HoldWasLifted, palinsesto.ChannelWasResumed, palinsesto.ChannelWasConnected:
				return true
			default:
				return false
			}
		},
	}
}

// onStop lets go what a lifted hold, or a channel that is back, kept.
func (s *Service) onStop(ctx context.Context, d bus.Delivery) error {
	id, err := stopID(d)
	if err != nil {
		return bus.Drop(err)
	}
	if err := s.indexReaches(ctx, d.Seq); err != nil {
		return bus.Later(time.Second, err)
	}
	return s.letGo(ctx, id)
}

func stopID(d bus.Delivery) (string, error) {
	if d.Subject == contract.HoldSubject {
		e, err := bus.Decode(contract.Holds, d.Record)
		return e.State.Changed.ID, err
	}
	e, err := bus.Decode(contract.Channels, d.Record)
	return palinsesto.HoldOfChannel(e.State.ID), err
}

// letGo queues the held posts again; claiming then decides about each as about any other: another
// hold, the spacing, the grace.
func (s *Service) letGo(ctx context.Context, hold string) error {
	held, err := s.list(ctx, palinsesto.PostFilter{State: palinsesto.PostHeld}, everything)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range held {
		if p.Hold != hold {
			continue
		}
		errs = append(errs, s.letGoOne(ctx, p, hold))
	}
	return errors.Join(append(errs, s.letEditsGo(ctx))...)
}

// letEditsGo asks again for edits that a stop kept back. One that is under way has an intent of its own
// and is left alone; one that another stop still keeps back meets it in publishing.
func (s *Service) letEditsGo(ctx context.Context) error {
	shown, err := s.list(ctx, palinsesto.PostFilter{State: palinsesto.PostEditing}, everything)
	errs := []error{err}
	for _, p := range shown {
		cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(p.Channel, p.ID))
		if err != nil || cur.State.State != palinsesto.PostEditing || cur.State.Open() {
			errs = append(errs, err)
			continue
		}
		if _, err := s.put(ctx, cur, palinsesto.PostWasEditing, s.envelope("il fermo è stato tolto"), cur.State); !errors.Is(err, bus.ErrStale) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) letGoOne(ctx context.Context, shown palinsesto.Post, hold string) error {
	cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(shown.Channel, shown.ID))
	if err != nil || cur.State.State != palinsesto.PostHeld || cur.State.Hold != hold {
		return err
	}
	next := cur.State
	next.State, next.Hold, next.Cause, next.Problem = palinsesto.PostQueued, "", "", ""
	_, err = s.put(ctx, cur, palinsesto.PostWasQueued, s.envelope("il fermo è stato tolto"), next)
	if errors.Is(err, bus.ErrStale) {
		return nil
	}
	return err
}
