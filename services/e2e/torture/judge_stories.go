// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"slices"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// stories judges what became of everything that was acknowledged.
func (j *judgement) stories() {
	b := j.r.book
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.stories {
		if s.id == "" {
			continue // nobody was promised anything
		}
		if j.r.forgot(s) {
			continue // its people do it again; the messages were judged
		}
		seg, there := j.segs[s.id]
		if !there {
			j.r.breach("lost", "story %d: the segnalazione %s was acknowledged and is not there", s.n, s.id)
			continue
		}
		if s.doubt {
			continue // the last answer never came: both is right, and the messages were judged
		}
		if expired := seg.State == "expired" && !s.expires.IsZero(); seg.State != s.state && !expired {
			j.r.breach("lost", "story %d: %s was acknowledged, the house says %s", s.n, s.state, seg.State)
			continue
		}
		j.posted(s, seg)
	}
}

// posted judges the posts of one story against the wall.
func (j *judgement) posted(s *story, seg segAnswer) {
	rev := s.approved()
	for _, c := range s.channels {
		p, there := j.posts[palinsesto.PostID(s.id, c, 0)]
		switch {
		case !there && rev != nil && seg.State == "approved":
			j.r.breach("lost", "story %d: approved for %s, and there is no post", s.n, c)
		case there:
			j.post(s, c, p, rev, seg)
		}
	}
}

// approved is the revision that is approved now; nil: none.
func (s *story) approved() *revision {
	r := s.rev()
	if r.acked.IsZero() || slices.ContainsFunc(s.voids, func(v *void) bool { return v.rev >= r.n }) {
		return nil
	}
	return r
}

func (j *judgement) post(s *story, channel string, p shownPost, rev *revision, seg segAnswer) {
	byHand := strings.HasSuffix(p.Cause, "by_hand") || p.Cause == "half_out" || p.Cause == "restored"
	for i, part := range p.Parts {
		shown := j.r.truth.visible(place{s.n, account(channel), i})
		is := len(shown) > 0
		switch p.State {
		case "posted", "edited":
			if !is {
				j.r.breach("lost", "story %d part %d on %s is %s and the public does not see it", s.n, i, channel, p.State)
			} else if rev != nil && seg.State == "approved" && !byHand {
				j.newest(s, channel, i, rev, shown[0])
			}
			if seg.State == "withdrawn" && is && !byHand {
				j.r.breach("after withdrawn", "story %d on %s: withdrawn, out, and nobody was told to remove it (post %s is %s, cause %q)", s.n, channel, p.ID, p.State, p.Cause)
			}
		case "failed", "missed", "cancelled", "removed":
			if is && !byHand && !part.Posted {
				j.r.breach("lost", "story %d part %d on %s is %s and the public sees it: %s (%s)", s.n, i, channel, p.State, shown[0].id, shown[0].at.Format(time.TimeOnly))
			}
		}
	}
}

// newest holds what stands there in the end against what was approved last.
func (j *judgement) newest(s *story, channel string, part int, rev *revision, m *message) {
	if texts := rev.texts[channel]; part < len(texts) && texts[part] != m.text() {
		j.r.breach("other text", "story %d on %s in the end: approved %q, shown %q", s.n, channel, texts[part], m.text())
	}
}
