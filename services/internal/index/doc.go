// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Doc is one aggregate as lists show it.
type Doc struct {
	Set    string // "seg", "post", "channel", "token", "hold": [a-z0-9-]
	ID     string
	Seq    uint64   // of the log: an older one never replaces a newer one
	Body   []byte   // the log's payload, opaque
	Facets []string // such as "state=failed": what lists filter and count by
	Score  int64    // order of lists, ms since the epoch
	Due    int64    // ms since the epoch when it must be claimed; 0: not in the due queue
	DueKey string   // its member of the due queue, such as the subject; of this document alone
	Gone   bool     // out of all lists; what stays is the sequence, so that nothing older revives it
}

// Bounds of what one document may be: hostile text ends here rather than in Redis.
const (
	maxSet, maxID, maxFacet, maxDueKey = 40, 200, 200, 300
	maxFacets                          = 64
	maxBody                            = 1 << 20
	maxMoment                          = 1<<53 - 1 // what a sorted set can hold without rounding
)

var errDoc = errors.New("documento che l'indice non può tenere (document that the index cannot keep)")

func (d *Doc) check() error {
	bad := func(what string) error { return fmt.Errorf("%w: %s di %s %q", errDoc, what, d.Set, d.ID) }
	switch {
	case !validSet(d.Set):
		return bad("Set")
	case d.ID == "" || len(d.ID) > maxID:
		return bad("ID")
	case d.Score < 0 || d.Score > maxMoment:
		return bad("Score")
	case d.Due < 0 || d.Due > maxMoment:
		return bad("Due")
	case len(d.DueKey) > maxDueKey || d.Due > 0 && d.DueKey == "":
		return bad("DueKey")
	case len(d.Body) > maxBody:
		return bad("Body")
	case len(d.Facets) > maxFacets:
		return bad("Facets")
	}
	for _, f := range d.Facets {
		if !validFacet(f) {
			return bad("Facets")
		}
	}
	return nil
}

func validSet(s string) bool {
	return s != "" && len(s) <= maxSet && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func validFacet(f string) bool {
	name, _, ok := strings.Cut(f, "=")
	return ok && name != "" && len(f) <= maxFacet
}

// stored is what the index keeps of a document.
type stored struct {
	seq        uint64
	score, due int64
	dueKey     string
	gone       bool
	facets     []string // sorted, none twice
	body       string   // of one that was read
}

func fromDoc(d *Doc) stored {
	if d.Gone {
		return stored{seq: d.Seq, gone: true}
	}
	s := stored{seq: d.Seq, score: d.Score, due: d.Due, facets: slices.Clone(d.Facets)}
	if d.Due > 0 {
		s.dueKey = d.DueKey
	}
	slices.Sort(s.facets)
	s.facets = slices.Compact(s.facets)
	return s
}

const packedAs = 1 // first byte of a packed document

// pack writes: version, gone, seq, score, due, DueKey, facets, body; numbers as varints, texts with
// their length before them, the body to the end.
func (s *stored) pack(body []byte) string {
	var b strings.Builder
	b.Grow(48 + len(s.dueKey) + 24*len(s.facets) + len(body))
	gone := byte(0)
	if s.gone {
		gone, body = 1, nil
	}
	b.Write([]byte{packedAs, gone})
	number(&b, s.seq)
	number(&b, uint64(s.score))
	number(&b, uint64(s.due))
	number(&b, uint64(len(s.dueKey)))
	b.WriteString(s.dueKey)
	number(&b, uint64(len(s.facets)))
	for _, f := range s.facets {
		number(&b, uint64(len(f)))
		b.WriteString(f)
	}
	b.Write(body)
	return b.String()
}

func number(b *strings.Builder, v uint64) {
	var buf [binary.MaxVarintLen64]byte
	b.Write(binary.AppendUvarint(buf[:0], v))
}

var errPacked = errors.New("documento illeggibile nell'indice: va ricostruito (unreadable document in the index: rebuild it)")

// unpack reads what pack wrote. Redis is an outside place: anything may stand there.
func unpack(v string) (stored, error) {
	if len(v) < 2 || v[0] != packedAs || v[1] > 1 {
		return stored{}, errPacked
	}
	r := packedReader{rest: v[2:]}
	s := stored{gone: v[1] == 1, seq: r.number(1<<64 - 1)}
	s.score = int64(r.number(maxMoment))
	s.due = int64(r.number(maxMoment))
	s.dueKey = r.text(maxDueKey)
	if n := r.number(maxFacets); n > 0 && !r.bad {
		s.facets = make([]string, n)
		for i := range s.facets {
			s.facets[i] = r.text(maxFacet)
		}
	}
	if r.bad {
		return stored{}, errPacked
	}
	s.body = r.rest
	return s, nil
}

type packedReader struct {
	rest string
	bad  bool
}

// number reads a varint; written out because encoding/binary wants a []byte, which is a copy of the body.
func (r *packedReader) number(most uint64) uint64 {
	var v uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			if v > most {
				break
			}
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *packedReader) text(most uint64) string {
	n := r.number(most)
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	t := r.rest[:n]
	r.rest = r.rest[n:]
	return t
}
