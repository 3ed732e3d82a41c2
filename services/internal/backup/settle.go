// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// CauseRestored groups the posts of which nobody here knows whether they went out after the copy was taken.
const CauseRestored = "restored"

// Back says which copy of the log was put back.
type Back struct {
	Taken time.Time // nothing later than this is on the log
	Now   time.Time
	Why   string // for people: what was found or done
	// Facts are what was noted outside the data folder since, oldest first; none where it is not at hand.
	Facts []Fact
	Zone  *time.Location // of the moments in sentences; nil: UTC
}

// Settled is what became of a log that was put back.
type Settled struct {
	Hold      palinsesto.Hold `json:"hold"`
	Doubtful  []string        `json:"doubtful"`  // ids of posts that a person has to look up on their channel
	Repeated  []string        `json:"repeated"`  // what was noted outside since, and done again here
	Elsewhere []string        `json:"elsewhere"` // what went out since, of which nothing else is known here
}

var restorer = palinsesto.Room("restore")

// Settle makes a log that was put back safe to start on. First everything is stopped, then what was noted
// since is done again, and of what may have gone out since a person is asked. What is due later stays in
// the queue, under the hold: nobody but a person can have sent it early, and nobody wants to approve a
// whole month anew. It may be repeated, and cut off at any point: the hold is the first thing it does.
func Settle(ctx context.Context, b *bus.Bus, back Back) (Settled, error) {
	s := &settler{b: b, back: back, segs: map[string]palinsesto.Segnalazione{}, absent: map[string]Fact{}}
	var err error
	if s.done.Hold, err = s.hold(ctx); err != nil {
		return s.done, fmt.Errorf("il fermo non è stato posto: non avviare la casa su questi dati (the hold could not be placed): %w", err)
	}
	for _, f := range back.Facts {
		if err := s.repeat(ctx, f); err != nil {
			return s.done, err
		}
	}
	if err := s.settle(ctx); err != nil {
		return s.done, err
	}
	for _, f := range back.Facts {
		if _, left := s.absent[f.Subject]; left {
			s.elsewhere(f)
		}
	}
	return s.done, nil
}

type settler struct {
	b    *bus.Bus
	back Back
	done Settled
	segs map[string]palinsesto.Segnalazione // approved
	// absent are the facts of what is not on this log, by subject: reported since, or a post that an
	// approval in the copy had not got yet.
	absent map[string]Fact
}

type post = contract.Event[palinsesto.Post]

func (s *settler) envelope(why string) contract.Envelope {
	return contract.Envelope{Actor: restorer, At: s.back.Now, Reason: why}
}

func (s *settler) moment(t time.Time) string {
	if s.back.Zone == nil {
		return t.UTC().Format("02/01/2006 15:04:05 MST")
	}
	return t.In(s.back.Zone).Format("02/01/2006 15:04:05")
}

// hold stops everything. Unlike one that a person places it is never refused for want of room.
func (s *settler) hold(ctx context.Context) (palinsesto.Hold, error) {
	last, err := s.b.LastSeq(ctx)
	if err != nil {
		return palinsesto.Hold{}, err
	}
	command := palinsesto.DeriveID("put-back", s.back.Taken.UTC().Format(time.RFC3339Nano), strconv.FormatUint(last, 10))
	hold := palinsesto.Hold{
		ID: palinsesto.DeriveID("hold", command), Scope: palinsesto.ScopeAll, By: restorer, At: s.back.Now,
		Reason: s.back.Why + " Di quello che è successo dopo il " + s.moment(s.back.Taken) + " (pubblicazioni, ritiri, revoche, correzioni) qui si sa solo ciò che è stato annotato fuori dai dati. " +
			"Prima di togliere il fermo: guardare sui canali i post con causa «" + CauseRestored + "» e dire di ognuno se è uscito (resolve); rifare ritiri e revoche; " +
			"accertarsi che nessun'altra copia della casa sia in funzione sugli stessi canali. (An older copy was put back: see what went out since, then lift.)",
	}
	env := s.envelope(s.back.Why)
	env.CommandID = command
	_, err = bus.Update(ctx, s.b, contract.Holds, contract.HoldSubject, env,
		func(cur contract.Event[contract.HoldChange]) (bus.Decision[contract.HoldChange], error) {
			for _, h := range cur.State.Standing {
				if h.By.ID == restorer.ID && h.Scope == palinsesto.ScopeAll {
					hold = h // an earlier run was cut off after it
					return bus.Decision[contract.HoldChange]{}, nil
				}
			}
			next := contract.HoldChange{Standing: append(append(palinsesto.Holds(nil), cur.State.Standing...), hold), Changed: hold}
			return bus.Decision[contract.HoldChange]{Event: palinsesto.HoldWasPlaced, State: next}, nil
		})
	return hold, err
}

// settle asks people about what may have gone out.
func (s *settler) settle(ctx context.Context) error {
	var posts []post
	known := map[string]post{}
	_, err := s.b.Snapshot(ctx, func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			a, err := contract.ParseSubject(r.Subject)
			if err != nil {
				continue // the check tells it
			}
			switch a.Aggregate {
			case contract.AggregateSeg:
				if e, err := bus.Decode(contract.Segnalazioni, r); err == nil && e.State.State == palinsesto.SegApproved {
					s.segs[e.State.ID] = e.State
				}
			case contract.AggregatePost:
				if e, err := bus.Decode(contract.Posts, r); err == nil {
					posts, known[r.Subject] = append(posts, e), e
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range posts {
		errs = append(errs, s.doubt(ctx, p))
	}
	for _, seg := range s.segs {
		errs = append(errs, s.missing(ctx, seg, known))
	}
	return errors.Join(errs...)
}

// mayBeOut tells whether a post as the copy has it may have gone out since.
func (s *settler) mayBeOut(p palinsesto.Post) bool {
	seg, approved := s.segs[p.Segnalazione]
	switch p.State {
	case palinsesto.PostPublishing, palinsesto.PostDue, palinsesto.PostRetrying, palinsesto.PostHeld:
		return true
	case palinsesto.PostPlanned, palinsesto.PostQueued:
		return !p.Due.After(s.back.Now) || s.behind(p, seg)
	case palinsesto.PostFailed, palinsesto.PostMissed:
		// A person may have sent it again; not what could not go out any more when the copy was taken.
		return approved && !seg.ExpiredAt(s.back.Taken)
	default:
		return false
	}
}

// behind: the approval was carried out after the copy was taken, at a moment that has passed by now.
func (s *settler) behind(p palinsesto.Post, seg palinsesto.Segnalazione) bool {
	_, wanted := seg.Variant(p.Channel)
	return wanted && p.Approved < seg.Version && !seg.Approval.Due.After(s.back.Now)
}

// doubt makes a post uncertain, or leaves it.
func (s *settler) doubt(ctx context.Context, cur post) error {
	p := cur.State
	if p.State == palinsesto.PostEditing {
		return s.doubtEdit(ctx, cur)
	}
	if !s.mayBeOut(p) {
		return nil
	}
	return s.uncertain(ctx, cur, "Dopo la copia ripristinata ("+s.moment(s.back.Taken)+") può essere uscito: controllare sul canale, poi indicare se c'è (con il link) o se va inviato.")
}

// uncertain appends it. The attempt that it stands for has no worker of ours: whoever made it, made it
// between the copy and now.
func (s *settler) uncertain(ctx context.Context, cur post, problem string) error {
	p := cur.State
	a := palinsesto.Attempt{Part: min(p.NextPart(), max(0, len(p.Parts)-1)), Hash: p.Hash, Intended: s.back.Taken}
	if p.State == palinsesto.PostPublishing && p.Attempt != nil {
		a = *p.Attempt
	} else {
		p.Attempts++
		a.Number = p.Attempts
	}
	a.Verdict = "unknown"
	p.State, p.Attempt, p.Hold, p.Cause, p.Problem = palinsesto.PostUncertain, &a, "", CauseRestored, problem
	_, err := bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasUncertain), s.envelope(s.back.Why), p)
	if errors.Is(err, bus.ErrStale) {
		return nil // a house that runs has moved it on, under the hold
	}
	if err == nil {
		s.done.Doubtful = append(s.done.Doubtful, p.ID)
	}
	return err
}

// doubtEdit leaves a correction to people: the network may show a newer text than the one asked for here.
func (s *settler) doubtEdit(ctx context.Context, cur post) error {
	p := cur.State
	if p.Change == nil || p.NextPart() < len(p.Parts) {
		return nil
	}
	c := *p.Change
	c.Problem, c.Cause = "La correzione era in corso quando è stata presa la copia ripristinata: controllare che cosa mostra il canale.", CauseRestored
	p.State, p.Change, p.Cause, p.Problem = palinsesto.PostPosted, &c, CauseRestored, c.Problem
	if p.Open() {
		a := *p.Attempt
		a.Verdict = "unknown"
		p.Attempt = &a
	}
	_, err := bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasFailed), s.envelope(s.back.Why), p)
	if errors.Is(err, bus.ErrStale) {
		return nil
	}
	if err == nil {
		s.done.Doubtful = append(s.done.Doubtful, p.ID)
	}
	return err
}

// missing makes the posts of an approval that the copy caught before its posts were made, and at once
// uncertain: else scheduling would make them now, as if they were new. What was noted of them since is then
// done again, as for any other post.
// That the copy may have it cancelled or removed, for an earlier approval, changes nothing.
func (s *settler) missing(ctx context.Context, seg palinsesto.Segnalazione, known map[string]post) error {
	if seg.Approval == nil || seg.Approval.Due.After(s.back.Now) || seg.ExpiredAt(s.back.Taken) {
		return nil
	}
	var errs []error
	for _, v := range seg.Approval.Variants {
		id := palinsesto.PostID(seg.ID, v.Channel, 0)
		subject := contract.PostSubject(v.Channel, id)
		cur, there := known[subject]
		if again := over(cur.State.State) && s.behind(cur.State, seg); there && !again {
			continue
		}
		cur.Subject = subject
		due := seg.Approval.Due
		if due.IsZero() {
			due = s.back.Taken
		}
		next := palinsesto.Post{
			ID: id, Segnalazione: seg.ID, Centre: seg.Centre, Channel: v.Channel, Network: v.Network, Kind: seg.Kind,
			Title: seg.Title, State: palinsesto.PostQueued, Approved: seg.Version, Hash: v.Hash, Expires: seg.ExpiresAt,
			Parts: make([]palinsesto.PartState, len(v.Parts)), Due: due, FirstDue: due, Bend: seg.Approval.Bend || seg.Approval.Due.IsZero(),
			Attempts: cur.State.Attempts,
		}
		made, err := bus.Put(ctx, s.b, contract.Posts, cur, string(palinsesto.PostWasQueued), s.envelope(s.back.Why), next)
		if err == nil {
			err = s.doubt(ctx, made)
		}
		if f, noted := s.noted(subject); noted && err == nil {
			delete(s.absent, subject)
			err = s.repeatPost(ctx, f)
		}
		if !errors.Is(err, bus.ErrStale) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// over: scheduling makes such a post anew when its segnalazione is approved again.
func over(state palinsesto.PostState) bool {
	return state == palinsesto.PostCancelled || state == palinsesto.PostRemoved
}

// noted is the newest of what was noted outside of a subject.
func (s *settler) noted(subject string) (Fact, bool) {
	for _, f := range slices.Backward(s.back.Facts) {
		if f.Subject == subject {
			return f, true
		}
	}
	return Fact{}, false
}
