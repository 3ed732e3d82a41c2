// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// requeueMost bounds one command on many posts, so that it is through in time; ask again for the rest.
	// No answer may have more than contract.MaxRequeued lines.
	requeueMost = 1000
	// everything is more than a list can have.
	everything = 1 << 20
)

// requeueMany re-queues every failed or missed post that a filter finds, or says what would happen.
func (s *Service) requeueMany(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeRequeueMany(data)
	if err != nil {
		return nil, malformed(err)
	}
	if !cmd.Actor.Can(palinsesto.ActOperate, "") { // before telling which posts there are
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden, "Rimettere in coda spetta agli operatori.", "Re-queueing is for operators.")
	}
	if err := tidyReason(&cmd.Reason); err != nil {
		return nil, err
	}
	posts, err := s.find(ctx, cmd.Filter)
	if err != nil {
		return nil, err
	}
	lines := make([]palinsesto.Requeued, 0, len(posts))
	would := forecast{}
	for _, p := range posts {
		lines = append(lines, s.requeueOne(ctx, cmd, p, would))
	}
	return contract.EncodeRequeued(lines)
}

func (s *Service) requeueOne(ctx context.Context, cmd palinsesto.RequeueMany, p palinsesto.Post, would forecast) palinsesto.Requeued {
	line := palinsesto.Requeued{Post: p.ID, Channel: p.Channel, Title: p.Title}
	one := palinsesto.PostCommand{Command: cmd.Command, PostID: p.ID, Reason: cmd.Reason}
	// Each post has a command id of its own, the same when the whole command is sent again.
	one.ID = palinsesto.DeriveID("requeue", cmd.ID, p.ID)
	var err error
	if cmd.Preview {
		line.Due, err = s.preview(ctx, p, would)
	} else {
		var done post
		done, err = s.carryOut(ctx, one, s.requeue)
		line.Due = done.State.Due
	}
	if err != nil {
		line.Due, line.Refused = time.Time{}, sentence(err)
	}
	return line
}

func sentence(err error) string {
	var e *palinsesto.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "Errore interno: riprovare."
}

// find lists the posts of a filter that may be re-queued.
func (s *Service) find(ctx context.Context, f palinsesto.PostFilter) ([]palinsesto.Post, error) {
	states := []palinsesto.PostState{palinsesto.PostFailed, palinsesto.PostMissed}
	if f.State != "" {
		states = []palinsesto.PostState{f.State}
	}
	var out []palinsesto.Post
	for _, st := range states {
		f.State = st
		ps, err := s.list(ctx, f, requeueMost-len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, ps...)
	}
	return out, nil
}

// list reads posts from the index, page by page, at most so many.
func (s *Service) list(ctx context.Context, f palinsesto.PostFilter, most int) ([]palinsesto.Post, error) {
	q := index.Query{Set: "post", Facets: facets(f), Limit: 200, Ascending: true}
	var out []palinsesto.Post
	for len(out) < most {
		page, err := s.Index.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, h := range page.Hits {
			_, p, err := contract.Posts.Decode(h.Body)
			if err != nil {
				s.Log.Error("post not readable, left out: it must not hide the others", "post", h.ID, "error", err)
				continue
			}
			out = append(out, p)
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	return out[:min(most, len(out))], nil
}

func facets(f palinsesto.PostFilter) []string {
	var out []string
	for _, x := range [][2]string{{"state", string(f.State)}, {"channel", f.Channel}, {"centre", f.Centre}, {"cause", f.Cause}, {"seg", f.Segnalazione}} {
		if x[1] != "" {
			out = append(out, x[0]+"="+x[1])
		}
	}
	return out
}

// forecast is what channels would look like, by id, as the lines of a preview take their moments.
type forecast map[string]palinsesto.Channel

// preview says when a post would go, without moving anything.
func (s *Service) preview(ctx context.Context, p palinsesto.Post, would forecast) (time.Time, error) {
	if p.State != palinsesto.PostFailed && p.State != palinsesto.PostMissed {
		return time.Time{}, notNow(p)
	}
	if err := s.stillApproved(ctx, p); err != nil {
		return time.Time{}, err
	}
	spacing := s.spacing(p.Channel)
	if spacing <= 0 {
		return s.Clock(), nil
	}
	ch, known := would[p.Channel]
	if !known {
		cur, err := bus.Load(ctx, s.Bus, contract.Channels, contract.ChannelSubject(p.Channel))
		if err != nil && !errors.Is(err, bus.ErrNone) {
			return time.Time{}, err
		}
		ch = cur.State
	}
	if ch.Full(p.ID, s.Clock()) {
		return time.Time{}, channelFull(p.Channel)
	}
	due := ch.NextFree(p.ID, s.Clock(), spacing)
	if !p.Expires.IsZero() && due.After(p.Expires) {
		return time.Time{}, beyondExpiry()
	}
	would[p.Channel] = ch.Reserve(p.ID, due, s.Clock().Add(-2*spacing))
	return due, nil
}
