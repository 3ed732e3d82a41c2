// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

func (s *Service) endpoints() []bus.Endpoint {
	return []bus.Endpoint{
		{Verb: "requeue", Handle: s.onPost(s.requeue)},
		{Verb: "cancel", Handle: s.onPost(s.cancel)},
		{Verb: "resolve", Handle: s.onPost(s.resolve, s.afterResolve)},
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
func (s *Service) onPost(do act, after ...func(context.Context, post)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, data []byte) ([]byte, error) {
		cmd, err := contract.DecodePostCommand(data)
		if err != nil {
			return nil, malformed(err)
		}
		done, err := s.carryOut(ctx, cmd, do)
		if err != nil {
			return nil, err
		}
		for _, f := range after {
			f(ctx, done)
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
	if err := tidyReason(&cmd.Reason); err != nil {
		return post{}, err
	}
	if !palinsesto.ValidID(cmd.PostID) {
		return post{}, noSuchPost()
	}
	if !s.clock.Agrees(ctx) {
		return post{}, wrongClock()
	}
	cur, err := bus.Load(ctx, s.Bus, contract.Posts, contract.AnyPost(cmd.PostID))
	if errors.Is(err, bus.ErrNone) {
		return post{}, noSuchPost()
	}
	if err != nil {
		return post{}, err
	}
	// A command that was done is done, whatever came after it: cancelling again what was approved anew
	// since would undo what nobody asked to undo.
	if _, err := bus.Done(ctx, s.Bus, contract.Posts, cur.Subject, cmd.ID, cmd.Actor.ID); !errors.Is(err, bus.ErrNone) {
		return cur, err
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
	if errors.Is(err, errClock) {
		err = wrongClock()
	}
	if err != nil {
		return done, err
	}
	s.nudge()
	if a := done.State.Attempt; done.Name == string(palinsesto.PostWasResolved) && done.Seq != cur.Seq && a != nil && a.Settlement != nil {
		s.Metrics.Settled(done.State.Channel, string(a.Settlement.By))
	}
	if done.State.State == palinsesto.PostCancelled {
		if err := s.release(ctx, done.State); err != nil {
			s.Log.Warn("moment of a cancelled post not given back", "post", done.State.ID, "error", err)
		}
	}
	return done, nil
}

func wrongClock() error {
	return palinsesto.Refuse(palinsesto.CodeBusy,
		"L'orologio del server differisce da quello del registro: finché non concordano non si dà un momento a nessun post. Riprovare fra poco.",
		"The server's clock differs from the log's: no post is given a moment until they agree. Try again soon.")
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

// queuedAgain gives a post a new moment, the one that was asked for or the next free one; the grace
// counts anew, since a person decided anew.
func (s *Service) queuedAgain(ctx context.Context, p palinsesto.Post, at time.Time) (palinsesto.Post, error) {
	now, err := s.now(ctx)
	if err != nil {
		return p, err
	}
	if !at.IsZero() && at.Before(now.Add(-time.Minute)) {
		return p, palinsesto.Refuse(palinsesto.CodeInvalid, "Il momento indicato è già passato.", "The moment given has passed.")
	}
	p.Bend = at.IsZero()
	if p.Bend {
		at = now
	}
	p.Due, p.FirstDue = time.Time{}, at
	due, err := s.reserve(ctx, p, at)
	if err != nil {
		return p, err
	}
	if !p.Expires.IsZero() && due.After(p.Expires) {
		if err := s.release(ctx, p); err != nil {
			return p, err
		}
		return p, beyondExpiry()
	}
	p.State, p.Due, p.FirstDue = palinsesto.PostQueued, due, due
	p.Retries, p.Cause, p.Problem, p.Hold, p.Change = 0, "", "", "", nil
	return p, nil
}

func beyondExpiry() error {
	return palinsesto.Refuse(palinsesto.CodeConflict,
		"Il primo momento libero del canale viene dopo la scadenza della segnalazione.",
		"The first free moment of the channel lies after the expiry.")
}

// stillApproved refuses what may not go out any more, with the reason.
func (s *Service) stillApproved(ctx context.Context, p palinsesto.Post) error {
	seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil {
		return err
	}
	if seg.State.ExpiredAt(s.Clock()) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"La segnalazione è scaduta: non si pubblica più. Se serve ancora, inviarne una nuova con la scadenza aggiornata.",
			"The report has expired: if it is still needed, submit a new one with another expiry.")
	}
	if !seg.State.Publishable(p.Channel, p.Hash, s.Clock()) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Il contenuto di questo post non è più quello approvato: serve una nuova approvazione.",
			"This post's content is no longer what is approved.")
	}
	return nil
}

// cancel takes back a post that is not out.
func (s *Service) cancel(_ context.Context, _ palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if p.State == palinsesto.PostPublishing {
		return "", p, palinsesto.Refuse(palinsesto.CodeConflict,
			"Il post è in invio in questo momento: attendere l'esito, poi eventualmente toglierlo dal canale.",
			"The post is being sent right now: wait for the outcome.")
	}
	return palinsesto.PostWasCancelled, p.Cancel(), nil
}

// remove takes down what is out, also if it is only the first of its parts.
func (s *Service) remove(_ context.Context, cmd palinsesto.PostCommand, cur post) (palinsesto.PostEvent, palinsesto.Post, error) {
	p := cur.State
	if cmd.Reason == "" {
		return "", p, reasonNeeded()
	}
	if !p.AnyOut() {
		return "", p, notNow(p)
	}
	p.State, p.Hold = palinsesto.PostRemoving, ""
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

// reasonMost bounds a reason, in code points: those of holds and channels stand in aggregates that hold
// much else and have no room for a book.
const reasonMost = 1000

// tidyReason takes out of a reason what does not belong there.
func tidyReason(reason *string) error {
	found := rules.Reason("reason", reason)
	*reason = strings.TrimSpace(*reason)
	if !rules.Refused(found) && utf8.RuneCountInString(*reason) > reasonMost {
		found = append(found, palinsesto.Problem{Code: "V-LUNGO", Level: palinsesto.LevelError, Field: "reason",
			Text: "Il motivo è troppo lungo: al massimo 1000 caratteri.", TextEN: "The reason is too long: at most 1000 characters."})
	}
	if rules.Refused(found) {
		return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Il motivo non va bene così.", TextEN: "The reason cannot be taken.", Problems: found}
	}
	return nil
}

func reasonNeeded() error {
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Manca il motivo.", TextEN: "A reason is required.",
		Problems: []palinsesto.Problem{{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: "reason",
			Text: "Scrivere il motivo: resta nella storia.", TextEN: "Write the reason: it stays in the history."}}}
}

// notNow says that a state does not allow what was asked.
func notNow(p palinsesto.Post) error {
	return palinsesto.Refuse(palinsesto.CodeConflict,
		"Lo stato del post è «"+palinsesto.Word(string(p.State))+"»: quello che è stato chiesto ora non si può fare.",
		"The post is "+string(p.State)+": this cannot be done now.")
}
