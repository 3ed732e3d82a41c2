// SPDX-License-Identifier: AGPL-3.0-or-later

package audit_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/audit"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var (
	t0        = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	referente = palinsesto.Actor{ID: "token:r", Name: "Rita", Role: palinsesto.RoleReferente, Centre: "jesi"}
	redattore = palinsesto.Actor{ID: "token:d", Name: "Dora", Role: palinsesto.RoleRedattore}
	operatore = palinsesto.Actor{ID: "token:o", Name: "Olmo", Role: palinsesto.RoleOperatore}
	publisher = palinsesto.Room("publishing")
	scheduler = palinsesto.Room("scheduling")

	segID  = palinsesto.DeriveID("seg", "1")
	postID = palinsesto.PostID(segID, "telegram-marche", 0)
)

// story is a log in the making: one segnalazione, one post.
type story struct {
	t       *testing.T
	records []bus.Record
	seg     palinsesto.Segnalazione
	post    palinsesto.Post
	at      time.Time
}

func put[T any](s *story, c contract.Codec[T], subject, event string, who palinsesto.Actor, state T) {
	s.t.Helper()
	s.at = s.at.Add(time.Second)
	data, err := c.Encode(contract.Envelope{Actor: who, At: s.at}, state)
	require.NoError(s.t, err)
	s.records = append(s.records, bus.Record{Subject: subject, Event: event, Seq: uint64(len(s.records) + 1), Time: s.at, Data: data})
}

func (s *story) segnalazione(event palinsesto.SegEvent, state palinsesto.SegState, who palinsesto.Actor) {
	s.t.Helper()
	s.seg.State = state
	put(s, contract.Segnalazioni, contract.SegSubject("jesi", segID), string(event), who, s.seg)
}

func (s *story) event(event palinsesto.PostEvent, state palinsesto.PostState, who palinsesto.Actor, change ...func(*palinsesto.Post)) {
	s.t.Helper()
	s.post.State = state
	if a := s.post.Attempt; a != nil {
		c := *a
		s.post.Attempt = &c
	}
	s.post.Parts = append([]palinsesto.PartState(nil), s.post.Parts...)
	for _, f := range change {
		f(&s.post)
	}
	put(s, contract.Posts, contract.PostSubject("telegram-marche", postID), string(event), who, s.post)
}

func (s *story) holds(event string, standing palinsesto.Holds) {
	s.t.Helper()
	put(s, contract.Holds, contract.HoldSubject, event, operatore, contract.HoldChange{Standing: standing, Changed: palinsesto.Hold{ID: "h"}})
}

// approved is a story up to the approval and the queue.
func approved(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, at: t0}
	s.seg = palinsesto.Segnalazione{ID: segID, Centre: "jesi", Version: 1, Author: referente, SubmittedAt: t0,
		Content: palinsesto.Content{Kind: palinsesto.KindAvviso, Title: "Avviso", Tags: []string{"Jesi"}, ExpiresAt: t0.Add(time.Hour)}}
	s.segnalazione(palinsesto.SegWasSubmitted, palinsesto.SegSubmitted, referente)
	parts := []palinsesto.Part{{Text: "Avviso"}}
	v := palinsesto.Variant{Channel: "telegram-marche", Network: "telegram", Parts: parts, Hash: palinsesto.HashParts(parts)}
	s.seg.Version = 2
	s.seg.Approval = &palinsesto.Approval{By: redattore, At: t0, Hash: palinsesto.HashVariants([]palinsesto.Variant{v}), Variants: []palinsesto.Variant{v}}
	s.segnalazione(palinsesto.SegWasApproved, palinsesto.SegApproved, redattore)
	s.post = palinsesto.Post{ID: postID, Segnalazione: segID, Centre: "jesi", Channel: "telegram-marche", Network: "telegram",
		Approved: 2, Hash: v.Hash, Due: t0, FirstDue: t0, Parts: make([]palinsesto.PartState, 1)}
	s.event(palinsesto.PostWasQueued, palinsesto.PostQueued, redattore)
	return s
}

func (s *story) due() { s.t.Helper(); s.event(palinsesto.PostWasDue, palinsesto.PostDue, scheduler) }

func (s *story) intent() {
	s.t.Helper()
	s.event(palinsesto.PostWasPublishing, palinsesto.PostPublishing, publisher, func(p *palinsesto.Post) {
		p.Attempts++
		p.Attempt = &palinsesto.Attempt{Number: p.Attempts, Hash: p.Hash, Worker: "w", Intended: s.at}
	})
}

func posted(p *palinsesto.Post) {
	p.Attempt.Verdict, p.Attempt.Status = "posted", 200
	p.Parts[0] = palinsesto.PartState{Posted: true, RemoteIDs: []string{"7"}}
}

func unknown(p *palinsesto.Post) { p.Attempt.Verdict = "unknown" }

func settled(p *palinsesto.Post) { p.Attempt.Verdict, p.Attempt.Settled = "not_sent", "secondo Olmo" }

// inDoubt is a post of which nobody knows whether it went out.
func (s *story) inDoubt() {
	s.t.Helper()
	s.due()
	s.intent()
	s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, unknown)
}

// sentAgain is the intent to send it once more under its key.
func (s *story) sentAgain() {
	s.t.Helper()
	s.event(palinsesto.PostWasChecked, palinsesto.PostUncertain, publisher, func(p *palinsesto.Post) {
		a := *p.Attempt
		a.Check = &palinsesto.Check{Number: 1, Kind: palinsesto.CheckResend, Worker: "w", At: s.at}
		p.Attempt = &a
	})
}

func bySameKey(p *palinsesto.Post) {
	posted(p)
	p.Attempt.Settle(palinsesto.SettledByKey, t0, "7", "reinviato con la stessa chiave")
}

func (s *story) out() {
	s.t.Helper()
	s.event(palinsesto.PostWasPosted, palinsesto.PostPosted, publisher, posted)
}

// correct asks for an edit to what stands approved, and begins it.
func (s *story) correct() {
	s.t.Helper()
	s.event(palinsesto.PostWasEditing, palinsesto.PostEditing, scheduler, func(p *palinsesto.Post) {
		p.Change = &palinsesto.Change{Kind: "edit", Hash: p.Hash}
	})
	s.event(palinsesto.PostWasEditing, palinsesto.PostEditing, publisher, func(p *palinsesto.Post) {
		p.Attempts++
		p.Attempt = &palinsesto.Attempt{Number: p.Attempts, Hash: p.Wanted(), Worker: "w", Intended: s.at}
	})
}

func (s *story) log() iter.Seq2[bus.Record, error] {
	return func(yield func(bus.Record, error) bool) {
		for _, r := range s.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *story) codes() []string {
	s.t.Helper()
	found, err := audit.Check(s.log(), 100)
	require.NoError(s.t, err)
	var codes []string
	for _, p := range found {
		require.NotEmpty(s.t, p.Text)
		require.NotEmpty(s.t, p.TextEN)
		codes = append(codes, p.Code)
	}
	return codes
}

var stopAll = palinsesto.Holds{{ID: "h", Scope: palinsesto.ScopeAll, By: operatore}}

// Each of these is a life that may happen.
func TestLawfulStories(t *testing.T) {
	for name, tell := range map[string]func(*story){
		"posted": func(s *story) { s.due(); s.intent(); s.out() },
		"uncertain, sent again on an operator's word": func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, unknown)
			s.event(palinsesto.PostWasResolved, palinsesto.PostQueued, operatore, settled)
			s.due()
			s.intent()
			s.out()
		},
		"refused by the network, tried again": func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasRetrying, palinsesto.PostRetrying, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict, p.Attempt.Status = "retry_after", 429 })
			s.due()
			s.intent()
			s.out()
		},
		"the second look finds a hold": func(s *story) {
			s.due()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.intent()
			s.event(palinsesto.PostWasHeld, palinsesto.PostHeld, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict = "stopped" })
			s.holds(palinsesto.HoldWasLifted, nil)
		},
		"the hold is lifted before the second look": func(s *story) {
			s.due()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.intent()
			s.holds(palinsesto.HoldWasLifted, nil)
			s.out()
		},
		"in flight when it was stopped": func(s *story) {
			s.due()
			s.intent()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.out()
		},
		"in flight when it was withdrawn, then removed": func(s *story) {
			s.due()
			s.intent()
			s.segnalazione(palinsesto.SegWasWithdrawn, palinsesto.SegWithdrawn, referente)
			s.out()
			s.event(palinsesto.PostWasRemoving, palinsesto.PostRemoving, scheduler)
			s.event(palinsesto.PostWasRemoved, palinsesto.PostRemoved, publisher)
		},
		"uncertain, looked for and found": func(s *story) {
			s.inDoubt()
			s.event(palinsesto.PostWasChecked, palinsesto.PostUncertain, publisher)
			s.event(palinsesto.PostWasPosted, palinsesto.PostPosted, publisher, func(p *palinsesto.Post) {
				posted(p)
				p.Attempt.Settle(palinsesto.SettledByFound, t0, "7", "trovato sulla rete")
			})
		},
		"uncertain, sent again under its key when it was stopped": func(s *story) {
			s.inDoubt()
			s.sentAgain()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.event(palinsesto.PostWasPosted, palinsesto.PostPosted, publisher, bySameKey)
		},
		"in the middle of an edit when it was stopped": func(s *story) {
			s.due()
			s.intent()
			s.out()
			s.correct()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.event(palinsesto.PostWasEdited, palinsesto.PostEdited, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict = "done" })
		},
		"an edit that looked again": func(s *story) {
			s.due()
			s.intent()
			s.out()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.correct()
			s.event(palinsesto.PostWasEditing, palinsesto.PostEditing, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict = "stopped" })
		},
		"crashed after the intent under a hold": func(s *story) {
			s.due()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.intent()
			s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, unknown)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := approved(t)
			tell(s)
			require.Empty(t, s.codes())
		})
	}
}

// Each of these must be seen.
func TestPlantedBreaches(t *testing.T) {
	for name, c := range map[string]struct {
		tell func(*story)
		want string
	}{
		"second intent while the first is open": {func(s *story) {
			s.due()
			s.intent()
			s.intent()
		}, audit.CodeTwice},
		"second intent while nobody knows of the first": {func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, unknown)
			s.due()
			s.intent()
		}, audit.CodeTwice},
		"the same part twice": {func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasPrepared, palinsesto.PostDue, publisher, posted)
			s.intent()
		}, audit.CodeTwice},
		"uncertain settled by nothing": {func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, unknown)
			s.event(palinsesto.PostWasResolved, palinsesto.PostQueued, operatore)
		}, audit.CodeTwice},
		"uncertain and then out by nothing": {func(s *story) {
			s.inDoubt()
			s.out()
		}, audit.CodeTwice},
		"sent again under its key, and under a hold": {func(s *story) {
			s.inDoubt()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.sentAgain()
			s.event(palinsesto.PostWasPosted, palinsesto.PostPosted, publisher, bySameKey)
		}, audit.CodeStopped},
		"posted without an intent": {func(s *story) {
			s.due()
			s.post.Attempt = &palinsesto.Attempt{}
			s.out()
		}, audit.CodeTwice},
		"edited under a hold": {func(s *story) {
			s.due()
			s.intent()
			s.out()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.correct()
			s.event(palinsesto.PostWasEdited, palinsesto.PostEdited, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict = "done" })
		}, audit.CodeStopped},
		"posted under a hold": {func(s *story) {
			s.due()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.intent()
			s.out()
		}, audit.CodeStopped},
		"called under a hold, refused by the network": {func(s *story) {
			s.due()
			s.holds(palinsesto.HoldWasPlaced, stopAll)
			s.intent()
			s.event(palinsesto.PostWasFailed, palinsesto.PostFailed, publisher, func(p *palinsesto.Post) { p.Attempt.Verdict, p.Attempt.Status = "permanent", 400 })
		}, audit.CodeStopped},
		"posted to a paused channel": {func(s *story) {
			put(s, contract.Channels, contract.ChannelSubject("telegram-marche"), palinsesto.ChannelWasPaused, operatore,
				palinsesto.Channel{ID: "telegram-marche", State: palinsesto.ChannelPaused})
			s.due()
			s.intent()
			s.out()
		}, audit.CodeStopped},
		"posted after the withdrawal": {func(s *story) {
			s.due()
			s.segnalazione(palinsesto.SegWasWithdrawn, palinsesto.SegWithdrawn, referente)
			s.intent()
			s.out()
		}, audit.CodeVoid},
		"posted after the expiry": {func(s *story) {
			s.due()
			s.at = t0.Add(2 * time.Hour)
			s.intent()
			s.out()
		}, audit.CodeVoid},
		"another content than approved": {func(s *story) {
			s.post.Hash = "altro"
			s.due()
			s.intent()
			s.out()
		}, audit.CodeContent},
		"an attempt of another content": {func(s *story) {
			s.due()
			s.event(palinsesto.PostWasPublishing, palinsesto.PostPublishing, publisher, func(p *palinsesto.Post) {
				p.Attempts++
				p.Attempt = &palinsesto.Attempt{Number: 1, Hash: "altro", Intended: s.at}
			})
		}, audit.CodeContent},
		"a hash that is not the variant's": {func(s *story) {
			s.seg.State, s.seg.Approval.Variants[0].Hash = palinsesto.SegSubmitted, "altro"
			s.segnalazione(palinsesto.SegWasRevised, palinsesto.SegSubmitted, referente)
			s.segnalazione(palinsesto.SegWasApproved, palinsesto.SegApproved, redattore)
		}, audit.CodeContent},
		"a step that is not in the table": {func(s *story) {
			s.event(palinsesto.PostWasMissed, palinsesto.PostPosted, scheduler)
		}, audit.CodeOrder},
		"approved by its author": {func(s *story) {
			s.segnalazione(palinsesto.SegWasRevised, palinsesto.SegSubmitted, redattore)
			s.seg.Revisers = []string{redattore.ID}
			s.segnalazione(palinsesto.SegWasApproved, palinsesto.SegApproved, redattore)
		}, audit.CodeRole},
		"approved by a referente": {func(s *story) {
			s.segnalazione(palinsesto.SegWasRevised, palinsesto.SegSubmitted, redattore)
			s.segnalazione(palinsesto.SegWasApproved, palinsesto.SegApproved, palinsesto.Actor{ID: "token:x", Role: palinsesto.RoleReferente, Centre: "jesi"})
		}, audit.CodeRole},
		"a state on another's subject": {func(s *story) {
			s.seg.Centre = "fano"
			s.segnalazione(palinsesto.SegWasCommented, palinsesto.SegApproved, redattore)
		}, audit.CodeOrder},
		"a token on the log": {func(s *story) {
			s.due()
			s.intent()
			s.event(palinsesto.PostWasUncertain, palinsesto.PostUncertain, publisher, func(p *palinsesto.Post) {
				p.Attempt.Verdict, p.Attempt.Raw = "unknown", "https://api.telegram.org/bot8000000001:"+"AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/x"
			})
		}, audit.CodeSecret},
		"bytes that nobody can read": {func(s *story) {
			s.records = append(s.records, bus.Record{Subject: contract.HoldSubject, Event: "placed", Seq: 99, Time: s.at, Data: []byte{0xff}})
		}, audit.CodeUnreadable},
		"nobody takes it": {func(s *story) {
			s.due()
			s.at = t0.Add(48 * time.Hour)
			s.holds(palinsesto.HoldWasPlaced, stopAll)
		}, audit.CodeStuck},
	} {
		t.Run(name, func(t *testing.T) {
			s := approved(t)
			c.tell(s)
			require.Contains(t, s.codes(), c.want)
		})
	}
}

func TestCheckIsBoundedAndTellsThatItCouldNotRead(t *testing.T) {
	s := approved(t)
	for range 20 {
		s.event(palinsesto.PostWasMissed, palinsesto.PostPosted, scheduler)
	}
	found, err := audit.Check(s.log(), 3)
	require.NoError(t, err)
	require.Len(t, found, 3)
	_, err = audit.Check(func(yield func(bus.Record, error) bool) { yield(bus.Record{}, fmt.Errorf("gone")) }, 3)
	require.ErrorContains(t, err, "gone")
}
