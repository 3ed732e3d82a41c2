// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (s *Service) endpoints() []bus.Endpoint {
	return []bus.Endpoint{
		{Verb: "requeue", Handle: s.onPost(s.requeue)},
		{Verb: "cancel", Handle: s.onPost(s.cancel)},
		{Verb: "resolve", Handle: s.onPost(s.resolve)},
		{Verb: "remove", Handle: s.onPost(s.remove)},
		{Verb: "requeue-many", Handle: s.requeueMany},
		{Verb: "hold", Handle: s.placeHold},
		{Verb: "lift", Handle: s.liftHold},
		{Verb: "pause", Handle: s.setChannel(palinsesto.ActPauseChannel, palinsesto.ChannelWasPaused, palinsesto.ChannelPaused)},
		{Verb: "resume", Handle: s.setChannel(palinsesto.ActPauseChannel, palinsesto.ChannelWasResumed, palinsesto.ChannelConnected)},
		{Verb: "reconnected", Handle: s.setChannel(palinsesto.ActManageChannel, palinsesto.ChannelWasConnected, palinsesto.ChannelConnected)},
	}
}

// act decides what a command makes of a post.
type act func(ctx context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error)

// onPost carries out a command on one post: who may, loading, deciding and appending are the same for all.
func (s *Service) onPost(do act) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, data []byte) ([]byte, error) {
		cmd, err := contract.DecodePostCommand(data)
		if err != nil {
			return nil, malformed(err)
		}
		done, err := s.carryOut(ctx, cmd, do)
		if err != nil {
			return nil, err
		}
		return contract.EncodePostReply(contract.PostReply{Post: done.State, Seq: done.Seq})
	}
}

func (s *Service) carryOut(ctx context.Context, cmd palinsesto.PostCommand, do act) (post, error) {
	if !cmd.Actor.Can(palinsesto.ActOperate, "") {
		return post{}, palinsesto.Refuse(palinsesto.CodeForbidden,
			"Rimettere in coda, annullare, risolvere e togliere post spetta agli operatori.",
			"Re-queueing, cancelling, resolving and removing posts is for operators.")
	}
	if !palinsesto.ValidID(cmd.PostID) {
		return post{}, noSuchPost()
	}
	cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.AnyPost(cmd.PostID))
	if errors.Is(err, bus.ErrNone) {
		return post{}, noSuchPost()
	}
	if err != nil {
		return post{}, err
	}
	env := contract.Envelope{Actor: cmd.Actor, At: s.Clock(), CommandID: cmd.ID, Reason: cmd.Reason, Trace: cmd.Trace}
	done, err := bus.Update(ctx, s.Bus, contract.Posts, cur.Subject, env,
		func(cur post) (bus.Decision[palinsesto.Post], error) {
			event, next, err := do(ctx, cmd, cur)
			if err == nil && event != "" && !event.May(cur.State.State, next.State) {
				err = notNow(cur.State)
			}
			return bus.Decision[palinsesto.Post]{Event: string(event), State: next}, err
		})
	if err == nil {
		s.nudge()
	}
	return done, err
}

// requeue sends a failed or missed post out again, as long as what it carries is still approved.
func (s *Service) requeue(ctx context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if p.State == palinsesto.PostUncertain {
		return "", p, palinsesto.Refuse(palinsesto.CodeConflict,
			"L'esito di questo post è incerto: prima controllare sul canale, poi indicare se è uscito (con il link) oppure no.",
			"This post may be out: check the channel, then resolve it.")
	}
	if p.State != palinsesto.PostFailed && p.State != palinsesto.PostMissed {
		return "", p, notNow(p)
	}
	if err := s.stillApproved(ctx, p); err != nil {
		return "", p, err
	}
	p, err := s.queuedAgain(ctx, p, cmd.Due)
	return palinsesto.PostWasRequeued, p, err
}

// queuedAgain gives a post a new moment; the grace counts anew, since a person decided anew.
func (s *Service) queuedAgain(ctx context.Context, p palinsesto.Post, at time.Time) (palinsesto.Post, error) {
	now := s.Clock()
	if !at.IsZero() && at.Before(now.Add(-time.Minute)) {
		return p, palinsesto.Refuse(palinsesto.CodeInvalid, "Il momento indicato è già passato.", "The moment given has passed.")
	}
	if at.IsZero() {
		at = now
	}
	due, err := s.reserve(ctx, p, at)
	if err != nil {
		return p, err
	}
	if !p.Expires.IsZero() && due.After(p.Expires) {
		return p, palinsesto.Refuse(palinsesto.CodeConflict,
			"Il primo momento libero del canale viene dopo la scadenza della segnalazione.",
			"The first free moment of the channel lies after the expiry.")
	}
	p.State, p.Due, p.FirstDue, p.Bend = palinsesto.PostQueued, due, due, true
	p.Retries, p.Cause, p.Problem, p.Hold = 0, "", "", ""
	return p, nil
}

// stillApproved refuses what may not go out any more, with the reason.
func (s *Service) stillApproved(ctx context.Context, p palinsesto.Post) error {
	seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil {
		return err
	}
	if seg.State.ExpiredAt(s.Clock()) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"La segnalazione è scaduta: non si pubblica più. Se serve ancora, va rivista con una nuova scadenza e approvata.",
			"The report has expired: revise it with a new expiry and approve it.")
	}
	if !seg.State.Publishable(p.Channel, p.Hash, s.Clock()) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Il contenuto di questo post non è più quello approvato: serve una nuova approvazione.",
			"This post's content is no longer what is approved.")
	}
	return nil
}

// cancel takes back a post that is not out.
func (s *Service) cancel(ctx context.Context, _ palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if p.State == palinsesto.PostPublishing {
		return "", p, palinsesto.Refuse(palinsesto.CodeConflict,
			"Il post è in invio in questo momento: attendere l'esito, poi eventualmente toglierlo dal canale.",
			"The post is being sent right now: wait for the outcome.")
	}
	return palinsesto.PostWasCancelled, p.Cancel(), s.release(ctx, p)
}

// resolve takes a person's word on an uncertain post: it is out, or it is not and goes again.
func (s *Service) resolve(ctx context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if p.State != palinsesto.PostUncertain || p.Attempt == nil {
		return "", p, notNow(p)
	}
	a := *p.Attempt
	p.Attempt = &a
	switch cmd.Outcome {
	case "out":
		if err := checkLink(cmd.Link); err != nil {
			return "", p, err
		}
		a.Verdict, a.Settled = "posted", "secondo "+cmd.Actor.Name
		p.Attempt = &a
		return palinsesto.PostWasResolved, p.PartOut(a.Part, palinsesto.PartState{Link: cmd.Link}, s.Clock()), nil
	case "not_out":
		if free := a.Intended.Add(a.Lasts).Add(s.cfg.Publishing.Lease); a.Worker != "" && s.Clock().Before(free) {
			return "", p, palinsesto.Refuse(palinsesto.CodeConflict,
				"L'invio precedente potrebbe non essere ancora finito: riprovare dopo le "+free.In(s.cfg.Location()).Format("15:04:05")+".",
				"The earlier call may still be under way: try again after "+free.Format(time.RFC3339)+".")
		}
		if err := s.stillApproved(ctx, p); err != nil {
			return "", p, err
		}
		a.Verdict, a.Settled = "not_sent", "secondo "+cmd.Actor.Name
		p.Attempt = &a
		p, err := s.queuedAgain(ctx, p, cmd.Due)
		return palinsesto.PostWasResolved, p, err
	default:
		return "", p, &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Esito non riconosciuto.", TextEN: "Unknown outcome.",
			Problems: []palinsesto.Problem{{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: "outcome",
				Text: "Indicare out (è uscito) oppure not_out (non è uscito).", TextEN: "Give out or not_out."}}}
	}
}

func checkLink(link string) error {
	if len(link) <= 2048 && (strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://")) && !strings.ContainsAny(link, " \t\r\n\"<>") {
		return nil
	}
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Serve il link del post pubblicato.", TextEN: "The post's link is needed.",
		Problems: []palinsesto.Problem{{Code: "V-URL", Level: palinsesto.LevelError, Field: "link",
			Text: "Indicare l'indirizzo del post, che comincia con https://.", TextEN: "Give the address of the post, beginning with https://."}}}
}

// remove takes down what is out.
func (s *Service) remove(_ context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if strings.TrimSpace(cmd.Reason) == "" {
		return "", p, reasonNeeded()
	}
	p.State = palinsesto.PostRemoving
	p.Change = &palinsesto.Change{Kind: "remove", By: cmd.Actor, Reason: cmd.Reason}
	p.Cause, p.Problem = "", ""
	return palinsesto.PostWasRemoving, p, nil
}

func noSuchPost() error {
	return palinsesto.Refuse(palinsesto.CodeNotFound, "Nessun post con questo codice.", "No such post.")
}

func malformed(err error) error {
	return palinsesto.Refuse(palinsesto.CodeInvalid, "Comando non leggibile.", "Malformed command: "+err.Error())
}

func reasonNeeded() error {
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Manca il motivo.", TextEN: "A reason is required.",
		Problems: []palinsesto.Problem{{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: "reason",
			Text: "Scrivere il motivo: resta nella storia.", TextEN: "Write the reason: it stays in the history."}}}
}

// notNow says that a state does not allow what was asked.
func notNow(p palinsesto.Post) error {
	return palinsesto.Refuse(palinsesto.CodeConflict,
		"Il post è nello stato \""+string(p.State)+"\": quello che è stato chiesto ora non si può fare.",
		"The post is "+string(p.State)+": this cannot be done now.")
}
