// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

const (
	// trialEvery is how far apart test messages of one channel are: people see them.
	trialEvery = 30 * time.Second
	// trialCall bounds the call, trialAround what comes before and after it, so that the answer comes within
	// bus.CommandWait.
	trialCall   = 12 * time.Second
	trialAround = 7 * time.Second
)

// trial publishes a marked message to a channel, once, and takes it down again: steps three to six of section
// 6 of the design, with the intent on the channel's aggregate. Nothing repeats it: a command that comes again
// is answered with what it came to, and one whose process died stays without a verdict.
func (s *Service) trial(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeTestChannel(data)
	if err != nil {
		return nil, palinsesto.Refuse(palinsesto.CodeInvalid, "Comando non leggibile.", "Malformed command: "+err.Error())
	}
	w, err := s.trialOn(&cmd)
	if err != nil {
		return nil, err
	}
	// What has begun is brought to its end, also when whoever asked is gone.
	ctx = context.WithoutCancel(ctx)
	done, err := w.tried(ctx, cmd.Command)
	if errors.Is(err, bus.ErrNone) {
		done, err = w.try(ctx, cmd)
	}
	if err != nil {
		return nil, err
	}
	return contract.EncodeChannelReply(contract.ChannelReply{Channel: done.State, Seq: done.Seq})
}

// trialOn checks who asks for what.
func (s *Service) trialOn(cmd *palinsesto.TestChannel) (*worker, error) {
	if !cmd.Actor.Can(palinsesto.ActManageChannel, "") {
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden,
			"Un messaggio di prova si vede sul canale: mandarlo spetta agli amministratori.",
			"A test message is seen on the channel: sending one is for administrators.")
	}
	c, ok := s.cfg.Channel(cmd.Channel)
	if !ok {
		return nil, palinsesto.Refuse(palinsesto.CodeNotFound, "Canale sconosciuto.", "Unknown channel.")
	}
	if !palinsesto.ValidID(cmd.ID) { // by it a repeat is recognised
		return nil, palinsesto.Refuse(palinsesto.CodeInvalid, "Il comando non ha un codice.", "The command has no id.")
	}
	if found := rules.Reason("reason", &cmd.Reason); rules.Refused(found) {
		return nil, &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Il motivo non va bene così.", TextEN: "The reason cannot be taken.", Problems: found}
	}
	return s.worker(c, nil), nil
}

type channelEvent = contract.Event[palinsesto.Channel]

// tried is what an earlier delivery of the same command has come to by now; ErrNone when there was none.
func (w *worker) tried(ctx context.Context, cmd palinsesto.Command) (channelEvent, error) {
	cur, err := bus.Load(ctx, w.Bus, contract.Channels, contract.ChannelSubject(w.channel.ID))
	if err != nil {
		return cur, err
	}
	return cur, again(cur.State, cmd.ID)
}

// again tells whether a test was done already: nil when it is the newest, whose outcome stands there.
func again(c palinsesto.Channel, id string) error {
	switch {
	case c.Test != nil && c.Test.ID == id:
		return nil
	case c.Test != nil && slices.Contains(c.Test.Earlier, id):
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Questa prova è già stata fatta, e dopo ce n'è stata un'altra: il suo esito è nella storia del canale. Per una prova nuova usare un'altra chiave.",
			"This test was done already, and another one since. For a new test use another key.")
	default:
		return bus.ErrNone
	}
}

// try sends it.
func (w *worker) try(ctx context.Context, cmd palinsesto.TestChannel) (channelEvent, error) {
	at, err := w.beforeTrial(ctx)
	if err != nil {
		return at, err
	}
	prepared, err := w.prepareTrial(ctx, cmd)
	if err != nil {
		e := channel.Judge(unsent(err))
		return at, palinsesto.Refuse(palinsesto.CodeConflict, "Il messaggio di prova non si può preparare: "+e.Text, "The test message could not be prepared: "+e.Error())
	}
	if wait, err := w.budget(ctx); err != nil || wait > 0 {
		if err != nil {
			return at, err
		}
		return at, waitFor(wait)
	}
	started := time.Now()
	done, run, err := w.trialIntent(ctx, cmd)
	if err != nil || done.State.Test.Run != run {
		return done, err // sent by another copy, that was asked the same
	}
	failpoint.Hit("publishing.after-trial-intent")
	if err := w.trialStopped(ctx, done.Seq); err != nil {
		return w.stoodDown(ctx, done, err)
	}
	out := w.tryCall(ctx, prepared, started)
	failpoint.Hit("publishing.after-trial-call")
	if err := w.tellChannel(ctx, out.err); err != nil {
		w.Log.Warn("channel state not written", "channel", w.channel.ID, "error", err)
	}
	done, err = w.noteTrial(ctx, done, func(t *palinsesto.ChannelTest) { judgeTrial(t, out) })
	if err != nil || out.err != nil {
		return done, err
	}
	failpoint.Hit("publishing.before-trial-removal")
	return w.afterTrial(ctx, done, cmd.Keep, out.receipt)
}

// beforeTrial refuses what need not be written down.
func (w *worker) beforeTrial(ctx context.Context) (channelEvent, error) {
	if !w.clock.Agrees(ctx) {
		return channelEvent{}, palinsesto.Refuse(palinsesto.CodeBusy,
			"L'orologio del server differisce da quello del registro: finché non concordano non si pubblica nulla. Riprovare fra poco.",
			"The server's clock differs from the log's: nothing is published until they agree. Try again soon.")
	}
	if err := w.trialStopped(ctx, 0); err != nil {
		return channelEvent{}, err
	}
	cur, err := bus.Load(ctx, w.Bus, contract.Channels, contract.ChannelSubject(w.channel.ID))
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return cur, err
	}
	return cur, w.tooSoon(cur.State)
}

// tooSoon keeps test messages apart, and each alone.
func (w *worker) tooSoon(c palinsesto.Channel) error {
	now := w.Clock()
	if t := c.Test; t != nil && (t.Open(now) || now.Before(t.At.Add(trialEvery))) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			fmt.Sprintf("Un messaggio di prova è partito alle %s: guardare come è andato («channels»), poi aspettare %s prima di mandarne un altro.",
				t.At.In(w.cfg.Location()).Format("15:04:05"), trialEvery),
			fmt.Sprintf("A test message was sent at %s: see what it came to, and wait %s before another.", t.At.Format(time.RFC3339), trialEvery))
	}
	return nil
}

// trialStopped refuses under a stop, as of a state of the log that includes a sequence. A channel that waits
// to be reconnected is not stopped by anybody: whether it works again is what a test is to show.
func (w *worker) trialStopped(ctx context.Context, atLeast uint64) error {
	records, err := w.Bus.Newest(ctx, atLeast, contract.HoldSubject, contract.ChannelSubject(w.channel.ID))
	if err != nil {
		return err
	}
	var now situation
	for _, r := range records {
		if err := w.add(&now, r); err != nil {
			return err
		}
	}
	if h, held := now.holds.Stops(palinsesto.Post{Channel: w.channel.ID, Network: w.channel.Network}, nil); held {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"C'è un fermo su questo canale («"+h.Reason+"», "+h.ID+"): anche un messaggio di prova aspetta che sia tolto. Nulla è stato inviato.",
			"A hold stands over this channel ("+h.ID+"): a test message, too, waits until it is lifted. Nothing was sent.")
	}
	if now.channel.State == palinsesto.ChannelPaused {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Il canale è in pausa: riprenderlo, poi mandare la prova. Nulla è stato inviato.",
			"The channel is paused: resume it first. Nothing was sent.")
	}
	if wait := now.channel.NotBefore.Sub(w.Clock()); wait > 0 {
		return waitFor(wait)
	}
	return nil
}

func waitFor(wait time.Duration) error {
	wait = max(time.Second, wait.Round(time.Second))
	return palinsesto.Refuse(palinsesto.CodeBusy,
		fmt.Sprintf("Il canale non ha margine adesso: riprovare fra %s. Nulla è stato inviato.", wait),
		fmt.Sprintf("The channel has no budget now: try again in %s. Nothing was sent.", wait))
}

// prepareTrial makes the message: marked, quiet, and with a code by which a person can tell which it was.
func (w *worker) prepareTrial(ctx context.Context, cmd palinsesto.TestChannel) (channel.Prepared, error) {
	ctx, cancel := context.WithTimeout(ctx, trialAround)
	defer cancel()
	then := "Verrà tolto subito. (It will be removed at once.)"
	if _, can := w.adapter.(channel.Remover); cmd.Keep || !can {
		then = "Si può ignorare. (Please ignore it.)"
	}
	text := fmt.Sprintf("PROVA TECNICA, non è un avviso. (TECHNICAL TEST, not a notice.)\n%s %s\n%s · %s",
		w.cfg.Organisation.Name, w.Clock().In(w.cfg.Location()).Format("02/01/2006 15:04:05"), then, cmd.ID[len(cmd.ID)-8:])
	return w.adapter.Prepare(ctx, channel.Delivery{
		Post: cmd.ID, Key: palinsesto.DeriveID("trial", w.channel.ID, cmd.ID), Part: palinsesto.Part{Text: text}, Silent: true,
	})
}

// trialIntent writes down that this try is about to call; of two that carry out the same command one wins,
// whose run the event names.
func (w *worker) trialIntent(ctx context.Context, cmd palinsesto.TestChannel) (channelEvent, string, error) {
	run := uuid.NewString()
	env := contract.Envelope{Actor: cmd.Actor, At: w.Clock(), CommandID: cmd.ID, Reason: cmd.Reason, Trace: cmd.Trace}
	done, err := bus.Update(ctx, w.Bus, contract.Channels, contract.ChannelSubject(w.channel.ID), env,
		func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
			c := cur.State
			if err := again(c, cmd.ID); !errors.Is(err, bus.ErrNone) {
				return bus.Decision[palinsesto.Channel]{State: c}, err // another copy's, with something on top
			}
			if err := w.tooSoon(c); err != nil {
				return bus.Decision[palinsesto.Channel]{}, err
			}
			c.ID = w.channel.ID
			c.Test = palinsesto.ChannelTest{
				ID: cmd.ID, By: cmd.Actor, At: w.Clock(), Run: run, Lasts: w.cfg.Publishing.CallDeadline + trialCall,
			}.Follow(c.Test)
			return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasTested, State: c}, nil
		})
	return done, run, err
}

// stoodDown closes a test that was not sent: a stop came between.
func (w *worker) stoodDown(ctx context.Context, p channelEvent, why error) (channelEvent, error) {
	text := "Il registro non rispondeva: nulla è stato inviato."
	if e := (*palinsesto.Error)(nil); errors.As(why, &e) {
		text = e.Text
	}
	return w.noteTrial(ctx, p, func(t *palinsesto.ChannelTest) { t.Verdict, t.Problem = "stopped", text })
}

// tryCall makes the one request.
func (w *worker) tryCall(ctx context.Context, p channel.Prepared, started time.Time) outcome {
	ctx, cancel := context.WithTimeout(ctx, trialCall)
	defer cancel()
	return w.call(ctx, p, started)
}

func judgeTrial(t *palinsesto.ChannelTest, out outcome) {
	t.Took = out.took
	if out.err == nil {
		t.Verdict, t.RemoteIDs, t.Link = string(channel.Posted), out.receipt.RemoteIDs, out.receipt.Link
		return
	}
	e := channel.Judge(out.err)
	t.Verdict, t.Cause, t.Problem = string(e.Verdict), e.Cause, e.Text
}

// noteTrial writes down what became of a test, and does not give up while the house runs. The channel's
// aggregate moves under it all the time; what this test came to is nobody else's to say.
func (w *worker) noteTrial(ctx context.Context, p channelEvent, note func(*palinsesto.ChannelTest)) (channelEvent, error) {
	id, done := p.State.Test.ID, p
	err := w.insist(ctx, func() (err error) {
		done, err = bus.Update(ctx, w.Bus, contract.Channels, p.Subject, w.envelope(""),
			func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
				c := cur.State
				if c.Test == nil || c.Test.ID != id {
					return bus.Decision[palinsesto.Channel]{State: c}, nil
				}
				t := *c.Test
				note(&t)
				c.Test = &t
				return bus.Decision[palinsesto.Channel]{Event: palinsesto.ChannelWasTested, State: c}, nil
			})
		return err
	})
	return done, err
}

// afterTrial takes the message down where the network allows it. What cannot be taken down is told.
func (w *worker) afterTrial(ctx context.Context, p channelEvent, keep bool, r channel.Receipt) (channelEvent, error) {
	if keep {
		return w.noteTrial(ctx, p, func(t *palinsesto.ChannelTest) { t.Afterwards = palinsesto.TestKept })
	}
	var why *channel.Error
	if remover, ok := w.adapter.(channel.Remover); !ok {
		why = errNoPower
	} else {
		removing, cancel := context.WithTimeout(ctx, trialAround)
		defer cancel()
		if err := remover.Remove(removing, channel.Target{RemoteIDs: r.RemoteIDs, PostedAt: r.At}); err != nil {
			why = channel.Judge(err)
		}
	}
	return w.noteTrial(ctx, p, func(t *palinsesto.ChannelTest) {
		if t.Afterwards = palinsesto.TestRemoved; why != nil {
			t.Afterwards, t.Cause, t.Problem = palinsesto.TestLeft, why.Cause, "Il messaggio di prova è uscito e va tolto a mano. "+why.Text
		}
	})
}
