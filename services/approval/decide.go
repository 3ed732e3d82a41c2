// SPDX-License-Identifier: AGPL-3.0-or-later

package approval

import (
	"context"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// decision is one of those that carry nothing but a reason.
type decision struct {
	event     palinsesto.SegEvent
	act       palinsesto.Action
	versioned bool // decided on what a page shows, so the version must be given
}

// onDecide carries such a decision out.
func (s *Service) onDecide(d decision) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, data []byte) ([]byte, error) {
		cmd, err := contract.DecodeDecide(data)
		if err != nil {
			return nil, malformed(err)
		}
		cur, err := s.find(ctx, cmd.Actor, d.act, cmd.SegnalazioneID)
		if err != nil {
			return nil, err
		}
		if err := reasoned(&cmd); err != nil {
			return nil, err
		}
		done, created, err := s.decide(ctx, d, cmd, cur.Subject)
		if err != nil {
			return nil, err
		}
		reply := contract.SegReply{Segnalazione: done.State, Seq: done.Seq, Created: created}
		if d.event == palinsesto.SegWasWithdrawn {
			reply.InFlight = s.inFlight(ctx, done)
		}
		return contract.EncodeSegReply(reply)
	}
}

func (s *Service) decide(ctx context.Context, d decision, cmd palinsesto.Decide, subject string) (done segnalazione, created bool, err error) {
	failpoint.Hit("approval.before-" + string(d.event))
	done, err = bus.Update(ctx, s.Bus, contract.Segnalazioni, subject, s.envelope(cmd.Command, cmd.Reason),
		func(cur segnalazione) (bus.Decision[palinsesto.Segnalazione], error) {
			next, err := d.apply(cmd, cur.State)
			created = err == nil
			return bus.Decision[palinsesto.Segnalazione]{Event: string(d.event), State: next}, err
		})
	if err != nil {
		done, err = s.unlessDone(ctx, cmd.Command, subject, err)
		created = false
	}
	return done, created, err
}

// apply gives the segnalazione after the decision. A comment changes nothing: no page becomes stale, no
// approval void; its words stand in the event.
func (d decision) apply(cmd palinsesto.Decide, cur palinsesto.Segnalazione) (palinsesto.Segnalazione, error) {
	comment := d.event == palinsesto.SegWasCommented
	if d.versioned || cmd.Version != 0 && !comment {
		if err := fresh(cmd.Version, cur); err != nil {
			return cur, err
		}
	}
	if err := may(d.event, cur); err != nil {
		return cur, err
	}
	if comment {
		return cur, nil
	}
	cur.State, _ = d.event.To(cur.State)
	cur.Version++
	cur.Reason = cmd.Reason
	return cur, nil
}

// reasoned tidies the reason, which every such decision needs: whoever wrote the segnalazione reads it.
func reasoned(cmd *palinsesto.Decide) error {
	found := rules.Reason("reason", &cmd.Reason)
	if cmd.Reason == "" {
		found = append(found, problem("V-CAMPO", "reason",
			"Manca il motivo: scriverlo, chi ha inviato la segnalazione lo legge e resta nella storia.",
			"The reason is missing: write it, it is read by whoever sent the report and stays in the history."))
	}
	if rules.Refused(found) {
		return invalid(found)
	}
	return nil
}

// inFlight lists the posts whose intent or edit is older than the withdrawal. Publishing looks again after its
// intent, we look at the posts after the withdrawal: one of the two sees the other.
func (s *Service) inFlight(ctx context.Context, withdrawn segnalazione) []string {
	// The segnalazione itself is asked for too: an answer without any message does not tell how much
	// of the log it saw.
	subjects := []string{withdrawn.Subject}
	for _, channel := range withdrawn.State.Ever {
		subjects = append(subjects, contract.PostSubject(channel, palinsesto.PostID(withdrawn.State.ID, channel, 0)))
	}
	records, err := s.Bus.Newest(ctx, withdrawn.Seq, subjects...)
	if err != nil {
		s.Log.Warn("withdrawn; posts in flight could not be listed", "segnalazione", withdrawn.State.ID, "error", err)
		return nil
	}
	var ids []string
	for _, r := range records {
		if r.Subject == withdrawn.Subject {
			continue
		}
		p, err := bus.Decode(contract.Posts, r)
		if err != nil {
			s.Log.Warn("a post could not be read", "error", err)
			continue
		}
		if p.State.InFlight() {
			ids = append(ids, p.State.ID)
		}
	}
	return ids
}
