// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is one way to break a world. It lasts from begin to the end that begin gives.
type fault struct {
	name     string
	what     string
	possible func(w *world) bool
	from, to time.Duration // how long it lasts
	begin    func(ctx context.Context, d *driver) (end func())
}

// alone: nothing else may break meanwhile. While data are put back, what is acknowledged is not kept.
func (f fault) alone() bool { return strings.HasPrefix(f.name, "back-") }

// faults is the table of all of them.
func faults() []fault {
	return slices.Concat(killFaults(), pauseFaults(), natsFaults(), redisFaults(), lineFaults(), networkFaults(), diskFaults(), clockFaults(),
		copyFaults(), backFaults())
}

func faultNames() string {
	var names []string
	for _, f := range faults() {
		names = append(names, f.name)
	}
	return strings.Join(names, ",")
}

// checkFaults refuses names that no fault has.
func checkFaults(o options) error {
	known := strings.Split(faultNames(), ",")
	for _, name := range append(split(o.only), split(o.without)...) {
		if !slices.ContainsFunc(known, func(k string) bool { return matches(name, k) }) {
			return fmt.Errorf("no fault %q: there are %s", name, faultNames())
		}
	}
	return nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// matches lets a name stand for all that begin with it: redis for redis-kill and redis-flush.
func matches(name, fault string) bool { return name == fault || strings.HasPrefix(fault, name+"-") }

// chosen are the faults of this run in this world.
func (r *run) chosen() []fault {
	var out []fault
	for _, f := range faults() {
		in := func(list string) bool {
			return slices.ContainsFunc(split(list), func(name string) bool { return matches(name, f.name) })
		}
		if f.possible(r.world) && (r.o.only == "" || in(r.o.only)) && !in(r.o.without) {
			out = append(out, f)
		}
	}
	return out
}

// rank says which fault is to be drawn first: what no world has tried yet, and of that what only such a
// world as this can try.
func (r *run) rank(f fault) int {
	rank := 0
	if !r.tried[f.name] {
		rank++
		if !f.possible(&world{}) {
			rank++
		}
	}
	return rank
}

func always(*world) bool         { return true }
func withNATS(w *world) bool     { return len(w.nats) > 0 }
func clustered(w *world) bool    { return len(w.nats) > 1 }
func withRedis(w *world) bool    { return w.redis != nil }
func severalRooms(w *world) bool { return w.redis != nil }

func pick[T any](dice *rand.Rand, from []T) T { return from[dice.IntN(len(from))] }

func between(dice *rand.Rand, from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(dice.Int64N(int64(to-from)))
}
