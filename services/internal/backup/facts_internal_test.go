// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Of each post the newest noted state, of all else every fact, in the order of the log.
func TestFactsOfABatch(t *testing.T) {
	var batch []bus.Record
	add := func(subject, event string, data []byte) {
		batch = append(batch, bus.Record{Subject: subject, Event: event, Seq: uint64(len(batch) + 1), Time: time.Unix(0, 0), Data: data})
	}
	post := func(id string, event palinsesto.PostEvent, state palinsesto.PostState) {
		p := palinsesto.Post{ID: palinsesto.DeriveID("post", id), Channel: "c", State: state, Hash: id}
		data, err := contract.Posts.Encode(contract.Envelope{}, p)
		require.NoError(t, err)
		add(contract.PostSubject(p.Channel, p.ID), string(event), data)
	}
	post("a", palinsesto.PostWasPublishing, palinsesto.PostPublishing)
	seg := contract.SegSubject("jesi", palinsesto.DeriveID("seg", "1"))
	add(seg, string(palinsesto.SegWasRevised), nil)
	post("b", palinsesto.PostWasPublishing, palinsesto.PostPublishing)
	post("a", palinsesto.PostWasPosted, palinsesto.PostPosted)
	add(seg, string(palinsesto.SegWasWithdrawn), nil)
	post("b", palinsesto.PostWasRetrying, palinsesto.PostRetrying) // is not noted

	type short struct {
		seq          uint64
		event, state string
	}
	var got []short
	for _, f := range factsOf("log", batch) {
		require.Equal(t, "log", f.Log)
		got = append(got, short{f.Seq, f.Event, f.State})
	}
	require.Equal(t, []short{{2, "revised", ""}, {3, "publishing", "publishing"}, {4, "posted", "posted"}, {5, "withdrawn", ""}}, got)
}
