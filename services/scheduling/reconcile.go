// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// eventLease is after how long an event goes to another copy, or to the next start, when whoever had it was
// killed. A handler that takes longer gives a sign of life.
const eventLease = 15 * time.Second

// segConsumers is how many segnalazioni are reconciled at the same moment.
const segConsumers = 32

func (s *Service) segnalazioni() bus.Consumer {
	return bus.Consumer{
		Name: "scheduling-segnalazioni", Filters: []string{contract.AllSegs}, Workers: segConsumers, Lease: eventLease,
		Wants: func(event string) bool {
			switch palinsesto.SegEvent(event) {
			case palinsesto.SegWasApproved, palinsesto.SegWasRevised, palinsesto.SegWasWithdrawn,
				palinsesto.SegWasExpired, palinsesto.SegWasErased:
				return true
			default:
				return false
			}
		},
	}
}

// errInFlight: what is at the network now has to come to its verdict first.
var errInFlight = errors.New("a post of it is in flight")

const inFlightWait = 2 * time.Second

// errLookedFor: publishing looks for it on the network, and may find it without a person.
var errLookedFor = errors.New("a post of it is looked for")

// lookedForWait is how soon one looks again what came of that, and lookedForMost for how long.
const (
	lookedForWait = 30 * time.Second
	lookedForMost = 26 * time.Hour
)

// errClock: posts get their moment by this clock.
var errClock = errors.New("the clock differs from the log's")

const clockPause = 2 * time.Second

// onSegnalazione brings the posts of a segnalazione in line with it, whatever the event was: the
// newest state decides, so that order and repetition of events do not matter.
func (s *Service) onSegnalazione(ctx context.Context, d bus.Delivery) error {
	if !s.clock.Agrees(ctx) {
		// "As soon as possible" by a clock that is an hour ahead would be in an hour.
		return bus.Later(clockPause, errClock)
	}
	seg, err := bus.LoadAt(ctx, s.Bus, contract.Segnalazioni, d.Subject, d.Seq)
	if err != nil {
		return err
	}
	err = s.reconcile(ctx, seg)
	switch {
	case errors.Is(err, errInFlight):
		return bus.Later(inFlightWait, err)
	case errors.Is(err, errLookedFor):
		return bus.Later(lookedForWait, err)
	case errors.Is(err, errClock):
		return bus.Later(clockPause, err)
	}
	return err
}

// now is the time by a clock that was found right after it was read: of one that is set between the
// question and the reading a post would get its moment an hour from now.
func (s *Service) now(ctx context.Context) (time.Time, error) {
	now := s.Clock()
	if !s.clock.Agrees(ctx) {
		return now, errClock
	}
	return now, nil
}

// reconcile makes, moves, cancels, corrects or removes the posts of one segnalazione.
func (s *Service) reconcile(ctx context.Context, seg segnalazione) error {
	var errs []error
	for _, id := range channelsOf(seg.State) {
		errs = append(errs, s.reconcilePost(ctx, seg, id))
	}
	return errors.Join(errs...)
}

// channelsOf are those where a post exists or should.
func channelsOf(seg palinsesto.Segnalazione) []string {
	ids := slices.Clone(seg.Ever)
	if seg.Approval != nil {
		for _, v := range seg.Approval.Variants {
			if !slices.Contains(ids, v.Channel) {
				ids = append(ids, v.Channel)
			}
		}
	}
	return ids
}

// reconcileTries bounds how often a lost race is decided again before the event comes another time.
const reconcileTries = 20

// reconcilePost goes round until nothing is left to do, each time with the segnalazione read after the
// post, at a state of the log that includes it: what another copy did of a newer version is not undone,
// and what it could not take back, since it was not there yet, is seen by whoever wrote it.
func (s *Service) reconcilePost(ctx context.Context, seg segnalazione, channel string) error {
	cur, err := s.postOf(ctx, seg, channel)
	for range reconcileTries {
		if err != nil {
			return err
		}
		var next post
		if seg, err = bus.LoadAt(ctx, s.Bus, contract.Segnalazioni, seg.Subject, max(seg.Seq, cur.Seq)); err != nil {
			return err
		}
		next, err = s.bringInLine(ctx, seg.State, channel, cur)
		switch {
		case errors.Is(err, bus.ErrStale):
			cur, err = s.postOf(ctx, seg, channel)
		case err != nil || next.Seq == cur.Seq:
			return err
		default:
			cur = next
		}
	}
	return bus.ErrStale
}

// postOf reads the post of a segnalazione on a channel; one that there is not yet has no state.
func (s *Service) postOf(ctx context.Context, seg segnalazione, channel string) (post, error) {
	id := palinsesto.PostID(seg.State.ID, channel, 0)
	cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(channel, id))
	if errors.Is(err, bus.ErrNone) {
		cur.State.ID, cur.State.Channel = id, channel
		return cur, nil
	}
	return cur, err
}

// bringInLine makes one step; the post as it was given says that there was nothing to do.
func (s *Service) bringInLine(ctx context.Context, seg palinsesto.Segnalazione, channel string, cur post) (post, error) {
	v, approved := seg.Variant(channel)
	if approved && seg.State == palinsesto.SegApproved {
		return s.bringOut(ctx, seg, v, cur)
	}
	return s.takeBack(ctx, seg, cur)
}

// bringOut queues what is approved, or corrects what is out already: an approval never makes a second
// post of what the public sees.
func (s *Service) bringOut(ctx context.Context, seg palinsesto.Segnalazione, v palinsesto.Variant, cur post) (post, error) {
	p := cur.State
	switch p.State {
	case palinsesto.PostPublishing, palinsesto.PostRemoving:
		return cur, errInFlight
	case palinsesto.PostUncertain:
		return cur, s.unsettled(p)
	case palinsesto.PostErased:
		return cur, nil
	case palinsesto.PostPosted, palinsesto.PostEdited, palinsesto.PostEditing:
		if p.Wanted() == v.Hash {
			return s.pickedUp(ctx, cur)
		}
		p.State, p.Title = palinsesto.PostEditing, titleOf(seg)
		p.Change = &palinsesto.Change{Kind: "edit", Hash: v.Hash, By: seg.Approval.By}
		return s.put(ctx, cur, palinsesto.PostWasEditing, s.envelope("testo corretto e approvato"), p)
	default: // not out: queued, unless this approval was carried out
	}
	if p.Approved >= seg.Version {
		return cur, nil // this approval was carried out
	}
	if p.AnyOut() && p.State != palinsesto.PostRemoved && p.Hash != v.Hash {
		// Half of the old content is out: it goes first, then this comes back and queues the new one.
		if removalFailed(p) {
			return cur, nil // a person is asked already
		}
		return s.takeDown(ctx, cur, "sostituito da un nuovo testo approvato")
	}
	return s.queue(ctx, seg, v, cur)
}

// titleOf is the title as lists show it.
func titleOf(seg palinsesto.Segnalazione) string { return cut(seg.Title, 120) }

// unsettled waits for a late verdict, as long as one may come; afterwards a person decides, and resolve
// comes back here.
func (s *Service) unsettled(p palinsesto.Post) error {
	if a := p.Attempt; a != nil && s.Clock().Before(a.OverAt(s.cfg.Publishing.Lease+lateVerdict)) {
		return errInFlight
	}
	if a := p.Attempt; a != nil && a.Check != nil && s.Clock().Before(a.Intended.Add(lookedForMost)) {
		return errLookedFor
	}
	return nil
}

// lateVerdict is how long a worker may go on trying to write a verdict down while the log is away.
const lateVerdict = 2 * time.Minute

// queue gives the post its moment and writes it down.
func (s *Service) queue(ctx context.Context, seg palinsesto.Segnalazione, v palinsesto.Variant, cur post) (post, error) {
	p := cur.State
	outParts := p.Parts // parts that are out stay out if the content is the same
	if p.State == palinsesto.PostRemoved || p.Hash != v.Hash || len(outParts) != len(v.Parts) {
		outParts = make([]palinsesto.PartState, len(v.Parts))
	}
	next := palinsesto.Post{
		ID: palinsesto.PostID(seg.ID, v.Channel, 0), Segnalazione: seg.ID, Centre: seg.Centre, Channel: v.Channel,
		Network: v.Network, Kind: seg.Kind, Title: titleOf(seg), State: palinsesto.PostQueued,
		Approved: seg.Version, Hash: v.Hash, Expires: seg.ExpiresAt, Parts: outParts,
		Attempts: p.Attempts, Bend: seg.Approval.Bend || seg.Approval.Due.IsZero(),
	}
	at := seg.Approval.Due
	now, err := s.now(ctx)
	if err != nil {
		return cur, err
	}
	if at.IsZero() || at.Before(now) && next.Bend {
		at = now
	}
	next.FirstDue = at
	due, err := s.reserve(ctx, next, at)
	if none := (*noMomentError)(nil); errors.As(err, &none) {
		next.Due = at
		return s.missFor(ctx, cur, next, none)
	}
	if err != nil {
		return cur, err
	}
	next.Due, next.FirstDue = due, due
	env := contract.Envelope{Actor: seg.Approval.By, At: s.Clock(), Reason: moved(at, due)}
	failpoint.Hit("scheduling.before-queued")
	done, err := s.put(ctx, cur, palinsesto.PostWasQueued, env, next)
	failpoint.Hit("scheduling.after-queued")
	return done, err
}

func moved(wanted, due time.Time) string {
	if due.Equal(wanted) {
		return ""
	}
	return fmt.Sprintf("spostato di %s per la distanza fra i post del canale", due.Sub(wanted).Round(time.Second))
}

// cut shortens at a rune.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
