// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// placeHold stops. After it is acknowledged no call begins whose intent is later; what has an older
// intent is listed.
func (s *Service) placeHold(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodePlaceHold(data)
	if err != nil {
		return nil, malformed(err)
	}
	if err := s.checkHold(&cmd); err != nil {
		return nil, err
	}
	hold := palinsesto.Hold{ID: newID(cmd.ID), Scope: cmd.Scope, Value: cmd.Value, Reason: cmd.Reason, By: cmd.Actor, At: s.Clock()}
	env := contract.Envelope{Actor: cmd.Actor, At: s.Clock(), CommandID: cmd.ID, Reason: cmd.Reason, Trace: cmd.Trace}
	if was, err := bus.Done(ctx, s.Bus, contract.Holds, contract.HoldSubject, cmd.ID, cmd.Actor.ID); !errors.Is(err, bus.ErrNone) {
		return stoppedBy(was, err) // placed, and perhaps lifted since: not placed a second time
	}
	done, err := bus.Update(ctx, s.Bus, contract.Holds, contract.HoldSubject, env,
		func(cur contract.Event[contract.HoldChange]) (bus.Decision[contract.HoldChange], error) {
			if slices.ContainsFunc(cur.State.Standing, func(h palinsesto.Hold) bool { return h.ID == hold.ID }) {
				return bus.Decision[contract.HoldChange]{}, nil // the same command, carried out twice at once
			}
			if len(cur.State.Standing) >= holdsMost {
				return bus.Decision[contract.HoldChange]{}, palinsesto.Refuse(palinsesto.CodeConflict,
					"Ci sono già troppi fermi: toglierne qualcuno, o fermare tutto.", "Too many holds stand already: lift some, or stop everything.")
			}
			next := contract.HoldChange{Standing: append(slices.Clone(cur.State.Standing), hold), Changed: hold}
			return bus.Decision[contract.HoldChange]{Event: palinsesto.HoldWasPlaced, State: next}, nil
		})
	if err != nil {
		return nil, err
	}
	flying, err := s.inFlight(ctx, done.Seq, hold)
	if err != nil {
		s.Log.Warn("hold stands; posts in flight could not be listed", "error", err)
	}
	return contract.EncodeStopped(palinsesto.Stopped{Hold: hold, InFlight: flying})
}

// holdsMost holds with the longest reasons still fit into the one aggregate of all holds; a stop of
// everything must never fail for want of room, so others are refused well before.
const holdsMost = 50

func stoppedBy(e contract.Event[contract.HoldChange], err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return contract.EncodeStopped(palinsesto.Stopped{Hold: e.State.Changed})
}

// newID makes the same id for the same command.
func newID(command string) string {
	if command != "" {
		return palinsesto.DeriveID("hold", command)
	}
	return uuid.NewString()
}

func (s *Service) checkHold(cmd *palinsesto.PlaceHold) error {
	if !cmd.Actor.Can(palinsesto.ActHold, "") {
		return palinsesto.Refuse(palinsesto.CodeForbidden, "Il ruolo non permette di fermare le pubblicazioni.", "This role may not place holds.")
	}
	if err := tidyReason(&cmd.Reason); err != nil {
		return err
	}
	var problems []palinsesto.Problem
	add := func(field, it, en string) {
		problems = append(problems, palinsesto.Problem{Code: "V-CAMPO", Level: palinsesto.LevelError, Field: field, Text: it, TextEN: en})
	}
	if cmd.Reason == "" {
		add("reason", "Scrivere il motivo del fermo.", "Write the reason of the stop.")
	}
	switch cmd.Scope {
	case palinsesto.ScopeAll:
		if cmd.Value != "" {
			add("value", "Un fermo di tutto non dice che cosa: togliere il valore, oppure indicare network, channel, centre o tag.",
				"A hold over everything does not say what: take the value out, or give network, channel, centre or tag.")
		}
	case palinsesto.ScopeNetwork, palinsesto.ScopeTag:
		if rules.Refused(rules.Line("value", &cmd.Value, valueMost)) || cmd.Value == "" {
			add("value", "Indicare quale rete o tag fermare.", "Say which network or tag.")
		}
	case palinsesto.ScopeChannel:
		if _, ok := s.cfg.Channel(cmd.Value); !ok {
			add("value", "Canale sconosciuto.", "Unknown channel.")
		}
	case palinsesto.ScopeCentre:
		if _, ok := s.cfg.Centre(cmd.Value); !ok {
			add("value", "Centro sconosciuto.", "Unknown centre.")
		}
	default:
		add("scope", "Indicare all, network, channel, centre o tag.", "Give all, network, channel, centre or tag.")
	}
	if len(problems) == 0 {
		return nil
	}
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Il fermo non è stato posto.", TextEN: "The hold was not placed.", Problems: problems}
}

// inFlight lists the posts under a hold whose intent or edit is older than it, read at a state of the log
// that includes the hold: what is found may be at the network now, and nothing else can begin afterwards.
func (s *Service) inFlight(ctx context.Context, seq uint64, h palinsesto.Hold) ([]string, error) {
	open, err := s.openPosts(ctx, seq)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range open {
		cur, err := bus.LoadAt(ctx, s.Bus, contract.Posts, contract.PostSubject(p.Channel, p.ID), seq)
		if err != nil {
			return ids, err
		}
		var tags []string
		if h.Scope == palinsesto.ScopeTag {
			seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
			if err != nil {
				return ids, err
			}
			tags = seg.State.Tags
		}
		if _, stops := (palinsesto.Holds{h}).Stops(cur.State, tags); stops && cur.State.InFlight() {
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

// openPosts finds the posts with an open intent or edit in the index, or in the log itself while the index is
// away: whoever stops everything must be told what was under way.
func (s *Service) openPosts(ctx context.Context, seq uint64) ([]palinsesto.Post, error) {
	err := s.indexReaches(ctx, seq)
	if err == nil {
		var open []palinsesto.Post
		if open, err = s.openInIndex(ctx); err == nil {
			return open, nil
		}
	}
	s.Log.Warn("the index is behind: posts in flight are looked for in the log", "error", err)
	return s.openInLog(ctx)
}

// openInIndex names each post once: one may pass from one of the lists to the other while they are read.
func (s *Service) openInIndex(ctx context.Context) ([]palinsesto.Post, error) {
	var open []palinsesto.Post
	seen := map[string]bool{}
	for _, state := range []palinsesto.PostState{palinsesto.PostPublishing, palinsesto.PostEditing} {
		posts, err := s.list(ctx, palinsesto.PostFilter{State: state}, everything)
		if err != nil {
			return nil, err
		}
		for _, p := range posts {
			if !seen[p.ID] {
				seen[p.ID], open = true, append(open, p)
			}
		}
	}
	return open, nil
}

// openInLog may be shown a post at several of its events, when the connection was made anew meanwhile.
func (s *Service) openInLog(ctx context.Context) ([]palinsesto.Post, error) {
	var open []palinsesto.Post
	seen := map[string]bool{}
	_, err := s.Bus.Snapshot(ctx, func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			a, err := contract.ParseSubject(r.Subject)
			if err != nil || a.Aggregate != contract.AggregatePost || seen[a.ID] ||
				r.Event != string(palinsesto.PostWasPublishing) && r.Event != string(palinsesto.PostWasEditing) {
				continue
			}
			p, err := bus.Decode(contract.Posts, r)
			if err != nil {
				return err
			}
			seen[a.ID], open = true, append(open, p.State)
		}
		return nil
	})
	return open, err
}

const valueMost = 200 // bytes of a tag or a network's name

// indexWait bounds how long a command waits for the index to show what the log has.
const indexWait = 5 * time.Second

// errOldIndex: a Redis of its own may outlive its log, or have seen more than a log that was put back. What it
// shows says nothing of what is open here; the room indexing makes it anew.
var errOldIndex = errors.New("scheduling: the index is of another log, or ahead of it")

// indexReaches waits until the index of this log shows it up to a sequence.
func (s *Service) indexReaches(ctx context.Context, seq uint64) error {
	id, err := s.Bus.LogID(ctx)
	if err != nil {
		return err
	}
	name := index.NameOf(id)
	ctx, cancel := context.WithTimeout(ctx, s.indexWait)
	defer cancel()
	for {
		m, err := s.Index.Meta(ctx)
		if err == nil && m.Ready && m.Seq >= seq {
			last, lastErr := s.Bus.LastSeq(ctx)
			if err = lastErr; err == nil && m.Log == name && m.Seq <= last {
				return nil
			}
			if err == nil {
				err = errOldIndex
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// liftHold goes on. What the hold kept back is let go by onStop, also if this process dies now.
func (s *Service) liftHold(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeLiftHold(data)
	if err != nil {
		return nil, malformed(err)
	}
	if !cmd.Actor.Can(palinsesto.ActOperate, "") {
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden, "Togliere un fermo spetta agli operatori.", "Lifting a hold is for operators.")
	}
	if err := tidyReason(&cmd.Reason); err != nil {
		return nil, err
	}
	env := contract.Envelope{Actor: cmd.Actor, At: s.Clock(), CommandID: cmd.ID, Reason: cmd.Reason, Trace: cmd.Trace}
	done, err := bus.Update(ctx, s.Bus, contract.Holds, contract.HoldSubject, env,
		func(cur contract.Event[contract.HoldChange]) (bus.Decision[contract.HoldChange], error) {
			i := slices.IndexFunc(cur.State.Standing, func(h palinsesto.Hold) bool { return h.ID == cmd.HoldID })
			if i < 0 {
				return bus.Decision[contract.HoldChange]{}, palinsesto.Refuse(palinsesto.CodeNotFound, "Questo fermo non c'è, o è già stato tolto.", "No such hold, or it was lifted.")
			}
			next := contract.HoldChange{Changed: cur.State.Standing[i], Standing: slices.Delete(slices.Clone(cur.State.Standing), i, i+1)}
			return bus.Decision[contract.HoldChange]{Event: palinsesto.HoldWasLifted, State: next}, nil
		})
	if palinsesto.CodeOf(err) == palinsesto.CodeNotFound { // perhaps by this very command, sent again
		if was, derr := bus.Done(ctx, s.Bus, contract.Holds, contract.HoldSubject, cmd.ID, cmd.Actor.ID); !errors.Is(derr, bus.ErrNone) {
			return stoppedBy(was, derr)
		}
	}
	return stoppedBy(done, err)
}

// setChannel pauses, resumes or declares reconnected.
func (s *Service) setChannel(may palinsesto.Action, event string, to palinsesto.ChannelState) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, data []byte) ([]byte, error) {
		cmd, err := contract.DecodeSetChannel(data)
		if err != nil {
			return nil, malformed(err)
		}
		if !cmd.Actor.Can(may, "") {
			return nil, palinsesto.Refuse(palinsesto.CodeForbidden, "Il ruolo non permette di cambiare lo stato dei canali.", "This role may not change channels.")
		}
		if !s.served(cmd.Channel) {
			return nil, palinsesto.Refuse(palinsesto.CodeNotFound, "Canale sconosciuto.", "Unknown channel.")
		}
		if err := tidyReason(&cmd.Reason); err != nil {
			return nil, err
		}
		env := contract.Envelope{Actor: cmd.Actor, At: s.Clock(), CommandID: cmd.ID, Reason: cmd.Reason, Trace: cmd.Trace}
		done, err := bus.Update(ctx, s.Bus, contract.Channels, contract.ChannelSubject(cmd.Channel), env,
			func(cur channelEvent) (bus.Decision[palinsesto.Channel], error) {
				c := cur.State
				if err := mayTurn(c, event); err != nil {
					return bus.Decision[palinsesto.Channel]{}, err
				}
				c.ID, c.State, c.Reason = cmd.Channel, to, cmd.Reason
				return bus.Decision[palinsesto.Channel]{Event: event, State: c}, nil
			})
		if err != nil {
			return nil, err
		}
		return contract.EncodeChannelReply(contract.ChannelReply{Channel: done.State, Seq: done.Seq})
	}
}

// mayTurn keeps a pause and a broken connection from hiding each other: whoever paused is not overruled
// by a reconnection, and a pause does not make a channel forget that its token was refused.
func mayTurn(c palinsesto.Channel, event string) error {
	switch {
	case c.State == palinsesto.ChannelNeedsReconnect && event != palinsesto.ChannelWasConnected:
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Il canale è già fermo e va prima ricollegato: "+c.Reason, "The channel stands still already and needs to be reconnected first.")
	case c.State == palinsesto.ChannelPaused && event == palinsesto.ChannelWasConnected:
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"Il canale è in pausa: per farlo ripartire va ripreso.", "The channel is paused: resume it.")
	default:
		return nil
	}
}
