// SPDX-License-Identifier: AGPL-3.0-or-later

package channeltest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Lagging is a World whose lists show late what was published; one that has a Finder should have it.
type Lagging interface{ Lag(on bool) }

// sought is an attempt of now.
func sought(d channel.Delivery) channel.Sought {
	return channel.Sought{Delivery: d, Since: time.Now().Add(-2 * time.Minute)}
}

// finds asks, and holds the answer against the receipts that are to come, oldest first.
func (b *bench) finds(f channel.Finder, s channel.Sought, why string, want ...channel.Receipt) {
	b.Helper()
	before := b.world.Wall()
	got, err := f.Find(b.Context(), s)
	require.NoError(b, err, why)
	require.Equal(b, before, b.world.Wall(), "looking changes nothing")
	require.Len(b, got, len(want), why)
	for i := range want {
		b.receipt(got[i])
		require.Equal(b, want[i].RemoteIDs, got[i].RemoteIDs, why)
		require.Equal(b, want[i].Link, got[i].Link, why)
		require.WithinDuration(b, want[i].At, got[i].At, 2*time.Second, why)
	}
}

// find: what is there is found, whole and by itself, and nothing is claimed that is not.
func find(b *bench) {
	f, ok := b.ch.(channel.Finder)
	if !ok {
		return
	}
	photos := []palinsesto.Media{b.store.photo(b.T, 1), b.store.photo(b.T, 2), b.store.photo(b.T, 3)}
	parts := []palinsesto.Part{
		{Text: "Una foto", Media: photos[:1]}, {Text: "Una foto", Media: photos[1:2]}, {Text: "Un album", Media: photos[:2]},
	}
	for _, s := range awkward {
		parts = append(parts, b.part(s))
	}
	b.finds(f, sought(b.delivery(parts[0])), "an empty account")
	var sent []channel.Delivery
	var receipts []channel.Receipt
	for _, p := range parts {
		d := b.delivery(p)
		r, _ := b.publish(d)
		sent, receipts = append(sent, d), append(receipts, r)
	}
	for i, d := range sent {
		b.finds(f, sought(d), d.Part.Text, receipts[i])
	}
	for _, p := range []palinsesto.Part{
		b.part("mai pubblicato"), b.part(awkward["plain"] + "."), b.part(awkward["plain"][1:]), b.part(strings.ToUpper(awkward["plain"])),
		{Text: awkward["plain"], Media: photos[2:]}, {Text: "Una foto", Media: photos[2:]}, {Text: "Un album", Media: photos[1:3]},
	} {
		b.finds(f, sought(b.delivery(p)), "not there: "+p.Text)
	}
	late := sought(sent[0])
	late.Since = time.Now().Add(time.Hour)
	b.finds(f, late, "older than the attempt")
	again, _ := b.publish(b.delivery(parts[0]))
	b.finds(f, sought(sent[0]), "twice there", receipts[0], again)
	if r, ok := b.ch.(channel.Remover); ok {
		require.NoError(b, r.Remove(b.Context(), channel.Target{RemoteIDs: again.RemoteIDs, Part: parts[0], PostedAt: again.At}))
		b.finds(f, sought(sent[0]), "one of them removed", receipts[0])
	}
}

// findLost: an attempt without an answer is found if it went through, late where lists lag, and only then.
func findLost(b *bench) {
	f, ok := b.ch.(channel.Finder)
	if !ok {
		return
	}
	for _, applied := range []bool{true, false} {
		d := b.delivery(b.part(fmt.Sprintf("senza risposta, %v", applied)))
		p := b.prepare(d)
		lag, lags := b.world.(Lagging)
		if lags {
			lag.Lag(true)
		}
		b.world.Fail(Fault{Kind: Drop, Applied: applied})
		_, err := b.ch.Publish(b.Context(), p)
		require.Equal(b, channel.Unknown, b.failed(err).Verdict)
		b.world.Recover()
		if lags {
			b.finds(f, sought(d), "not in lists yet")
			lag.Lag(false)
		}
		got, err := f.Find(b.Context(), sought(d))
		require.NoError(b, err)
		if !applied {
			require.Empty(b, got)
			continue
		}
		require.Len(b, got, 1)
		require.Equal(b, d.Part.Text, b.items(got[0])[0].Text)
	}
}

// findFaults: whatever the network says instead of a list, it is an error and no empty answer: an empty one
// would pass for "it is not there".
func findFaults(b *bench) {
	f, ok := b.ch.(channel.Finder)
	if !ok {
		return
	}
	d := b.delivery(b.part("c'è"))
	b.publish(d)
	for kind, want := range map[Kind]channel.Verdict{
		Drop: "", Reset: "", Half: "", ServerError: "", BadGateway: "", WrongJSON: "", Endless: "", Redirect: "",
		RateLimit: channel.RetryAfter, Unauthorized: channel.Reconnect, Kicked: channel.Reconnect, NoTarget: channel.Permanent,
	} {
		fault := Fault{Kind: kind}
		if kind == RateLimit {
			fault.RetryAfter = 7
		}
		b.world.Fail(fault)
		got, err := f.Find(b.Context(), sought(d))
		require.Empty(b, got, kind)
		e := b.failed(err)
		if want != "" {
			require.Equal(b, want, e.Verdict, kind)
		}
		b.world.Recover()
	}
	over, cancel := context.WithCancel(b.Context())
	cancel()
	_, err := f.Find(over, sought(d))
	require.ErrorIs(b, err, context.Canceled)
	require.Len(b, b.world.Wall(), 1)
}

// resend: the same key is the same message, whether the first call came through or not, and another key is
// another message.
func resend(b *bench) {
	k, ok := b.ch.(channel.KeyedResender)
	if !ok {
		return
	}
	lasts, err := k.KeyLasts(b.Context())
	require.NoError(b, err)
	require.Empty(b, b.world.Wall(), "asking publishes nothing")
	if lasts == 0 {
		return
	}
	d := b.delivery(b.part("una volta sola"))
	first, _ := b.publish(d)
	for range 2 {
		again, _ := b.publish(d)
		require.Equal(b, first.RemoteIDs, again.RemoteIDs)
		require.Equal(b, first.Link, again.Link)
	}
	other, _ := b.publish(b.delivery(d.Part))
	require.NotEqual(b, first.RemoteIDs, other.RemoteIDs, "another key")
	require.Len(b, b.world.Wall(), 2)

	for i, applied := range []bool{true, false} {
		d := b.delivery(b.part(fmt.Sprintf("senza risposta, %v", applied)))
		p := b.prepare(d)
		b.world.Fail(Fault{Kind: Drop, Applied: applied})
		_, err := b.ch.Publish(b.Context(), p)
		require.Equal(b, channel.Unknown, b.failed(err).Verdict)
		b.world.Recover()
		b.publish(d)
		require.Len(b, b.world.Wall(), 3+i, "one message, whichever call made it")
	}
}
