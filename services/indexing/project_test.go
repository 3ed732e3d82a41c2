// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const someID = "019ad5f0-0000-7000-8000-000000000001"

var (
	monday   = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	envelope = contract.Envelope{Actor: palinsesto.Room("test"), At: monday}
)

func record[T any](t testing.TB, c contract.Codec[T], subject string, seq uint64, state T) bus.Record {
	t.Helper()
	data, err := c.Encode(envelope, state)
	require.NoError(t, err)
	return bus.Record{Subject: subject, Seq: seq, Time: monday, Data: data}
}

func TestProjectPost(t *testing.T) {
	base := palinsesto.Post{ID: someID, Segnalazione: "s1", Centre: "jesi", Channel: "telegram-marche", Network: "telegram",
		Kind: palinsesto.KindEvento, Due: monday}
	subject := contract.PostSubject("telegram-marche", someID)
	for name, c := range map[string]struct {
		change func(*palinsesto.Post)
		due    int64
		has    []string
		not    []string
	}{
		"queued":    {func(p *palinsesto.Post) { p.State = palinsesto.PostQueued }, monday.UnixMilli(), []string{"state=queued"}, []string{"hand=1"}},
		"retrying":  {func(p *palinsesto.Post) { p.State = palinsesto.PostRetrying }, monday.UnixMilli(), []string{"state=retrying"}, nil},
		"due":       {func(p *palinsesto.Post) { p.State = palinsesto.PostDue }, 0, []string{"state=due"}, []string{"hand=1"}},
		"posted":    {func(p *palinsesto.Post) { p.State = palinsesto.PostPosted }, 0, []string{"state=posted", "centre-state=jesi.posted"}, []string{"hand=1"}},
		"failed":    {func(p *palinsesto.Post) { p.State, p.Cause = palinsesto.PostFailed, "chat_not_found" }, 0, []string{"cause=chat_not_found", "hand=1", "hand-centre=jesi"}, nil},
		"uncertain": {func(p *palinsesto.Post) { p.State = palinsesto.PostUncertain }, 0, []string{"hand=1"}, nil},
		"posted, a removal failed": {func(p *palinsesto.Post) { p.State, p.Cause = palinsesto.PostPosted, "remove" }, 0,
			[]string{"hand=1", "cause=remove"}, nil},
		"queued without a moment is claimed at once": {func(p *palinsesto.Post) { p.State, p.Due = palinsesto.PostQueued, time.Time{} }, 1, nil, nil},
		"a moment before the epoch too": {func(p *palinsesto.Post) {
			p.State, p.Due = palinsesto.PostQueued, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		}, 1, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := base
			c.change(&p)
			d, err := project(record(t, contract.Posts, subject, 7, p))
			require.NoError(t, err)
			require.Equal(t, SetPosts, d.Set)
			require.Equal(t, someID, d.ID)
			require.Equal(t, uint64(7), d.Seq)
			require.Equal(t, subject, d.DueKey)
			require.Equal(t, c.due, d.Due)
			require.Subset(t, d.Facets, append(c.has, "channel=telegram-marche", "centre=jesi", "seg=s1"))
			for _, f := range d.Facets {
				name, _, _ := strings.Cut(f, "=")
				require.Contains(t, facetNames, name, "Verify knows it")
			}
			for _, f := range c.not {
				require.NotContains(t, d.Facets, f)
			}
		})
	}
}

func TestProjectTheOthers(t *testing.T) {
	hash := strings.Repeat("a", 64)
	seg := palinsesto.Segnalazione{ID: someID, Centre: "jesi", State: palinsesto.SegApproved, SubmittedAt: monday,
		Content:  palinsesto.Content{Kind: palinsesto.KindAvviso, Media: []palinsesto.Media{{Hash: hash}, {Hash: hash}}},
		Approval: &palinsesto.Approval{Variants: []palinsesto.Variant{{Parts: []palinsesto.Part{{Media: []palinsesto.Media{{Hash: "derived"}}}}}}}}
	for name, c := range map[string]struct {
		r    bus.Record
		want index.Doc
	}{
		"seg": {record(t, contract.Segnalazioni, contract.SegSubject("jesi", someID), 3, seg),
			index.Doc{Set: SetSegnalazioni, ID: someID, Seq: 3, Score: monday.UnixMilli(),
				Facets: []string{"state=approved", "centre=jesi", "kind=avviso", "centre-state=jesi.approved", "media=" + hash, "media=derived"}}},
		"channel that nothing happened to": {record(t, contract.Channels, contract.ChannelSubject("c1"), 4, palinsesto.Channel{ID: "c1"}),
			index.Doc{Set: SetChannels, ID: "c1", Seq: 4, Score: monday.UnixMilli(), Facets: []string{"state=connected"}}},
		"channel": {record(t, contract.Channels, contract.ChannelSubject("c1"), 4, palinsesto.Channel{ID: "c1", State: palinsesto.ChannelPaused}),
			index.Doc{Set: SetChannels, ID: "c1", Seq: 4, Score: monday.UnixMilli(), Facets: []string{"state=paused"}}},
		"token": {record(t, contract.Tokens, contract.TokenSubject(someID), 5, palinsesto.Token{ID: someID, Role: palinsesto.RoleAdmin, Made: monday, Revoked: monday}),
			index.Doc{Set: SetTokens, ID: someID, Seq: 5, Score: monday.UnixMilli(), Facets: []string{"role=admin", "state=revoked"}}},
		"alert": {record(t, contract.Alerts, contract.AlertSubject(someID), 7, palinsesto.Alert{ID: someID, Kind: palinsesto.AlertDisk, State: palinsesto.AlertOpen, Raised: monday}),
			index.Doc{Set: SetAlerts, ID: someID, Seq: 7, Score: monday.UnixMilli(), Facets: []string{"state=open", "kind=house.disk"}}},
		"holds": {record(t, contract.Holds, contract.HoldSubject, 6, contract.HoldChange{Changed: palinsesto.Hold{ID: "h"}}),
			index.Doc{Set: SetHolds, ID: "hold", Seq: 6, Score: monday.UnixMilli()}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := project(c.r)
			require.NoError(t, err)
			require.Equal(t, c.r.Data, d.Body)
			d.Body = nil
			require.Equal(t, c.want, d)
		})
	}
}

// What cannot be read is Gone in every index, and what is no aggregate of a list is in none.
func TestProjectTheUnknown(t *testing.T) {
	for subject, gone := range map[string]bool{
		contract.PostSubject("c1", someID):  true,
		contract.SegSubject("jesi", someID): true,
		contract.HoldSubject:                true,
		"palinsesto.plan.c1.2026-11":        false,
		"palinsesto.settings.slots":         false,
		"palinsesto.later.c1." + someID:     false,
		"":                                  false,
	} {
		d, err := project(bus.Record{Subject: subject, Seq: 9, Data: []byte("\xff\xffnot protobuf")})
		require.Error(t, err, "%q", subject)
		require.Equal(t, gone, d.Gone, "%q", subject)
		require.Equal(t, gone, d.Set != "", "%q", subject)
		require.Equal(t, !gone, errors.Is(err, errNotOurs), "%q", subject)
	}
}

// A state that would be too much for the index must not hold up those around it.
func TestProjectBoundsFacets(t *testing.T) {
	seg := palinsesto.Segnalazione{ID: someID, Centre: "jesi", State: "submitted", Content: palinsesto.Content{Kind: palinsesto.Kind(strings.Repeat("k", 300))}}
	for range 100 {
		seg.Media = append(seg.Media, palinsesto.Media{Hash: palinsesto.DeriveID(strings.Repeat("m", len(seg.Media)))})
	}
	d, err := project(record(t, contract.Segnalazioni, contract.SegSubject("jesi", someID), 3, seg))
	require.NoError(t, err)
	require.Len(t, d.Facets, mostFacets)
	x := openIndex(t, "")
	b, err := x.Rebuild(t.Context(), "log")
	require.NoError(t, err)
	require.NoError(t, b.Put(t.Context(), []index.Doc{d}), "the index takes whatever project makes")
}

func FuzzProject(f *testing.F) {
	f.Add(contract.PostSubject("c1", someID), []byte{0x12, 0x00})
	f.Add(contract.SegSubject("jesi", someID), []byte("x"))
	f.Add("palinsesto.hold", []byte{})
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		d, err := project(bus.Record{Subject: subject, Seq: 1, Time: monday, Data: data})
		if err == nil && (d.Set == "" || d.ID == "" || d.Gone || d.Score < 0 || d.Due < 0 || len(d.Facets) > mostFacets) {
			t.Fatalf("%+v", d)
		}
	})
}
