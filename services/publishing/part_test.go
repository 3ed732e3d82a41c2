// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// asIf does what scheduling does with a retrying or resolved post: due again.
func (h *house) asIf(p post, change func(*palinsesto.Post)) post {
	next := p.State
	next.State, next.Due = palinsesto.PostDue, time.Now()
	if change != nil {
		change(&next)
	}
	return h.put(palinsesto.PostWasDue, next)
}

func parts(calls []call) []int {
	var ns []int
	for _, c := range calls {
		ns = append(ns, c.part)
	}
	return ns
}

// The photo is out and the text is refused for its rate: only the text goes again.
func TestSecondPartRetried(t *testing.T) {
	h := newHouse(t)
	h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) {
		if n == 2 {
			return channel.Receipt{}, fails(channel.NotSent, 0)
		}
		return out(n), nil
	}
	p := h.due("foto", "testo")
	h.start("w1")
	h.asIf(h.until(p.Subject, palinsesto.PostRetrying), nil)
	got := h.until(p.Subject, palinsesto.PostPosted)
	calls := h.net.made()
	require.Equal(t, []int{0, 1, 1}, parts(calls))
	require.Equal(t, calls[1].key, calls[2].key, "the same part of the same content has the same key")
	require.NotEqual(t, calls[0].key, calls[1].key)
	require.Equal(t, "https://t.me/m/1", got.State.Link, "the link is that of the first part")
	require.Equal(t, []string{"due", "publishing", "prepared", "publishing", "retrying", "due", "publishing", "posted"}, h.events(p.Subject))
	require.Equal(t, 3, got.State.Attempts)
}

// The doubt is about one part; a person's word settles that one and the others follow.
func TestPartResolved(t *testing.T) {
	for part := range 2 {
		for outcome, want := range map[string][][]int{
			"out":     {{0, 1}, {0, 1}},
			"not_out": {{0, 0, 1}, {0, 1, 1}},
		} {
			t.Run(outcome, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				h.net.publish = func(n int, _ channel.Delivery) (channel.Receipt, error) {
					if n == part+1 {
						return channel.Receipt{}, errors.New("reset by peer")
					}
					return out(n), nil
				}
				p := h.due("foto", "testo")
				h.start("w1")
				got := h.until(p.Subject, palinsesto.PostUncertain)
				require.Equal(t, part, got.State.Attempt.Part)
				if outcome == "out" {
					next := got.State.PartOut(part, palinsesto.PartState{Link: "https://t.me/m/9"}, time.Now())
					h.put(palinsesto.PostWasResolved, next)
				} else {
					h.asIf(got, nil)
				}
				h.until(p.Subject, palinsesto.PostPosted)
				require.Equal(t, want[part], parts(h.net.made()))
			})
		}
	}
}

// What is not what was approved never goes out, and somebody sees it.
func TestNotWhatWasApproved(t *testing.T) {
	cases := []struct {
		name  string
		seg   func(*palinsesto.Segnalazione)
		post  func(*palinsesto.Post)
		state palinsesto.PostState
		cause string
	}{
		{"more parts than approved", nil, func(p *palinsesto.Post) {
			p.Parts = []palinsesto.PartState{{Posted: true}, {}}
		}, palinsesto.PostFailed, "parts_differ"},
		{"nothing left to send", nil, func(p *palinsesto.Post) {
			p.Parts = []palinsesto.PartState{{Posted: true}}
		}, palinsesto.PostFailed, "parts_differ"},
		{"another hash", nil, func(p *palinsesto.Post) { p.Hash = palinsesto.HashParts(nil) }, palinsesto.PostCancelled, ""},
		{"altered bytes", func(s *palinsesto.Segnalazione) {
			s.Approval.Variants[0].Parts[0].Text = "altro"
		}, nil, palinsesto.PostFailed, "content_altered"},
		{"another channel", func(s *palinsesto.Segnalazione) {
			s.Approval.Variants[0].Channel = "altro"
		}, nil, palinsesto.PostCancelled, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			seg := h.approve("testo")
			p := draft(seg.State, time.Now())
			if c.seg != nil {
				h.changeSeg(seg.Subject, "approved", c.seg)
			}
			if c.post != nil {
				c.post(&p)
			}
			d := h.put(palinsesto.PostWasDue, p)
			h.start("w1")
			require.Equal(t, c.cause, h.until(d.Subject, c.state).State.Cause)
			require.Empty(t, h.net.made())
		})
	}
}

// What can never be prepared comes to an end with the grace, and somebody sees it.
func TestNeverPrepared(t *testing.T) {
	h := newHouse(t, func(c *config.Config) { c.Publishing.Grace = 300 * time.Millisecond })
	h.net.prepare = func(channel.Delivery) error { return errors.New("the store does not give the photo") }
	p := h.due("testo")
	h.start("w1")
	require.Equal(t, "late", h.until(p.Subject, palinsesto.PostMissed).State.Cause)
	require.Empty(t, h.net.made())
}

// The grace and the expiry count on while a post waits for budget.
func TestMissedWithoutBudget(t *testing.T) {
	for _, cause := range []string{"late", "expired"} {
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *config.Config) { c.Publishing.Grace = 400 * time.Millisecond })
			require.NoError(t, h.index.Block(context.Background(), "chat:"+theOne, time.Now().Add(time.Hour)))
			seg := h.approve("testo")
			p := draft(seg.State, time.Now())
			if cause == "expired" {
				h.cfg.Publishing.Grace = time.Second
				p.Expires = time.Now().Add(200 * time.Millisecond)
			}
			d := h.put(palinsesto.PostWasDue, p)
			h.start("w1")
			require.Equal(t, cause, h.until(d.Subject, palinsesto.PostMissed).State.Cause)
			require.Empty(t, h.net.made())
			require.Equal(t, []string{"due", "missed"}, h.events(d.Subject))
		})
	}
}

// Handed over ahead of its moment, a post is called at it and never before.
func TestNeverEarly(t *testing.T) {
	h := newHouse(t)
	h.start("w1")
	var last post
	dues := map[string]time.Time{}
	for i := range 20 {
		seg := h.approve("testo")
		p := draft(seg.State, time.Now().Add(time.Duration(i)*60*time.Millisecond))
		dues[p.ID] = p.Due
		last = h.put(palinsesto.PostWasDue, p)
	}
	far := draft(h.approve("lontano").State, time.Now().Add(time.Hour))
	h.put(palinsesto.PostWasDue, far)
	h.until(last.Subject, palinsesto.PostPosted)
	for _, c := range h.net.made() {
		require.NotEqual(t, far.ID, c.post)
		require.False(t, c.at.Before(dues[c.post]), "called %s too early", dues[c.post].Sub(c.at))
	}
	require.Eventually(t, func() bool { return len(h.net.made()) == len(dues) }, patience, time.Millisecond)
}
