// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// CodeIndex is the code of a difference between index and log: rule 10 of what must always hold.
const CodeIndex = "INV-10"

// Verify projects the whole log into memory and lists where the index differs: documents that are
// missing, too many, older or other than the log says, lists by state, the number of each facet, the
// number of what waits for its moment. What moves meanwhile is looked at again before it is told.
func Verify(ctx context.Context, b *bus.Bus, x *index.Index, limit int) ([]palinsesto.Problem, error) {
	v := &verifier{bus: b, index: x, limit: limit}
	for range 5 {
		before, err := v.settled(ctx)
		if err != nil {
			return nil, err
		}
		if v.want, err = v.fromLog(ctx); err != nil {
			return nil, err
		}
		v.found = nil
		if err := v.compare(ctx); err != nil {
			return nil, err
		}
		if len(v.found) == 0 {
			return nil, nil
		}
		// A difference counts only if nothing moved while it was looked for.
		if after, err := v.settled(ctx); err != nil || after == before {
			return v.found, err
		}
	}
	return v.busy(ctx)
}

type key struct{ set, id string }

type verifier struct {
	bus   *bus.Bus
	index *index.Index
	limit int
	want  map[key]index.Doc
	found []palinsesto.Problem
}

func (v *verifier) tell(k key, it, en string) {
	if len(v.found) < v.limit {
		v.found = append(v.found, palinsesto.Problem{Code: CodeIndex, Level: palinsesto.LevelError, Field: k.set + " " + k.id, Text: it, TextEN: en})
	}
}

// settled waits until the index shows the whole log, and gives its state.
func (v *verifier) settled(ctx context.Context) (index.Meta, error) {
	for {
		last, err := v.bus.LastSeq(ctx)
		if err != nil {
			return index.Meta{}, err
		}
		m, err := v.index.Meta(ctx)
		if err != nil {
			return m, err
		}
		if m.Ready && m.Seq >= last {
			return m, nil
		}
		if !wait(ctx, beat/20) {
			return m, fmt.Errorf("indexing: the index did not catch up with the log: %w", ctx.Err())
		}
	}
}

func (v *verifier) fromLog(ctx context.Context) (map[key]index.Doc, error) {
	want := map[key]index.Doc{}
	_, err := v.bus.Snapshot(ctx, func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			d, err := project(r)
			if errors.Is(err, errNotOurs) {
				continue
			}
			k := key{d.Set, d.ID}
			if had, ok := want[k]; !ok || had.Seq < d.Seq {
				want[k] = d // unreadable ones too: they are Gone, and must be so in the index
			}
		}
		return nil
	})
	return want, err
}

var sets = []string{SetSegnalazioni, SetPosts, SetChannels, SetTokens, SetHolds, SetAlerts}

func (v *verifier) compare(ctx context.Context) error {
	counts := map[string]map[string]map[string]int{} // set, facet, value
	states := map[string]map[string]int{}            // what lists by state must hold
	due := 0
	for k, d := range v.want {
		if d.Gone {
			continue
		}
		if d.Due > 0 {
			due++
		}
		for _, f := range d.Facets {
			name, value, _ := strings.Cut(f, "=")
			add(counts, k.set, name, value)
			if name == "state" {
				if states[k.set] == nil {
					states[k.set] = map[string]int{}
				}
				states[k.set][value]++
			}
		}
	}
	for _, set := range sets {
		if err := v.compareSet(ctx, set); err != nil {
			return err
		}
		for state := range states[set] {
			if err := v.compareState(ctx, set, state); err != nil {
				return err
			}
		}
		if err := v.compareCounts(ctx, set, counts[set]); err != nil {
			return err
		}
	}
	n, err := v.index.DueCount(ctx)
	if err == nil && n != due {
		v.tell(key{SetPosts, "due"}, fmt.Sprintf("Nella coda delle scadenze ci sono %d post invece di %d.", n, due), fmt.Sprintf("The due queue has %d posts instead of %d.", n, due))
	}
	return err
}

func add(counts map[string]map[string]map[string]int, set, name, value string) {
	if counts[set] == nil {
		counts[set] = map[string]map[string]int{}
	}
	if counts[set][name] == nil {
		counts[set][name] = map[string]int{}
	}
	counts[set][name][value]++
}

// each reads a whole list.
func (v *verifier) each(ctx context.Context, set string, facets []string, take func(index.Hit)) error {
	q := index.Query{Set: set, Facets: facets, Limit: 200}
	for {
		p, err := v.index.List(ctx, q)
		if err != nil {
			return err
		}
		for _, h := range p.Hits {
			take(h)
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return nil
		}
	}
}

func (v *verifier) compareSet(ctx context.Context, set string) error {
	seen := map[string]bool{}
	err := v.each(ctx, set, nil, func(h index.Hit) {
		k := key{set, h.ID}
		d, ok := v.want[k]
		switch {
		case seen[h.ID]:
			v.tell(k, "Sta due volte nell'elenco.", "It is in the list twice.")
		case !ok || d.Gone:
			v.tell(k, "Sta nell'indice e non nel registro.", "It is in the index and not in the log.")
		case d.Seq != h.Seq || d.Score != h.Score || !bytes.Equal(d.Body, h.Body):
			v.tell(k, fmt.Sprintf("L'indice ha la sequenza %d, il registro %d, oppure altro contenuto.", h.Seq, d.Seq),
				fmt.Sprintf("The index has sequence %d, the log %d, or other content.", h.Seq, d.Seq))
		}
		seen[h.ID] = true
	})
	for k, d := range v.want {
		if k.set == set && !d.Gone && !seen[k.id] {
			v.tell(k, "Sta nel registro e non nell'indice.", "It is in the log and not in the index.")
		}
	}
	return err
}

// compareState looks at who is in a list by state: what scheduling works through.
func (v *verifier) compareState(ctx context.Context, set, state string) error {
	facet := "state=" + state
	return v.each(ctx, set, []string{facet}, func(h index.Hit) {
		for _, f := range v.want[key{set, h.ID}].Facets {
			if f == facet {
				return
			}
		}
		v.tell(key{set, h.ID}, "Sta nell'elenco "+facet+", che non è il suo stato.", "It is in the list "+facet+", which is not its state.")
	})
}

// facetNames are all that project gives, so that one is missed also where nothing should have it.
var facetNames = []string{"state", "channel", "centre", "seg", "kind", "cause", "centre-state", "hand", "hand-centre", "media", "role"}

func (v *verifier) compareCounts(ctx context.Context, set string, want map[string]map[string]int) error {
	for _, name := range facetNames {
		values := want[name]
		got, err := v.index.Counts(ctx, set, name)
		if err != nil {
			return err
		}
		for value, n := range values {
			if got[value] != n {
				v.tell(key{set, name + "=" + value}, fmt.Sprintf("L'indice ne conta %d invece di %d.", got[value], n), fmt.Sprintf("The index counts %d instead of %d.", got[value], n))
			}
		}
		for value, n := range got {
			if _, ok := values[value]; !ok && n != 0 {
				v.tell(key{set, name + "=" + value}, fmt.Sprintf("L'indice ne conta %d e non ce ne sono.", n), fmt.Sprintf("The index counts %d and there are none.", n))
			}
		}
	}
	return nil
}

// busy is for a house that never stands still: only single documents can be compared then, each read
// again from the log and from the index.
func (v *verifier) busy(ctx context.Context) ([]palinsesto.Problem, error) {
	suspects := v.found
	v.found = nil
	for _, p := range suspects {
		set, id, _ := strings.Cut(p.Field, " ")
		differs, err := v.differs(ctx, key{set, id})
		if err != nil {
			return v.found, err
		}
		if differs {
			v.found = append(v.found, p)
		}
	}
	return v.found, nil
}

// differs looks at one document until log and index agree, or the index has passed the log's word on it.
func (v *verifier) differs(ctx context.Context, k key) (bool, error) {
	if (k.set == SetSegnalazioni || k.set == SetPosts || k.set == SetTokens) && !palinsesto.ValidID(k.id) {
		return false, nil // a count: it moved while it was read
	}
	subject := map[string]string{SetSegnalazioni: contract.AnySeg(k.id), SetPosts: contract.AnyPost(k.id), SetChannels: contract.ChannelSubject(k.id),
		SetTokens: contract.TokenSubject(k.id), SetHolds: contract.HoldSubject, SetAlerts: contract.AlertSubject(k.id)}[k.set]
	records, err := v.bus.Newest(ctx, 0, subject)
	if err != nil || len(records) == 0 {
		return err == nil && len(records) == 0, err // a count, or a document that the log does not have
	}
	for {
		m, err := v.index.Meta(ctx)
		if err != nil {
			return false, err
		}
		h, err := v.index.Get(ctx, k.set, k.id)
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return false, err
		}
		if h.Seq >= records[0].Seq {
			return false, nil
		}
		if m.Seq >= records[0].Seq {
			d, err := project(records[0])
			return err == nil && !d.Gone, nil
		}
		if !wait(ctx, beat/20) {
			return true, ctx.Err()
		}
	}
}
