// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// condition is something that is wrong now.
type condition struct {
	kind     palinsesto.AlertKind
	scope    string
	cause    string
	count    int
	examples []string
	detail   string
	// after is how long it must last before it is told; settles: as long as it grows it is not told yet.
	after   time.Duration
	settles bool
	// grave: growth is told at once, without waiting for the quiet time.
	grave bool
}

func (c condition) id() string { return palinsesto.AlertID(c.kind, c.scope, c.cause) }

// picture is all that is wrong now, and of which kinds that is known: what could not be asked for is
// neither there nor over.
type picture struct {
	wrong map[string]condition
	known map[string]bool // by the first word of the kind: post, channel, day, house
}

func (p *picture) add(c condition) { p.wrong[c.id()] = c }

func family(k palinsesto.AlertKind) string {
	first, _, _ := strings.Cut(string(k), ".")
	return first
}

// slowly remembers a part of the picture that need not be looked at anew each time; as long as something
// is wrong there, it is.
type slowly struct {
	at   time.Time
	last picture
}

func (x *slowly) see(p *picture, every time.Duration, look func(*picture) error) error {
	if time.Since(x.at) >= every || len(x.last.wrong) > 0 {
		fresh := newPicture()
		if err := look(&fresh); err != nil {
			return err
		}
		x.at, x.last = time.Now(), fresh
	}
	maps.Copy(p.wrong, x.last.wrong)
	maps.Copy(p.known, x.last.known)
	return nil
}

func newPicture() picture { return picture{wrong: map[string]condition{}, known: map[string]bool{}} }

// see gathers what is wrong now.
func (s *Service) see(ctx context.Context) picture {
	p := newPicture()
	_ = s.house.see(&p, s.pace.slow, func(p *picture) error { s.seeHouse(ctx, p); return nil }) // never fails
	if err := s.seePosts(ctx, &p); err != nil {
		s.Log.Debug("posts not looked at for alerts", "error", err)
		return p // the index is away: its own alert tells it
	}
	if err := s.seeChannels(ctx, &p); err != nil {
		s.Log.Debug("channels not looked at for alerts", "error", err)
	}
	if err := s.day.see(&p, s.pace.slow, func(p *picture) error { return s.seeDay(ctx, p) }); err != nil {
		s.Log.Debug("the day not looked at for alerts", "error", err)
	}
	return p
}
