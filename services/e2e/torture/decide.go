// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"time"
)

// version is that of the newest page.
func (t *teller) version(ctx context.Context, s *story) (segAnswer, error) {
	var a segAnswer
	status, _, err := t.redattore.do(ctx, http.MethodGet, "/api/v1/segnalazioni/"+s.id, nil, &a, "")
	if err == nil && status != http.StatusOK {
		if t.r.forgot(s) {
			return a, t.given(s)
		}
		t.r.breach("lost", "story %d: the segnalazione %s was acknowledged and is HTTP %d", s.n, s.id, status)
		return a, fmt.Errorf("lost")
	}
	return a, err
}

// approve says yes to the newest revision, for a moment or soon; half of the time with a text of its own
// for each channel.
func (t *teller) approve(ctx context.Context, s *story, at time.Time) error {
	page, err := t.version(ctx, s)
	if err != nil {
		return err
	}
	r := s.rev()
	body := map[string]any{"version": page.Version}
	if !at.IsZero() {
		body["at"], body["bend"] = at.Format(time.RFC3339Nano), true
	}
	texts := map[string][]string{}
	if t.dice.IntN(2) == 0 && !s.media {
		var variants []map[string]any
		for _, c := range s.channels {
			texts[c] = t.parts(s, r, c)
			var parts []map[string]any
			for _, text := range texts[c] {
				parts = append(parts, map[string]any{"text": text})
			}
			variants = append(variants, map[string]any{"channel": c, "parts": parts})
		}
		body["variants"] = variants
	}
	t.note(func() { r.asked, r.at, r.texts = time.Now(), at, texts })
	var a segAnswer
	status, _, err := t.redattore.do(ctx, http.MethodPost, s.path("approve"), body, &a, t.key(s, "approve"))
	if err != nil {
		t.note(func() { s.doubt = true })
		return err
	}
	if status != http.StatusOK {
		t.note(func() { r.asked = time.Time{} })
		// A moment that passed while the house was away, or an expiry, is refused; so is a page that went stale.
		return t.refused(s, "approve", status, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	t.note(func() {
		r.acked, s.state = time.Now(), "approved"
		s.acked()
		if a.Approval == nil {
			return
		}
		for _, v := range a.Approval.Variants {
			var of []string
			for _, p := range v.Parts {
				of = append(of, p.Text)
			}
			if given := texts[v.Channel]; given != nil && fmt.Sprint(given) != fmt.Sprint(of) {
				go t.r.breach("other text", "story %d: approved %q for %s, the answer says %q", s.n, given, v.Channel, of)
			}
			r.texts[v.Channel] = of
		}
	})
	return nil
}

// parts is the text of one channel, sometimes in two parts. The number of parts is the same in every
// revision of a story, since no network turns one message into two.
func (t *teller) parts(s *story, r *revision, channel string) []string {
	n := 1
	if s.n%7 == 0 {
		n = 2
	}
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("Per %s [T%d.%d.%d]\nÈ aperto: «sì» – 10 € – 👋 %d", channel, s.n, r.n, i, t.dice.IntN(1000)))
	}
	return out
}

func (t *teller) revise(ctx context.Context, s *story) error {
	page, err := t.version(ctx, s)
	if err != nil {
		return err
	}
	v := &void{what: "revised", rev: s.rev().n, asked: time.Now(), listless: true}
	t.note(func() { s.voids = append(s.voids, v); s.revs = append(s.revs, &revision{n: v.rev + 1}) })
	body := map[string]any{"version": page.Version, "document": t.document(s)}
	var a segAnswer
	status, _, err := t.referente[s.centre].do(ctx, http.MethodPost, s.path("revise"), body, &a, t.key(s, "revise"))
	if err != nil {
		t.note(func() { s.doubt = true })
		return err
	}
	if status != http.StatusOK {
		t.note(func() { s.voids = s.voids[:len(s.voids)-1] })
		return t.refused(s, "revise", status, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	t.note(func() { v.acked, s.state = time.Now(), a.State; s.acked() })
	return nil
}

func (t *teller) withdraw(ctx context.Context, s *story) error {
	page, err := t.version(ctx, s)
	if err != nil {
		return err
	}
	v := &void{what: "withdrawn", rev: s.rev().n, asked: time.Now(), flying: map[string]bool{}}
	t.note(func() { s.voids = append(s.voids, v) })
	var a segAnswer
	status, tries, err := t.referente[s.centre].do(ctx, http.MethodPost, s.path("withdraw"),
		map[string]any{"version": page.Version, "reason": "annullato"}, &a, t.key(s, "withdraw"))
	if err != nil {
		t.note(func() { s.doubt = true })
		return err
	}
	if status != http.StatusOK {
		t.note(func() { s.voids = s.voids[:len(s.voids)-1] })
		return t.refused(s, "withdraw", status, http.StatusConflict)
	}
	t.note(func() {
		v.acked, s.state, v.listless = time.Now(), "withdrawn", tries > 1
		s.acked()
		for _, id := range a.InFlight {
			v.flying[id] = true
		}
	})
	return nil
}

func (t *teller) decide(ctx context.Context, s *story, verb, state string) error {
	page, err := t.version(ctx, s)
	if err != nil {
		return err
	}
	status, _, err := t.redattore.do(ctx, http.MethodPost, s.path(verb), map[string]any{"version": page.Version, "reason": "manca l'orario"}, nil, t.key(s, verb))
	if err != nil {
		t.note(func() { s.doubt = true })
		return err
	}
	if status != http.StatusOK {
		return t.refused(s, verb, status, http.StatusConflict)
	}
	t.note(func() { s.state = state; s.acked() })
	return nil
}

// upload sends the picture of a story that has one.
func (t *teller) upload(ctx context.Context, s *story) error {
	if !s.media {
		return nil
	}
	var a struct {
		ID string `json:"id"`
	}
	status, _, err := t.referente[s.centre].do(ctx, http.MethodPost, fmt.Sprintf("/api/v1/media?filename=%d.jpg&alt=Un+ufficio", s.n), picture(s.n), &a, "")
	if err != nil {
		return err
	}
	if status > 201 {
		return t.refused(s, "upload", status)
	}
	t.note(s.acked)
	s.files = []map[string]any{{"id": a.ID, "filename": fmt.Sprintf("%d.jpg", s.n), "alt": "Un ufficio con persone allo sportello"}}
	return nil
}

// picture is another one for each story, or the store would keep one.
func picture(n int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 320, 320))
	for x := range 320 {
		for y := range 320 {
			img.Set(x, y, color.RGBA{uint8(x + n), uint8(y * n), uint8(n >> 3), 255})
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // into memory
	return b.Bytes()
}
