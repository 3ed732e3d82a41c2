// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// maxKey bounds an Idempotency-Key.
const maxKey = 255

// submit takes a new segnalazione in, once for a key.
func (s *Service) submit(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeSubmit(data)
	if err != nil {
		return nil, malformed(err)
	}
	if err := maySubmit(cmd); err != nil {
		return nil, err
	}
	id, repeatable, err := idOf(cmd)
	if err != nil {
		return nil, err
	}
	if !repeatable {
		return s.takeIn(ctx, cmd, id)
	}
	for range submitTries {
		was, err := s.before(ctx, cmd, id)
		if !errors.Is(err, bus.ErrNone) {
			return encode(was, false, err)
		}
		reply, err := s.takeIn(ctx, cmd, id)
		if !errors.Is(err, bus.ErrStale) {
			return reply, err
		}
		// Somebody was faster, and is seen now; unless a replica of the log lags behind.
	}
	return nil, palinsesto.Refuse(palinsesto.CodeBusy,
		"Con questa chiave (Idempotency-Key) è appena arrivata un'altra richiesta: ripetere fra qualche secondo.",
		"Another request has just come under this Idempotency-Key: send it again in a few seconds.")
}

// submitTries bounds how often what came under the same key at the same moment is looked for.
const submitTries = 20

// maySubmit answers the same for centres of others and for those that do not exist: which there are is
// not for everybody. A document without a readable centre goes on to be told so.
func maySubmit(cmd palinsesto.Submit) error {
	centre, _, _ := rules.Decode(cmd.Document)
	if centre == "" {
		centre = cmd.Actor.Centre
	}
	if cmd.Actor.ID == "" || !cmd.Actor.Can(palinsesto.ActSubmit, centre) {
		return forbidden()
	}
	return nil
}

// idOf names the segnalazione. With a key it is made from actor and key, for ever; without one, the
// command's own id serves, when it is a UUIDv7 as ids are: so a command that is sent again after a lost
// answer makes nothing new.
func idOf(cmd palinsesto.Submit) (id string, repeatable bool, err error) {
	switch {
	case len(cmd.Key) > maxKey:
		return "", false, refused([]palinsesto.Problem{problem("V-CAMPO", "Idempotency-Key",
			"La chiave è troppo lunga: al massimo 255 byte.", "The key is too long: at most 255 bytes.")})
	case cmd.Key != "":
		return palinsesto.DeriveID("seg", cmd.Actor.ID, cmd.Key), true, nil
	case palinsesto.ValidID(cmd.ID) && cmd.ID[14] == '7':
		return cmd.ID, true, nil
	default:
		u, err := uuid.NewV7()
		return u.String(), false, err
	}
}

// before finds what was submitted under the same id, whatever became of it since; bus.ErrNone when
// nothing was. Neither the moment nor the rules count: a repeat of what was taken is never refused.
func (s *Service) before(ctx context.Context, cmd palinsesto.Submit, id string) (segnalazione, error) {
	cur, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.AnySeg(id))
	if err != nil {
		return cur, err
	}
	// A revision has another hash: what counts is what first came under the key.
	records, err := s.Bus.History(ctx, cur.Subject, 1)
	if err != nil {
		return cur, err
	}
	if len(records) == 0 {
		return cur, bus.ErrNone
	}
	first, err := bus.Decode(contract.Segnalazioni, records[0])
	if err != nil {
		return cur, err
	}
	if first.State.State == palinsesto.SegErased {
		return cur, erased()
	}
	if first.State.Author.ID != cmd.Actor.ID || first.State.ContentHash != hashOf(cmd.Document) {
		return cur, keyReused()
	}
	return cur, nil
}

// takeIn judges the document and writes it down; bus.ErrStale when there is one under its id already.
func (s *Service) takeIn(ctx context.Context, cmd palinsesto.Submit, id string) ([]byte, error) {
	if err := s.Bus.Full(); err != nil {
		return nil, err
	}
	t, err := s.read(ctx, cmd.Actor, cmd.Document)
	if err != nil {
		return nil, err
	}
	if rules.Refused(t.Problems) {
		return nil, refused(t.Problems)
	}
	alike, marks := s.similar(ctx, t.Centre, id, t.Content)
	seg := palinsesto.Segnalazione{
		ID: id, Centre: t.Centre, State: palinsesto.SegSubmitted, Version: 1, Content: t.Content,
		Channels: t.Channels, Marks: append(t.Problems, marks...), Similar: alike, ContentHash: t.hash,
		Author: cmd.Actor, SubmittedAt: s.Clock(),
	}
	failpoint.Hit("intake.before-submitted")
	// Two bodies for two centres under one key have two subjects: the id must be new in all centres.
	done, err := bus.PutFirst(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(seg.Centre, id), contract.AnySeg(id),
		string(palinsesto.SegWasSubmitted), s.envelope(cmd.Command, ""), seg)
	failpoint.Hit("intake.after-submitted")
	return encode(done, true, err)
}

func encode(e segnalazione, created bool, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return contract.EncodeSegReply(contract.SegReply{Segnalazione: e.State, Seq: e.Seq, Created: created})
}

func keyReused() error {
	return palinsesto.Refuse(palinsesto.CodeKeyReused,
		"Con questa chiave (Idempotency-Key) è già stata inviata un'altra segnalazione: per inviarne una nuova usare un'altra chiave, per correggere quella già inviata usare la revisione.",
		"Another report was sent under this Idempotency-Key: use another key for a new one, or revise the one that was sent.")
}

func erased() error {
	return palinsesto.Refuse(palinsesto.CodeConflict,
		"La segnalazione inviata con questa chiave è stata cancellata su richiesta: non si può inviare di nuovo con la stessa chiave.",
		"What was sent under this key has been erased.")
}
