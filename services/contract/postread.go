// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"strings"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// readPost is the fast half of Posts.Decode; ok is false when the slow one has to decide.
func readPost(raw []byte) (e Envelope, p palinsesto.Post, ok bool) {
	r := wireReader{all: string(raw), end: len(raw)}
	found := false
	for r.next() {
		switch r.key {
		case 1<<3 | lengthed:
			in := r.message(1)
			r.leave(in.envelope(&e))
		case 2<<3 | lengthed:
			in := r.message(2)
			r.leave(in.post(&p))
			found = true
		default:
			r.odd = true
		}
	}
	return e, p, found && !r.odd && len(raw) <= maxReply
}

func (r *wireReader) envelope(e *Envelope) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | lengthed:
			in := r.message(1)
			r.leave(in.actor(&e.Actor))
		case 2<<3 | lengthed:
			e.At = r.time(2)
		case 3<<3 | lengthed:
			e.CommandID = r.text()
		case 4<<3 | lengthed:
			e.Reason = r.text()
		case 5<<3 | lengthed:
			e.Trace = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) post(p *palinsesto.Post) bool {
	for r.next() {
		switch r.key {
		// The three that rooms keep as keys get a memory of their own: a short text that is kept
		// would otherwise keep the whole message.
		case 1<<3 | lengthed:
			p.ID = strings.Clone(r.text())
		case 2<<3 | lengthed:
			p.Segnalazione = strings.Clone(r.text())
		case 4<<3 | lengthed:
			p.Channel = strings.Clone(r.text())
		case 3<<3 | lengthed:
			p.Centre = r.text()
		case 5<<3 | lengthed:
			p.Network = r.text()
		case 6<<3 | lengthed:
			p.Kind = palinsesto.Kind(r.text())
		case 7<<3 | lengthed:
			p.Title = r.text()
		case 8<<3 | varint:
			p.Occurrence = r.int()
		case 9<<3 | lengthed:
			p.State = palinsesto.PostState(r.text())
		case 10<<3 | varint:
			p.Approved = r.n
		case 11<<3 | lengthed:
			p.Hash = r.text()
		case 12<<3 | lengthed:
			p.Due = r.time(12)
		case 13<<3 | lengthed:
			p.FirstDue = r.time(13)
		case 14<<3 | varint:
			p.Bend = r.n != 0
		case 15<<3 | lengthed:
			p.Expires = r.time(15)
		default:
			r.postRest(p)
		}
	}
	return r.odd
}

// postRest is what became of the post, from field 16 on.
func (r *wireReader) postRest(p *palinsesto.Post) {
	switch r.key {
	case 16<<3 | lengthed:
		p.Parts = append(p.Parts, palinsesto.PartState{})
		in := r.message(0)
		r.leave(in.part(&p.Parts[len(p.Parts)-1]))
	case 17<<3 | lengthed:
		p.Attempt = new(palinsesto.Attempt)
		in := r.message(17)
		r.leave(in.attempt(p.Attempt))
	case 18<<3 | varint:
		p.Attempts = r.int()
	case 19<<3 | varint:
		p.Retries = r.int()
	case 20<<3 | lengthed:
		p.Cause = r.text()
	case 21<<3 | lengthed:
		p.Problem = r.text()
	case 22<<3 | lengthed:
		p.Hold = r.text()
	case 23<<3 | lengthed:
		p.Link = r.text()
	case 24<<3 | lengthed:
		p.PostedAt = r.time(24)
	case 25<<3 | lengthed:
		p.Change = new(palinsesto.Change)
		in := r.message(25)
		r.leave(in.change(p.Change))
	default:
		r.odd = true
	}
}

func (r *wireReader) part(x *palinsesto.PartState) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | varint:
			x.Posted = r.n != 0
		case 2<<3 | lengthed:
			x.RemoteIDs = append(x.RemoteIDs, r.text())
		case 3<<3 | lengthed:
			x.Link = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) attempt(a *palinsesto.Attempt) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | varint:
			a.Number = r.int()
		case 2<<3 | varint:
			a.Part = r.int()
		case 3<<3 | lengthed:
			a.Key = r.text()
		case 4<<3 | lengthed:
			a.Hash = r.text()
		case 5<<3 | lengthed:
			a.Worker = r.text()
		case 6<<3 | lengthed:
			a.Intended = r.time(6)
		case 7<<3 | lengthed:
			a.Lasts = r.duration(7)
		case 8<<3 | lengthed:
			a.Verdict = r.text()
		case 9<<3 | varint:
			a.Status = r.int()
		case 10<<3 | lengthed:
			a.Took = r.duration(10)
		case 11<<3 | lengthed:
			a.Raw = r.text()
		case 12<<3 | lengthed:
			a.Settled = r.text()
		case 13<<3 | lengthed:
			a.Settlement = new(palinsesto.Settlement)
			in := r.message(13)
			r.leave(in.settlement(a.Settlement))
		case 14<<3 | lengthed:
			a.Check = new(palinsesto.Check)
			in := r.message(14)
			r.leave(in.check(a.Check))
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) settlement(s *palinsesto.Settlement) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | lengthed:
			s.By = palinsesto.SettledBy(r.text())
		case 2<<3 | lengthed:
			s.At = r.time(2)
		case 3<<3 | lengthed:
			s.Evidence = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) check(x *palinsesto.Check) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | varint:
			x.Number = r.int()
		case 2<<3 | lengthed:
			x.Kind = r.text()
		case 3<<3 | lengthed:
			x.Worker = r.text()
		case 4<<3 | lengthed:
			x.At = r.time(4)
		case 5<<3 | lengthed:
			x.Lasts = r.duration(5)
		case 6<<3 | lengthed:
			x.Verdict = r.text()
		case 7<<3 | lengthed:
			x.Detail = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) change(x *palinsesto.Change) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | lengthed:
			x.Kind = r.text()
		case 2<<3 | lengthed:
			x.Hash = r.text()
		case 3<<3 | lengthed:
			in := r.message(3)
			r.leave(in.actor(&x.By))
		case 4<<3 | lengthed:
			x.Reason = r.text()
		case 5<<3 | varint:
			x.Tries = r.int()
		case 6<<3 | lengthed:
			x.Problem = r.text()
		case 7<<3 | lengthed:
			x.Cause = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}

func (r *wireReader) actor(a *palinsesto.Actor) bool {
	for r.next() {
		switch r.key {
		case 1<<3 | lengthed:
			a.ID = r.text()
		case 2<<3 | lengthed:
			a.Name = r.text()
		case 3<<3 | lengthed:
			a.Role = palinsesto.Role(r.text())
		case 4<<3 | lengthed:
			a.Centre = r.text()
		default:
			r.odd = true
		}
	}
	return r.odd
}
