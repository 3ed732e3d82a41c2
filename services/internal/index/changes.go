// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"slices"
	"strconv"
	"strings"
)

// changes gathers what a batch of documents does to the keys of one namespace, so that each key is
// touched by few commands with many members. Both ways into the index, Apply and the Builder, go
// through it: that is why a rebuilt index equals one that grew.
type changes struct {
	docs       map[string][]string // set -> id, packed, id, packed, …
	add, drop  map[list][]string
	counts     map[tally]int
	due, undue []string // score, member, …; members
	dueAgain   []string // score, member, …: only if missing
	moments    []string // member, ms, …
	buckets    map[string]buckets
	widened    map[string]bool // sets whose buckets have changed
}

// list is one sorted set.
type list struct {
	set, facet string // facet "": all of the set
	bucket     int
}

type tally struct{ set, facet string }

func newChanges(known map[string]buckets) *changes {
	return &changes{
		docs: map[string][]string{}, add: map[list][]string{}, drop: map[list][]string{}, counts: map[tally]int{},
		buckets: known, widened: map[string]bool{},
	}
}

// put adds what d changes, given what stood there; nil: nothing.
func (c *changes) put(d *Doc, was *stored) {
	now := fromDoc(d)
	if was == nil {
		was = &stored{gone: true}
	} else if d.Seq <= was.seq {
		if d.Seq == was.seq {
			c.heal(d, now)
		}
		return
	}
	c.docs[d.Set] = append(c.docs[d.Set], d.ID, now.pack(d.Body))
	c.relist(d.Set, d.ID, was, &now)
	c.requeue(was, &now)
}

func (c *changes) relist(set, id string, was, now *stored) {
	moved := was.score != now.score
	if !was.gone {
		m, b := memberOf(was.score, id), bucketOf(was.score)
		if moved || now.gone {
			c.unlist(list{set, "", b}, m, now.gone)
		}
		for _, f := range was.facets {
			if _, stays := slices.BinarySearch(now.facets, f); moved || !stays {
				c.unlist(list{set, f, b}, m, !stays)
			}
		}
	}
	if now.gone {
		return
	}
	m, b := memberOf(now.score, id), bucketOf(now.score)
	if moved || was.gone {
		c.enlist(list{set, "", b}, m, was.gone)
		c.widen(set, b)
	}
	for _, f := range now.facets {
		if _, had := slices.BinarySearch(was.facets, f); moved || was.gone || !had {
			c.enlist(list{set, f, b}, m, was.gone || !had)
		}
	}
}

func (c *changes) enlist(l list, member string, counts bool) {
	c.add[l] = append(c.add[l], member)
	if counts {
		c.counts[tally{l.set, l.facet}]++
	}
}

func (c *changes) unlist(l list, member string, counts bool) {
	c.drop[l] = append(c.drop[l], member)
	if counts {
		c.counts[tally{l.set, l.facet}]--
	}
}

func (c *changes) widen(set string, b int) {
	if with, more := c.buckets[set].with(b); more {
		c.buckets[set] = with
		c.widened[set] = true
	}
}

// requeue leaves a member whose true due is the same alone: it may be claimed, or put off.
func (c *changes) requeue(was, now *stored) {
	if was.due == now.due && was.dueKey == now.dueKey {
		return
	}
	if was.due > 0 && was.dueKey != now.dueKey {
		c.undue = append(c.undue, was.dueKey)
	}
	if now.due > 0 {
		ms := strconv.FormatInt(now.due, 10)
		c.due = append(c.due, ms, now.dueKey)
		c.moments = append(c.moments, now.dueKey, ms)
	}
}

// heal is for a document that is there already: the sweep gives all open posts again, and a member that
// the due queue has lost comes back, one that should not be there goes.
func (c *changes) heal(d *Doc, now stored) {
	switch {
	case now.due > 0:
		ms := strconv.FormatInt(now.due, 10)
		c.dueAgain = append(c.dueAgain, ms, now.dueKey)
		c.moments = append(c.moments, now.dueKey, ms)
	case d.DueKey != "":
		c.undue = append(c.undue, d.DueKey)
	}
}

// perCommand bounds the arguments of one command: Lua can unpack some thousands at once.
const perCommand = 2000

// commands gives what is to be sent, removals first: a member that moves within a list is in both.
func (c *changes) commands(space string) [][]string {
	var out [][]string
	for set, fields := range c.docs {
		out = chunked(out, perCommand, fields, "HSET", space+"d:"+set)
	}
	for l, members := range c.drop {
		out = chunked(out, perCommand, members, "ZREM", l.key(space))
	}
	for l, members := range c.add {
		out = chunked(out, perCommand, scored(members), "ZADD", l.key(space))
	}
	for t, n := range c.counts {
		if n != 0 {
			name, value, _ := strings.Cut(t.facet, "=")
			out = append(out, []string{"HINCRBY", space + "c:" + t.set + ":" + name, value, strconv.Itoa(n)})
		}
	}
	out = chunked(out, perCommand, c.undue, "ZREM", space+"due")
	out = chunked(out, perCommand, c.undue, "HDEL", space+"moments")
	out = chunked(out, perCommand, c.due, "ZADD", space+"due")
	out = chunked(out, perCommand, c.moments, "HSET", space+"moments")
	out = chunked(out, perCommand, c.dueAgain, "ZADD", space+"due", "NX")
	for set := range c.widened {
		out = append(out, []string{"HSET", space + "meta", bucketsField + set, c.buckets[set].String()})
	}
	return out
}

func (l list) key(space string) string {
	return space + "z:" + l.set + ":" + strconv.Itoa(l.bucket) + ":" + l.facet
}

// chunked appends commands that begin with head and carry up to size (even) of args each.
func chunked(out [][]string, size int, args []string, head ...string) [][]string {
	for part := range slices.Chunk(args, size) {
		out = append(out, slices.Concat(head, part))
	}
	return out
}

func scored(members []string) []string {
	out := make([]string, 0, 2*len(members))
	for _, m := range members {
		out = append(out, "0", m)
	}
	return out
}
