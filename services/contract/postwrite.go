// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// writePost is the fast half of Posts.Encode; ok is false when the slow one has to decide.
func writePost(e Envelope, p *palinsesto.Post) (b []byte, ok bool) {
	w, _ := scratch.Get().(*wireWriter)
	defer scratch.Put(w)
	w.b, w.odd = w.b[:0], false
	at := w.open(1)
	w.envelope(e)
	w.close(at)
	at = w.open(2)
	w.post(p)
	w.close(at)
	if w.odd || len(w.b) > MaxPayload {
		return nil, false
	}
	return slices.Clone(w.b), true
}

func (w *wireWriter) envelope(e Envelope) {
	w.actor(1, e.Actor)
	w.time(2, e.At)
	w.text(3, e.CommandID)
	w.text(4, e.Reason)
	w.text(5, e.Trace)
}

func (w *wireWriter) post(p *palinsesto.Post) {
	w.text(1, p.ID)
	w.text(2, p.Segnalazione)
	w.text(3, p.Centre)
	w.text(4, p.Channel)
	w.text(5, p.Network)
	w.text(6, string(p.Kind))
	w.text(7, p.Title)
	w.int(8, p.Occurrence)
	w.text(9, string(p.State))
	w.uint(10, p.Approved)
	w.text(11, p.Hash)
	w.time(12, p.Due)
	w.time(13, p.FirstDue)
	w.bool(14, p.Bend)
	w.time(15, p.Expires)
	for _, x := range p.Parts {
		w.part(16, x)
	}
	w.attempt(17, p.Attempt)
	w.int(18, p.Attempts)
	w.int(19, p.Retries)
	w.text(20, p.Cause)
	w.text(21, p.Problem)
	w.text(22, p.Hold)
	w.text(23, p.Link)
	w.time(24, p.PostedAt)
	w.change(25, p.Change)
}

func (w *wireWriter) part(num protowire.Number, x palinsesto.PartState) {
	at := w.open(num)
	w.bool(1, x.Posted)
	for _, id := range x.RemoteIDs {
		w.item(2, id)
	}
	w.text(3, x.Link)
	w.close(at)
}

func (w *wireWriter) attempt(num protowire.Number, a *palinsesto.Attempt) {
	if a == nil {
		return
	}
	at := w.open(num)
	w.int(1, a.Number)
	w.int(2, a.Part)
	w.text(3, a.Key)
	w.text(4, a.Hash)
	w.text(5, a.Worker)
	w.time(6, a.Intended)
	w.duration(7, a.Lasts)
	w.text(8, a.Verdict)
	w.int(9, a.Status)
	w.duration(10, a.Took)
	w.text(11, a.Raw)
	w.text(12, a.Settled)
	w.settlement(13, a.Settlement)
	w.check(14, a.Check)
	w.close(at)
}

func (w *wireWriter) settlement(num protowire.Number, s *palinsesto.Settlement) {
	if s == nil {
		return
	}
	at := w.open(num)
	w.text(1, string(s.By))
	w.time(2, s.At)
	w.text(3, s.Evidence)
	w.close(at)
}

func (w *wireWriter) check(num protowire.Number, x *palinsesto.Check) {
	if x == nil {
		return
	}
	at := w.open(num)
	w.int(1, x.Number)
	w.text(2, x.Kind)
	w.text(3, x.Worker)
	w.time(4, x.At)
	w.duration(5, x.Lasts)
	w.text(6, x.Verdict)
	w.text(7, x.Detail)
	w.close(at)
}

func (w *wireWriter) change(num protowire.Number, x *palinsesto.Change) {
	if x == nil {
		return
	}
	at := w.open(num)
	w.text(1, x.Kind)
	w.text(2, x.Hash)
	w.actor(3, x.By)
	w.text(4, x.Reason)
	w.int(5, x.Tries)
	w.text(6, x.Problem)
	w.text(7, x.Cause)
	w.close(at)
}

func (w *wireWriter) actor(num protowire.Number, a palinsesto.Actor) {
	if a == (palinsesto.Actor{}) {
		return
	}
	at := w.open(num)
	w.text(1, a.ID)
	w.text(2, a.Name)
	w.text(3, string(a.Role))
	w.text(4, a.Centre)
	w.close(at)
}
