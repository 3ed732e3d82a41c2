// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// drainMost is how long the house may take to bring everything to rest after load and faults ended.
const drainMost = 90 * time.Second

// judge waits for rest and compares what was promised with what was seen.
func (r *run) judge(ctx context.Context, c *crew) {
	fmt.Println("  the load ended; waiting for everything to come to rest")
	err := await(ctx, drainMost, "every post at rest", func() bool { return r.atRest(ctx, c) })
	if ctx.Err() != nil {
		return
	}
	if err := r.truth.read(); err != nil {
		r.breach("torture", "the wall cannot be read: %v", err)
		return
	}
	posts, lerr := list[shownPost](ctx, c.operatore, "/api/v1/posts?limit=200")
	segs, serr := list[segAnswer](ctx, c.operatore, "/api/v1/segnalazioni?limit=200")
	if lerr != nil || serr != nil {
		r.breach("stuck", "the house does not answer at the end: %v %v", lerr, serr)
		return
	}
	j := newJudgement(r, segs, posts)
	if err != nil {
		j.stuck()
	}
	j.messages()
	j.stories()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.final = j.states
}

// atRest tells whether nothing moves any more and nothing is uncertain.
func (r *run) atRest(ctx context.Context, c *crew) bool {
	if r.notBack(ctx, time.Now()) != "" {
		return false
	}
	for _, state := range []string{"planned", "queued", "due", "publishing", "retrying", "held", "editing", "removing", "uncertain"} {
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		posts, err := c.posts(ask, state)
		cancel()
		if err != nil || len(posts) > 0 {
			return false
		}
	}
	return true
}

// judgement is the book beside the wall.
type judgement struct {
	r      *run
	segs   map[string]segAnswer
	posts  map[string]shownPost // by id
	states map[string]int
}

func newJudgement(r *run, segs []segAnswer, posts []shownPost) *judgement {
	j := &judgement{r: r, segs: map[string]segAnswer{}, posts: map[string]shownPost{}, states: map[string]int{}}
	for _, s := range segs {
		j.segs[s.ID] = s
	}
	for _, p := range posts {
		j.posts[p.ID] = p
		j.states[p.State]++
	}
	return j
}

// stuck names what did not come to rest.
func (j *judgement) stuck() {
	told := 0
	for _, p := range j.posts {
		switch p.State {
		case "posted", "edited", "removed", "failed", "missed", "cancelled":
			continue
		}
		told++
		j.r.breach("stuck", "post %s (%s) on %s is %s, due %s, hold %q, cause %q", p.ID, p.Title, p.Channel, p.State, p.Due.Format("15:04:05"), p.Hold, p.Cause)
	}
	if told == 0 {
		j.r.breach("stuck", "the house did not come back: %s", j.r.notBack(context.Background(), time.Now()))
	}
}

// messages judges every message that the public saw.
func (j *judgement) messages() {
	t := j.r.truth
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.order {
		s := j.r.book.find(m.mark.story)
		if s == nil {
			j.r.breach("other text", "%s/%s belongs to no story: %q", m.account, m.id, m.text())
			continue
		}
		j.twice(t, s, m)
		for i, x := range m.states {
			j.text(s, m, x)
			j.stopped(s, m, x, i > 0)
			if i == 0 {
				j.moment(s, m)
			}
		}
	}
}

// twice finds a message that went out while another of the same part stood there.
func (j *judgement) twice(t *truth, s *story, m *message) {
	for _, other := range t.seen[place{m.mark.story, m.account, m.mark.part}] {
		if other == m {
			return
		}
		if !other.deleted || !other.gone.Before(m.at) {
			j.r.breach("doubled", "story %d part %d on %s: %s (%s) and %s (%s)", s.n, m.mark.part, m.account,
				other.id, other.at.Format("15:04:05.000"), m.id, m.at.Format("15:04:05.000"))
			return
		}
	}
}

func channelOf(account string) string {
	return strings.ReplaceAll(strings.TrimPrefix(account, "@"), "_", "-")
}

// text holds one state of a message against what was approved.
func (j *judgement) text(s *story, m *message, x seen) {
	k, _ := markOf(x.text)
	if k.story != s.n || k.rev < 1 || k.rev > len(s.revs) {
		j.r.breach("other text", "%s/%s shows the mark of another story: %q", m.account, m.id, x.text)
		return
	}
	rev := s.revs[k.rev-1]
	if rev.asked.IsZero() || x.at.Before(rev.asked.Add(-time.Millisecond)) {
		j.r.breach("not approved", "story %d text %d on %s was out at %s, approval was asked for at %s", s.n, k.rev, m.account,
			x.at.Format("15:04:05.000"), rev.asked.Format("15:04:05.000"))
		return
	}
	wanted := rev.texts[channelOf(m.account)]
	if len(wanted) == 0 {
		if !rev.acked.IsZero() { // without an answer nobody knows what the house made of it
			j.r.breach("other text", "story %d was not approved for %s", s.n, m.account)
		}
		return
	}
	if k.part >= len(wanted) || wanted[k.part] != x.text {
		j.r.breach("other text", "story %d on %s: approved %q, shown %q", s.n, m.account, wanted, x.text)
	}
}

// moment judges when a message went out.
func (j *judgement) moment(s *story, m *message) {
	rev := s.revs[min(max(m.mark.rev, 1), len(s.revs))-1]
	if !rev.at.IsZero() && m.at.Before(rev.at) {
		j.r.breach("early", "story %d on %s: %s before its moment %s", s.n, m.account, rev.at.Sub(m.at), rev.at.Format("15:04:05.000"))
	}
	// The second look comes before the call, which may begin until the call deadline.
	if !s.expires.IsZero() && m.at.After(s.expires.Add(callDeadline)) {
		j.r.breach("after expiry", "story %d on %s: %s after its expiry %s", s.n, m.account, m.at.Sub(s.expires), s.expires.Format("15:04:05.000"))
	}
}

// stillFlying is how long a call may go on whose intent came before a stop that lists nothing.
const stillFlying = callDeadline + callTimeout

// stopped finds what went out, or was changed, after it was withdrawn or while it was held. What the
// answer to the stop listed as in flight may come out; where it listed nothing, for as long as a call
// can last.
func (j *judgement) stopped(s *story, m *message, x seen, edit bool) {
	post := palinsesto.PostID(s.id, channelOf(m.account), 0)
	k, _ := markOf(x.text)
	for _, v := range s.voids {
		if v.acked.IsZero() || k.rev > v.rev || v.flying[post] {
			continue
		}
		if after := x.at.Sub(v.acked); after > allowance(edit || v.listless) {
			j.r.breach("after "+v.what, "story %d text %d on %s (post %s): %s after it was %s", s.n, k.rev, m.account, post, after, v.what)
		}
	}
	for _, h := range j.r.book.holds {
		if h.flying[post] || !h.covers(s, channelOf(m.account)) || !h.lifting.IsZero() && x.at.After(h.lifting) {
			continue
		}
		if after := x.at.Sub(h.acked); after > allowance(edit || h.listless) {
			j.r.breach("while held", "story %d on %s (post %s): %s after the hold %s of %s %s", s.n, m.account, post, after, h.id, h.scope, h.value)
		}
	}
}

func allowance(unlisted bool) time.Duration {
	if unlisted {
		return stillFlying
	}
	return 0
}

func (h *hold) covers(s *story, channel string) bool {
	switch h.scope {
	case "all", "network":
		return true
	case "channel":
		return h.value == channel
	case "centre":
		return h.value == s.centre
	default:
		return len(s.tags) > 0 && strings.EqualFold(s.tags[0], h.value)
	}
}

// check has the house itself compare its log with the rules, and its index with its log; then the
// all-in-one is stopped and its log is read once more from the disk.
func (w *world) check(ctx context.Context) {
	var out struct {
		Holds    bool `json:"holds"`
		Findings []struct {
			Code  string `json:"code"`
			Level string `json:"level"`
			Field string `json:"field"`
			Text  string `json:"text"`
		} `json:"findings"`
	}
	p := w.newPerson(w.admin)
	p.http.Timeout = 2 * time.Minute
	status, err := p.long(ctx, http.MethodGet, "/api/v1/check", &out)
	if err != nil || status != http.StatusOK {
		w.r.breach("check", "the house cannot be checked: HTTP %d %v", status, err)
		return
	}
	for _, f := range out.Findings {
		if f.Level != "error" {
			continue
		}
		kind := "rule broken"
		if f.Code == "INV-10" {
			kind = "index differs"
		}
		w.r.breach(kind, "%s %s: %s", f.Code, f.Field, f.Text)
	}
}
