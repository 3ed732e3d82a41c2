// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Everything comes up once before anything comes again, and what matters most first.
func TestDeck(t *testing.T) {
	d := newDeck(rand.New(rand.NewPCG(1, 2)), []string{"a", "b", "c", "d"})
	d.first(func(x string) int { return map[string]int{"c": 2, "b": 1}[x] })
	require.Equal(t, "c", d.draw())
	require.Equal(t, "b", d.draw())
	d.back("b")
	rest := []string{d.draw(), d.draw()}
	require.ElementsMatch(t, []string{"a", "d"}, rest)
	require.Equal(t, "b", d.draw(), "what was drawn in vain comes last")
	again := []string{d.draw(), d.draw(), d.draw(), d.draw()}
	require.ElementsMatch(t, []string{"a", "b", "c", "d"}, again)
}

// A fault of which only some worlds are capable is drawn before those of all, and what was tried last.
func TestRank(t *testing.T) {
	r := &run{tried: map[string]bool{"kill": true}}
	rank := map[string]int{}
	for _, f := range faults() {
		rank[f.name] = r.rank(f)
	}
	require.Equal(t, 0, rank["kill"])
	require.Equal(t, 1, rank["pause"])
	for _, name := range []string{"cut-leader", "redis-full", "disk-slow", "back-copy", "copies-four"} {
		require.Equal(t, 2, rank[name], name)
	}
}

// The zone has the hour that does not exist and the hour that comes twice.
func TestZone(t *testing.T) {
	spring := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	autumn := spring.Add(3 * time.Minute)
	zone, err := time.LoadLocationFromTZData(zoneName, zoneData(spring, autumn))
	require.NoError(t, err)
	for at, want := range map[time.Time]string{
		spring.Add(-time.Second): "20:59:59 CET", spring: "22:00:00 CEST", autumn.Add(-time.Second): "22:02:59 CEST", autumn: "21:03:00 CET",
		autumn.AddDate(1, 0, 0): "21:03:00 CET",
	} {
		require.Equal(t, want, at.In(zone).Format("15:04:05 MST"))
	}
}
