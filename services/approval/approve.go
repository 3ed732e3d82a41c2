// SPDX-License-Identifier: AGPL-3.0-or-later

package approval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/failpoint"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// pastDue is how long ago a wanted moment may lie: a form takes its time to be filled in.
const pastDue = time.Minute

// approve binds a yes to exactly what will go out: text, media and alternative texts of every channel.
func (s *Service) approve(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeApprove(data)
	if err != nil {
		return nil, malformed(err)
	}
	cur, err := s.find(ctx, cmd.Actor, palinsesto.ActReview, cmd.SegnalazioneID)
	if err != nil {
		return nil, err
	}
	done, created, err := s.sayYes(ctx, cmd, cur)
	if err != nil {
		// A command that was done is done: what made it impossible since changes nothing about it.
		done, err = s.unlessDone(ctx, cmd.Command, cur.Subject, err)
		created = false
	}
	if err != nil {
		return nil, err
	}
	return contract.EncodeSegReply(contract.SegReply{Segnalazione: done.State, Seq: done.Seq, Created: created})
}

func (s *Service) sayYes(ctx context.Context, cmd palinsesto.Approve, cur segnalazione) (done segnalazione, created bool, err error) {
	if err := s.mayApprove(cmd, cur.State); err != nil {
		return cur, false, err
	}
	found := append(rules.Reason("reason", &cmd.Reason), s.aboutDue(cmd, cur.State)...)
	variants, edits, more, err := s.variants(ctx, cmd, cur.State)
	if err != nil {
		return cur, false, err
	}
	if found = append(found, more...); rules.Refused(found) {
		return cur, false, invalid(found)
	}
	kept, err := s.keepMoments(ctx, cmd, cur.State.ID, variants)
	if err != nil {
		return cur, false, err
	}
	failpoint.Hit("approval.before-approved")
	done, err = bus.Update(ctx, s.Bus, contract.Segnalazioni, cur.Subject, s.envelope(cmd.Command, cmd.Reason),
		func(cur segnalazione) (bus.Decision[palinsesto.Segnalazione], error) {
			// The variants were made of the version that the page showed; only a comment may have come since.
			if err := s.mayApprove(cmd, cur.State); err != nil {
				return bus.Decision[palinsesto.Segnalazione]{}, err
			}
			created = true
			next := s.approved(cmd, cur.State, variants, marks(more))
			next.Approval.Edits = edits
			return bus.Decision[palinsesto.Segnalazione]{Event: string(palinsesto.SegWasApproved), State: next}, nil
		})
	failpoint.Hit("approval.after-approved")
	if inVain(cmd, done, err) {
		s.giveBack(ctx, kept)
	}
	return done, created, err
}

// mayApprove holds the rule of four eyes and the version that was seen.
func (s *Service) mayApprove(cmd palinsesto.Approve, cur palinsesto.Segnalazione) error {
	if wrote(cmd.Actor, cur) && !s.cfg.Review.AllowsSelfApproval(cur.Centre) {
		return palinsesto.Refuse(palinsesto.CodeForbidden,
			"Chi ha scritto o modificato questa segnalazione non può approvarla: serve un'altra persona della redazione.",
			"Whoever wrote or revised this report may not approve it: another person of the newsroom is needed.")
	}
	if err := fresh(cmd.Version, cur); err != nil {
		return err
	}
	if err := may(palinsesto.SegWasApproved, cur); err != nil {
		return err
	}
	if cur.ExpiredAt(s.Clock()) {
		return palinsesto.Refuse(palinsesto.CodeConflict,
			"La segnalazione è scaduta: non si pubblica più. Se serve ancora, inviarne una nuova con la scadenza aggiornata.",
			"The report has expired and will not be published. If it is still needed, submit a new one with another expiry.")
	}
	return nil
}

// wrote tells whether a had a hand in the text.
func wrote(a palinsesto.Actor, seg palinsesto.Segnalazione) bool {
	return a.ID == seg.Author.ID || slices.Contains(seg.Revisers, a.ID)
}

// aboutDue judges the wanted moment.
func (s *Service) aboutDue(cmd palinsesto.Approve, seg palinsesto.Segnalazione) []palinsesto.Problem {
	switch {
	case cmd.Due.IsZero():
		return nil
	case cmd.Due.Before(s.Clock().Add(-pastDue)):
		return []palinsesto.Problem{problem("V-CAMPO", "at",
			"Il momento indicato è già passato. Sceglierne uno futuro, o nessuno per pubblicare appena possibile.",
			"The moment given has passed. Choose one to come, or none to publish as soon as possible.")}
	case !seg.ExpiresAt.IsZero() && cmd.Due.After(seg.ExpiresAt):
		return []palinsesto.Problem{problem("V-SCADENZA", "at",
			fmt.Sprintf("Il momento indicato viene dopo la scadenza della segnalazione (%s): non uscirebbe mai. Anticiparlo.", s.moment(seg.ExpiresAt)),
			"The moment given lies after the expiry: nothing would ever go out. Choose an earlier one.")}
	default:
		return nil
	}
}

// marks are what people see beside what was approved.
func marks(found []palinsesto.Problem) []palinsesto.Problem {
	return slices.DeleteFunc(slices.Clone(found), func(p palinsesto.Problem) bool { return p.Level != palinsesto.LevelMark })
}

// approved is the segnalazione after the yes.
func (s *Service) approved(cmd palinsesto.Approve, seg palinsesto.Segnalazione, variants []palinsesto.Variant, marks []palinsesto.Problem) palinsesto.Segnalazione {
	seg.State, _ = palinsesto.SegWasApproved.To(seg.State)
	seg.Version++
	seg.Reason = ""
	seg.Approval = &palinsesto.Approval{
		By: cmd.Actor, At: s.Clock(), Hash: palinsesto.HashVariants(variants), Due: cmd.Due, Bend: cmd.Bend,
		Variants: variants, SelfMade: wrote(cmd.Actor, seg),
	}
	seg.Ever = slices.Clone(seg.Ever)
	for _, v := range variants {
		if !slices.Contains(seg.Ever, v.Channel) {
			seg.Ever = append(seg.Ever, v.Channel)
		}
	}
	seg.Marks = append(slices.Clone(seg.Marks), marks...)
	if len(variants) == 0 {
		seg.Marks = append(seg.Marks, palinsesto.Problem{Code: "V-RETE-ASSENTE", Level: palinsesto.LevelNote, Field: "wanted_channels",
			Text:   "Approvata, ma nessuna delle reti chieste ha qui un canale: per ora non esce da nessuna parte.",
			TextEN: "Approved, but none of the networks asked for has a channel here: it goes out nowhere for now."})
	}
	return seg
}
