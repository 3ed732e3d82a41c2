// SPDX-License-Identifier: AGPL-3.0-or-later

package index_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/internal/index/indextest"
)

// suite is what every kind of index must do. A kind that may do less would be one that a room can tell
// from the other.
var suite = map[string]func(t *testing.T, h *house){
	"a wiped index says so":                           wipedSaysSo,
	"meta follows what was applied":                   metaFollows,
	"an older sequence never overwrites":              olderNeverOverwrites,
	"any order of delivery gives the same index":      orderIsNothing,
	"the newest of one batch wins":                    newestOfBatch,
	"documents that cannot be kept are refused":       badDocs,
	"many documents are cut into calls":               manyDocs,
	"wiped between reading and writing":               wipedWithinApply,
	"another epoch between reading and writing":       rebuiltWithinApply,
	"another writer between reading and writing":      writtenWithinApply,
	"writers at once lose nothing":                    writersAtOnce,
	"wipes at any moment lose nothing":                wipesAtAnyMoment,
	"pages show each document once":                   pagesOnce,
	"pages under change":                              pagesUnderChange,
	"equal scores page exactly":                       equalScores,
	"several facets":                                  severalFacets,
	"a range of scores":                               ranges,
	"several facets in bounded steps":                 boundedSteps,
	"queries that cannot be are refused":              badQueries,
	"get finds what lists show":                       getFinds,
	"scores of all times":                             allTimes,
	"a claim never pops":                              claimNeverPops,
	"two claimers never share":                        claimersNeverShare,
	"a claim outlives changes that keep the due time": claimOutlivesChange,
	"a due document leaves the queue":                 leavesQueue,
	"the sweep heals the queue":                       sweepHeals,
	"deferring":                                       deferring,
	"earliest first and never early":                  neverEarly,
	"rebuilding equals applying":                      rebuildEqualsApply,
	"a document put twice":                            putTwice,
	"one builder at a time":                           oneBuilder,
	"an aborted build leaves nothing":                 abortedBuild,
	"a builder that lost its lock":                    lostBuilder,
	"old epochs are dropped":                          oldEpochsDropped,
	"readers never see a half-built index":            neverHalfBuilt,
	"rates hold among many takers":                    ratesHold,
	"one refusal gives all budgets back":              refusalGivesBack,
	"bursts and minutes":                              burstsAndMinutes,
	"blocks":                                          blocks,
	"once":                                            once,
	"leading":                                         leading,
}

func TestIndex(t *testing.T) {
	for name, test := range suite {
		t.Run("embedded/"+name, func(t *testing.T) { test(t, embeddedHouse(t)) })
		t.Run("redis/"+name, func(t *testing.T) { test(t, redisHouse(t)) })
	}
}

// house is one index with the copies of rooms that share it.
type house struct {
	*index.Index
	second *index.Index // of another process, with a Redis; else the same
	wipe   func()

	mu  sync.Mutex
	now time.Time
}

var ctx = context.Background()

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) open(t *testing.T, url string) *index.Index {
	x, err := index.Open(ctx, index.Options{URL: url, Clock: h.clock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func newHouse() *house { return &house{now: time.UnixMilli(start)} }

func embeddedHouse(t *testing.T) *house {
	h := newHouse()
	h.Index = h.open(t, "")
	h.second, h.wipe = h.Index, h.Wipe
	return h
}

func redisHouse(t *testing.T) *house {
	server := indextest.Start(t)
	h := newHouse()
	h.Index, h.second, h.wipe = h.open(t, server.URL), h.open(t, server.URL), server.FlushAll
	return h
}

// build makes an index of docs and gives its epoch.
func (h *house) build(t require.TestingT, docs ...index.Doc) string {
	b, err := h.Rebuild(ctx, "log")
	require.NoError(t, err)
	require.NoError(t, b.Put(ctx, docs))
	epoch, err := b.Finish(ctx, 0)
	require.NoError(t, err)
	return epoch
}

func (h *house) apply(t require.TestingT, epoch string, docs ...index.Doc) {
	require.NoError(t, h.Apply(ctx, epoch, docs, 0))
}

// doc is a small document: score and body tell its sequence.
func doc(id string, seq uint64, facets ...string) index.Doc {
	return index.Doc{Set: "post", ID: id, Seq: seq, Body: fmt.Appendf(nil, "%s@%d", id, seq), Score: start, Facets: facets}
}

func dueDoc(id string, seq uint64, at time.Time) index.Doc {
	d := doc(id, seq, "state=queued")
	d.Due, d.DueKey = at.UnixMilli(), "key."+id
	return d
}

// all pages through a list.
func all(t require.TestingT, x *index.Index, q index.Query) []index.Hit {
	var out []index.Hit
	for {
		p, err := x.List(ctx, q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Hits), q.Limit)
		out = append(out, p.Hits...)
		if q.Cursor = p.Next; q.Cursor == "" {
			return out
		}
	}
}

func ids(hits []index.Hit) []string {
	out := []string{}
	for _, h := range hits {
		out = append(out, h.ID)
	}
	return out
}

func keysOf(claims []index.Claim) []string {
	out := []string{}
	for _, c := range claims {
		out = append(out, c.Key)
	}
	return out
}
