// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// clockMost is how far a room's clock may be from the log's before it publishes nothing.
	clockMost = 2 * time.Second
	// indexMost is how far the index may be behind; also a busy evening stays below it.
	indexMost = 5000
	// deadFor: an event that was given up longer ago has been told.
	deadFor = time.Hour
	running = "running" // of a room's state in the report
)

// seeHouse looks at this process and at what others say of themselves. Of several things that are wrong
// because of one, only that one is told: with the log away every room is not ready.
func (s *Service) seeHouse(ctx context.Context, p *picture) {
	own := s.Report(ctx)
	p.known["house"] = true
	all := append(s.others(), own)
	s.seeDisk(all, p)
	if logAway(own) {
		p.add(condition{kind: palinsesto.AlertLog, count: 1, after: s.pace.ill})
		return
	}
	s.seeBackup(all, p)
	s.seeDead(ctx, p)
	cause := s.seeClock(all, p)
	cause = s.seeIndex(own.Index, p) || cause
	s.seeRooms(all, cause, p)
}

func logAway(r telemetry.Report) bool {
	for _, room := range r.Rooms {
		if room.Bus {
			return false
		}
	}
	return len(r.Rooms) > 0
}

// seeDisk warns at twice the floor, since below the floor segnalazioni are refused already.
func (s *Service) seeDisk(all []telemetry.Report, p *picture) {
	for _, r := range all {
		if d := r.Disk; d != nil && d.Floor > 0 && d.Free < 2*d.Floor {
			c := condition{kind: palinsesto.AlertDisk, count: 1, grave: true,
				detail: fmt.Sprintf("%d MiB liberi, soglia %d MiB (%[1]d MiB free, floor %[2]d MiB)", d.Free>>20, d.Floor>>20)}
			if !d.OK {
				c.count = 2 // segnalazioni are refused: told at once, whatever was told before
			}
			p.add(c)
		}
	}
}

func (s *Service) seeBackup(all []telemetry.Report, p *picture) {
	for _, r := range all {
		if b := r.Backup; b != nil && !b.OK {
			p.add(condition{kind: palinsesto.AlertBackup, count: 1, detail: b.Text})
		}
	}
}

func (s *Service) seeDead(ctx context.Context, p *picture) {
	n, last, err := s.Bus.Dead(ctx)
	if err != nil {
		s.Log.Debug("dead letters not counted", "error", err)
		return
	}
	if n > 0 && s.Clock().Sub(last) < deadFor {
		p.add(condition{kind: palinsesto.AlertDead, count: n, settles: true, after: s.pace.settle})
	}
}

// seeClock looks at what the rooms measured against the log's clock.
func (s *Service) seeClock(all []telemetry.Report, p *picture) bool {
	found := false
	for _, r := range all {
		for name, room := range r.Rooms {
			off := time.Duration(number(room.Facts["clock_off_ms"])) * time.Millisecond
			if off.Abs() > clockMost {
				found = true
				p.add(condition{kind: palinsesto.AlertClock, count: 1, after: s.pace.settle,
					detail: fmt.Sprintf("%s: %s", name, off.Round(time.Millisecond))})
			}
		}
	}
	return found
}

// number reads a fact, which JSON has made a float where it comes from another process.
func number(x any) float64 {
	switch n := x.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	default:
		return 0
	}
}

func (s *Service) seeIndex(x telemetry.IndexReport, p *picture) bool {
	c := condition{kind: palinsesto.AlertIndex, count: 1, after: s.pace.ill}
	switch {
	case !x.Ready && x.Total > 0:
		c.detail = fmt.Sprintf("ricostruzione: %d di %d (rebuilding)", x.Done, x.Total)
	case !x.Ready:
		c.detail = "l'indice non risponde o non è pronto (the index does not answer or is not ready)"
	case x.Lag > indexMost:
		c.detail = fmt.Sprintf("indietro di %d eventi (behind by %[1]d events)", x.Lag)
	default:
		return false
	}
	p.add(c)
	return true
}

// seeRooms finds rooms that no process runs or that are not ready anywhere. A room that only says that it
// cannot work is not told beside the cause of that, the index or the clock.
func (s *Service) seeRooms(all []telemetry.Report, cause bool, p *picture) {
	for _, name := range s.Rooms {
		room, there := best(all, name)
		if there && (room.Ready || cause && room.State == running) {
			continue
		}
		c := condition{kind: palinsesto.AlertRoom, scope: name, count: 1, after: s.pace.ill, detail: cmp.Or(room.Error, room.State)}
		if !there {
			c.detail = "nessun processo la tiene in funzione (no process runs it)"
		}
		p.add(c)
	}
}

// best is the room as the copy says it that is best off.
func best(all []telemetry.Report, name string) (found telemetry.RoomReport, there bool) {
	for _, r := range slices.Backward(all) { // our own first
		if room, ok := r.Rooms[name]; ok {
			if !there || room.Ready && !found.Ready {
				found = room
			}
			there = true
		}
	}
	return found, there
}
