// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// teller lives through stories, one after the other: a referente who writes and a redattore who decides.
type teller struct {
	r         *run
	name      string
	dice      *rand.Rand
	referente map[string]*person // by centre
	redattore *person
}

// plot is what happens in a story; chances are out of a hundred.
type plot struct {
	name   string
	chance int
	play   func(t *teller, ctx context.Context, s *story) error
}

func plots() []plot {
	return []plot{
		{"soon", 42, (*teller).soon},
		{"at its minute", 18, (*teller).atMinute},
		{"revised before", 6, (*teller).revisedBefore},
		{"revised after", 8, (*teller).revisedAfter},
		{"changes asked for", 4, (*teller).changesAsked},
		{"rejected", 3, (*teller).rejected},
		{"withdrawn before", 4, (*teller).withdrawnBefore},
		{"withdrawn after", 8, (*teller).withdrawnAfter},
		{"expires soon", 7, (*teller).expiring},
	}
}

// tell lives through one story.
func (t *teller) tell(ctx context.Context) error {
	throw := t.dice.IntN(100)
	s := t.newStory()
	for _, p := range plots() {
		if throw -= p.chance; throw < 0 {
			if p.name == "expires soon" {
				s.expires = time.Now().Add(time.Duration(2500+t.dice.IntN(5000)) * time.Millisecond).In(t.r.zone)
			}
			return p.play(t, ctx, s)
		}
	}
	return nil
}

func (t *teller) newStory() *story {
	s := &story{centre: centres()[t.dice.IntN(len(centres()))], media: t.dice.IntN(12) == 0}
	for _, i := range t.dice.Perm(t.r.world.channels())[:1+t.dice.IntN(3)] {
		s.channels = append(s.channels, harness.ChannelID(i))
	}
	slices.Sort(s.channels)
	if t.dice.IntN(4) == 0 {
		s.tags = []string{"Urgente"}
	}
	t.r.book.begin(s)
	return s
}

func (t *teller) soon(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error { return t.approve(ctx, s, time.Time{}) })
}

func (t *teller) atMinute(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error { return t.approve(ctx, s, t.later(500, 9000)) })
}

func (t *teller) later(from, to int) time.Time {
	return time.Now().Add(time.Duration(from+t.dice.IntN(to-from)) * time.Millisecond).In(t.r.zone)
}

func (t *teller) revisedBefore(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error {
		if err := t.revise(ctx, s); err != nil {
			return err
		}
		return t.approve(ctx, s, time.Time{})
	})
}

// revisedAfter voids an approval at any moment, also while the post is on its way, and approves anew:
// what is out is then corrected, what is not goes out with the new text.
func (t *teller) revisedAfter(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error {
		if err := t.approve(ctx, s, t.soonOrLater()); err != nil {
			return err
		}
		t.linger(ctx)
		if err := t.revise(ctx, s); err != nil {
			return err
		}
		t.linger(ctx)
		return t.approve(ctx, s, time.Time{})
	})
}

func (t *teller) changesAsked(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error {
		if err := t.decide(ctx, s, "request-changes", "changes_requested"); err != nil {
			return err
		}
		if err := t.revise(ctx, s); err != nil {
			return err
		}
		return t.approve(ctx, s, time.Time{})
	})
}

func (t *teller) rejected(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error { return t.decide(ctx, s, "reject", "rejected") })
}

func (t *teller) withdrawnBefore(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error { return t.withdraw(ctx, s) })
}

func (t *teller) withdrawnAfter(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error {
		if err := t.approve(ctx, s, t.soonOrLater()); err != nil {
			return err
		}
		t.linger(ctx)
		return t.withdraw(ctx, s)
	})
}

func (t *teller) expiring(ctx context.Context, s *story) error {
	return t.submitThen(ctx, s, func() error {
		var at time.Time
		if left := time.Until(s.expires); left > time.Second && t.dice.IntN(2) == 0 {
			at = s.expires.Add(-time.Duration(t.dice.IntN(800)) * time.Millisecond)
		}
		return t.approve(ctx, s, at)
	})
}

func (t *teller) soonOrLater() time.Time {
	if t.dice.IntN(2) == 0 {
		return time.Time{}
	}
	return t.later(500, 4000)
}

// linger lets the house get on: to the middle of anything.
func (t *teller) linger(ctx context.Context) {
	wait.For(ctx, time.Duration(t.dice.IntN(1500))*time.Millisecond)
}

func (t *teller) submitThen(ctx context.Context, s *story, then func() error) error {
	if err := t.submit(ctx, s); err != nil || s.id == "" {
		return err
	}
	return then()
}

// segAnswer is what a teller reads of an answer.
type segAnswer struct {
	ID       string   `json:"id"`
	State    string   `json:"state"`
	Version  uint64   `json:"version"`
	InFlight []string `json:"in_flight"`
	Approval *struct {
		Variants []struct {
			Channel string `json:"channel"`
			Parts   []struct {
				Text string `json:"text"`
			} `json:"parts"`
		} `json:"variants"`
	} `json:"approval"`
}

// document is what a referente writes; the mark in the title says which revision the public sees.
func (t *teller) document(s *story) map[string]any {
	r := s.rev()
	doc := map[string]any{"centre": s.centre, "kind": s.kind(), "tags": s.tags, "wanted_channels": s.channels,
		"title": fmt.Sprintf("Avviso [T%d.%d.0]", s.n, r.n),
		"body":  fmt.Sprintf("Gli sportelli restano aperti: storia %d, testo %d.\nPer informazioni passare al centro.", s.n, r.n)}
	if !s.expires.IsZero() {
		doc["expires_at"] = s.expires.Format(time.RFC3339Nano)
	}
	if len(s.files) > 0 {
		doc["media"] = s.files
	}
	return doc
}

// kind chooses by the number, so that some have a short grace.
func (s *story) kind() string {
	if s.n%5 == 0 {
		return "misura"
	}
	return "avviso"
}

func (s *story) path(verb string) string { return "/api/v1/segnalazioni/" + s.id + "/" + verb }

func (t *teller) key(s *story, what string) string {
	return fmt.Sprintf("%d-%d-%s-%d", t.r.seed, s.n, what, len(s.revs)+len(s.voids))
}

// refused tells an answer that a person did not expect; what a race explains is no finding.
func (t *teller) refused(s *story, what string, status int, fine ...int) error {
	if slices.Contains(fine, status) || status == http.StatusUnprocessableEntity && t.r.clockOff.Load() > 0 {
		return nil
	}
	if t.r.forgot(s) {
		return t.given(s)
	}
	t.r.breach("refused", "story %d: %s was answered with HTTP %d", s.n, what, status)
	return nil
}

// given up: the house forgot what it had acknowledged, since older data were put back.
func (t *teller) given(s *story) error {
	t.note(func() { s.doubt = true })
	return errNoAnswer
}

// acked notes that the house said yes to something of a story.
func (s *story) acked() { s.acks = append(s.acks, time.Now()) }

func (t *teller) note(change func()) { t.r.book.note(change) }

func (t *teller) submit(ctx context.Context, s *story) error {
	t.note(func() { s.revs = append(s.revs, &revision{n: 1}) })
	if err := t.upload(ctx, s); err != nil {
		return err
	}
	var a segAnswer
	status, _, err := t.referente[s.centre].do(ctx, http.MethodPost, "/api/v1/segnalazioni", t.document(s), &a, t.key(s, "submit"))
	if err != nil {
		t.note(func() { s.doubt = true })
		return err
	}
	if status > 201 {
		// What expires soon may have expired before it came in.
		if !s.expires.IsZero() && time.Now().After(s.expires.Add(-time.Second)) {
			return nil
		}
		return t.refused(s, "submit", status)
	}
	t.note(func() { s.id, s.state = a.ID, a.State; s.acked() })
	return nil
}
