// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrQuery says that a query names no such set, facet, limit or cursor.
var ErrQuery = errors.New("ricerca non valida (invalid query)")

// Query asks for one page.
type Query struct {
	Set       string
	Facets    []string // all must hold
	Cursor    string   // Page.Next of the page before; empty: the first page
	Limit     int      // 1 to 200
	Ascending bool     // lowest score first; else the highest
	// From and To narrow to scores of at least From and below To; 0: no such bound.
	From, To int64
}

// Hit is one document of a page.
type Hit struct {
	ID    string
	Seq   uint64
	Score int64
	Body  []byte
}

// Cursor goes on after this document, for who does not take a page to its end.
func (h Hit) Cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(memberOf(h.Score, h.ID)))
}

// Page is a part of a list. With several facets a page may be short, even empty, and yet have a Next:
// one call looks at a bounded number of documents.
type Page struct {
	Hits  []Hit
	Next  string // empty: the list ends here
	Total int    // -1: not known, because several facets or a range were asked for
}

// scanBudget is how many documents one call looks at when several facets must hold.
const scanBudget = 5000

func (q Query) check() (cursor string, err error) {
	bad := func(what string) (string, error) { return "", fmt.Errorf("%w: %s", ErrQuery, what) }
	if !validSet(q.Set) {
		return bad("Set")
	}
	if q.Limit < 1 || q.Limit > 200 {
		return bad("Limit")
	}
	if len(q.Facets) > maxFacets {
		return bad("Facets")
	}
	if q.From < 0 || q.From > maxMoment || q.To < 0 || q.To > maxMoment {
		return bad("From, To")
	}
	for _, f := range q.Facets {
		if !validFacet(f) {
			return bad("Facets")
		}
	}
	if q.Cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return bad("Cursor")
	}
	if _, _, ok := splitMember(string(b)); !ok {
		return bad("Cursor")
	}
	return string(b), nil
}

// List gives one page. What does not change while one pages appears exactly once.
func (x *Index) List(ctx context.Context, q Query) (Page, error) {
	cursor, err := q.check()
	if err != nil {
		return Page{}, err
	}
	args := []any{x.keys.space(""), schemaMark, q.Set, q.Ascending, cursor, q.Limit, scanBudget, bound(q.From), bound(q.To)}
	for _, f := range q.Facets {
		args = append(args, f)
	}
	v, err := listScript.Run(ctx, x.db, []string{x.keys.current()}, args...).Slice()
	if errors.Is(err, redis.Nil) {
		return Page{}, ErrNoIndex
	}
	if err != nil {
		return Page{}, fmt.Errorf("lettura dell'indice: %w", err)
	}
	return page(v, len(q.Facets) > 1 || q.From > 0 || q.To > 0)
}

// bound is where the members of a score begin; empty for none.
func bound(score int64) string {
	if score == 0 {
		return ""
	}
	return memberOf(score, "")
}

// page reads the answer of list.lua: total, next, then member and packed document in turn.
func page(v []any, uncounted bool) (Page, error) {
	if len(v) < 2 || len(v)%2 != 0 {
		return Page{}, errPacked
	}
	p := Page{Total: -1, Hits: make([]Hit, 0, len(v)/2-1)}
	if !uncounted {
		p.Total, _ = strconv.Atoi(text(v[0])) // nothing counted yet: 0
	}
	if next := text(v[1]); next != "" {
		p.Next = base64.RawURLEncoding.EncodeToString([]byte(next))
	}
	for pair := range slices.Chunk(v[2:], 2) {
		score, id, ok := splitMember(text(pair[0]))
		if !ok {
			return Page{}, errPacked
		}
		s, err := unpack(text(pair[1]))
		if err != nil {
			return Page{}, fmt.Errorf("%w: %s", err, id)
		}
		p.Hits = append(p.Hits, Hit{ID: id, Seq: s.seq, Score: score, Body: []byte(s.body)})
	}
	return p, nil
}

func text(v any) string {
	s, _ := v.(string) // nil or a number: empty, which every reader refuses or takes for nothing
	return s
}

// Get gives one document.
func (x *Index) Get(ctx context.Context, set, id string) (Hit, error) {
	var got *redis.StringCmd
	err := x.inEpoch(ctx, func(p redis.Pipeliner, space string) { got = p.HGet(ctx, space+"d:"+set, id) })
	if err != nil {
		return Hit{}, err
	}
	if got.Err() != nil {
		return Hit{}, ErrNotFound
	}
	s, err := unpack(got.Val())
	if err != nil {
		return Hit{}, fmt.Errorf("%w: %s %s", err, set, id)
	}
	if s.gone {
		return Hit{}, ErrNotFound
	}
	return Hit{ID: id, Seq: s.seq, Score: s.score, Body: []byte(s.body)}, nil
}

// Counts says how many documents of the set have each value of a facet: for "state", such as
// {"failed": 3}. With an empty facet the only value, "", has the size of the set.
func (x *Index) Counts(ctx context.Context, set, facet string) (map[string]int, error) {
	if !validSet(set) || strings.Contains(facet, "=") {
		return nil, fmt.Errorf("%w: Counts", ErrQuery)
	}
	var got *redis.MapStringStringCmd
	err := x.inEpoch(ctx, func(p redis.Pipeliner, space string) { got = p.HGetAll(ctx, space+"c:"+set+":"+facet) })
	if err != nil {
		return nil, err
	}
	out := make(map[string]int, len(got.Val()))
	for value, n := range got.Val() {
		k, err := strconv.Atoi(n)
		if err != nil {
			return nil, errPacked
		}
		if k != 0 { // a value that nothing has any more stays as a zero until the next rebuild
			out[value] = k
		}
	}
	return out, nil
}
