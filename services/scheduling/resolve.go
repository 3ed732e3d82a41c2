// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// resolve takes a person's word on an uncertain post: it is out, or it is not and goes again.
func (s *Service) resolve(ctx context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if cmd.Outcome == "done" {
		return doneByHand(p, cmd)
	}
	if p.State != palinsesto.PostUncertain || p.Attempt == nil {
		return "", p, notNow(p)
	}
	a := *p.Attempt
	p.Attempt = &a
	switch cmd.Outcome {
	case "out":
		p, err := s.isOut(ctx, p, cmd)
		return palinsesto.PostWasResolved, p, err
	case "not_out":
		p, err := s.isNotOut(ctx, p, cmd)
		return palinsesto.PostWasResolved, p, err
	default:
		return "", p, &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Esito non riconosciuto.", TextEN: "Unknown outcome.",
			Problems: []palinsesto.Problem{{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: "outcome",
				Text:   "Indicare out (è uscito), not_out (non è uscito) oppure done (la modifica è stata fatta a mano).",
				TextEN: "Give out, not_out, or done (the change was made by hand)."}}}
	}
}

// isOut is a post of which a person has found the doubtful part on the network.
func (s *Service) isOut(ctx context.Context, p palinsesto.Post, cmd palinsesto.PostCommand) (palinsesto.Post, error) {
	found, err := s.foundAt(ctx, p, cmd.Link)
	if err != nil {
		return p, err
	}
	now, err := s.now(ctx)
	if err != nil {
		return p, err
	}
	p.Attempt.Verdict = "posted"
	p.Attempt.Settle(palinsesto.SettledByPerson, s.Clock(), cmd.Link, "secondo "+cmd.Actor.Name)
	p = p.PartOut(p.Attempt.Part, found, now)
	if p.State == palinsesto.PostDue {
		// The next part follows now: the grace counts anew, since a person decided anew.
		p.Due, p.FirstDue = now, now
	}
	return s.markOutdated(ctx, p)
}

// isNotOut is a post that goes again, or that is over when it may not go out any more.
func (s *Service) isNotOut(ctx context.Context, p palinsesto.Post, cmd palinsesto.PostCommand) (palinsesto.Post, error) {
	a := p.Attempt
	if free := a.OverAt(s.cfg.Publishing.Lease); a.Worker != "" && s.Clock().Before(free) {
		return p, palinsesto.Refuse(palinsesto.CodeConflict,
			"L'invio precedente potrebbe non essere ancora finito: riprovare dopo le "+free.In(s.cfg.Location()).Format("15:04:05")+".",
			"The earlier call may still be under way: try again after "+free.Format(time.RFC3339)+".")
	}
	a.Verdict = "not_sent"
	a.Settle(palinsesto.SettledByPerson, s.Clock(), "", "secondo "+cmd.Actor.Name)
	err := s.stillApproved(ctx, p)
	if palinsesto.CodeOf(err) == palinsesto.CodeConflict {
		// Withdrawn, expired or approved otherwise since: the doubt is settled all the same.
		return s.markOutdated(ctx, p.Cancel())
	}
	if err != nil {
		return p, err
	}
	return s.queuedAgain(ctx, p, cmd.Due)
}

// doneByHand takes a person's word that they did on the network what could not be done from here. Without
// it the task would stand in the list for ever where the network allows no other way.
func doneByHand(p palinsesto.Post, cmd palinsesto.PostCommand) (palinsesto.PostEvent, palinsesto.Post, error) {
	if cmd.Reason == "" {
		return "", p, reasonNeeded()
	}
	asked := p.Change != nil && p.Change.Problem != ""
	switch {
	case p.State == palinsesto.PostCancelled && p.Cause != "":
		p.State = palinsesto.PostRemoved // what was out of it
	case p.State != palinsesto.PostPosted && p.State != palinsesto.PostFailed:
		return "", p, notNow(p)
	case asked && p.Change.Kind == "edit":
		p.State, p.Hash = palinsesto.PostEdited, p.Change.Hash
	case asked || p.Cause == causeDropped:
		p.State = palinsesto.PostRemoved
	default:
		return "", p, notNow(p)
	}
	p.Change, p.Cause, p.Problem = nil, "", ""
	return palinsesto.PostWasResolved, p, nil
}

// markOutdated: the sweep finds what is marked if this process dies before afterResolve is through.
func (s *Service) markOutdated(ctx context.Context, p palinsesto.Post) (palinsesto.Post, error) {
	seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil {
		return p, err
	}
	v, ok := seg.State.Variant(p.Channel)
	changed := seg.State.State == palinsesto.SegApproved && ok && v.Hash != p.Hash
	if changed || gone(seg.State) && p.AnyOut() {
		p.Cause = palinsesto.CauseOutdated
		p.Problem = "La segnalazione è stata ritirata o cambiata mentre l'esito era incerto: il post va tolto o corretto."
	}
	return p, nil
}

// sweepOutdated carries on where afterResolve was cut off.
func (s *Service) sweepOutdated(ctx context.Context) error {
	posts, err := s.list(ctx, palinsesto.PostFilter{Cause: palinsesto.CauseOutdated}, everything)
	for _, p := range posts {
		s.afterResolve(ctx, post{State: p})
	}
	return err
}

// afterResolve brings a settled post in line with what became of its segnalazione while it was
// uncertain: withdrawn, then it has to be removed; approved otherwise, then corrected or queued anew.
func (s *Service) afterResolve(ctx context.Context, done post) {
	p := done.State
	seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err == nil {
		err = s.reconcilePost(ctx, seg, p.Channel)
	}
	if err != nil && !errors.Is(err, errInFlight) && !errors.Is(err, errLookedFor) {
		s.Log.Warn("settled post not yet in line with its segnalazione; the sweep does it", "post", p.ID, "error", err)
	}
}

func checkLink(link string) error {
	it, en := network.FaultOfLink(link)
	if it == "" {
		return nil
	}
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Serve il link del post pubblicato.", TextEN: "The post's link is needed.",
		Problems: []palinsesto.Problem{{Code: "V-URL", Level: palinsesto.LevelError, Field: "link",
			Text: "L'indirizzo del post " + it, TextEN: "The address of the post " + en}}}
}
