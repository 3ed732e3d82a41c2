// SPDX-License-Identifier: AGPL-3.0-or-later

package channeltest

import (
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// edit: what is out changes in place, and changing it again to the same is no error.
func edit(b *bench) {
	editor, ok := b.ch.(channel.Editor)
	if !ok {
		return
	}
	photos := []palinsesto.Media{b.store.photo(b.T, 1), b.store.photo(b.T, 2), b.store.photo(b.T, 3)}
	for name, c := range map[string]struct{ was, to palinsesto.Part }{
		"text":           {b.part("vecchio"), b.part("nuovo <b>& più</b>")},
		"caption":        {palinsesto.Part{Text: "vecchia", Media: photos[:1]}, palinsesto.Part{Text: "nuova 😀", Media: photos[:1]}},
		"album's text":   {palinsesto.Part{Text: "vecchia", Media: photos[:2]}, palinsesto.Part{Text: "nuova", Media: photos[:2]}},
		"photo":          {palinsesto.Part{Text: "uguale", Media: photos[:1]}, palinsesto.Part{Text: "uguale", Media: photos[1:2]}},
		"photo of album": {palinsesto.Part{Text: "a", Media: photos[:2]}, palinsesto.Part{Text: "b", Media: []palinsesto.Media{photos[0], photos[2]}}},
	} {
		r, _ := b.publish(b.delivery(c.was))
		before := len(b.world.Wall())
		target := channel.Target{RemoteIDs: r.RemoteIDs, Part: c.was, PostedAt: r.At}
		for range 2 {
			require.NoError(b, editor.Edit(b.Context(), target, b.prepare(b.delivery(c.to))), name)
			require.Len(b, b.world.Wall(), before, "an edit is no new message")
			items := b.items(r)
			require.Equal(b, c.to.Text, items[0].Text, name)
			var got, want []string
			for _, item := range items {
				got = append(got, item.Media...)
			}
			for _, m := range c.to.Media {
				want = append(want, m.Hash)
			}
			require.Equal(b, want, got, name)
		}
	}
	uncertainChange(b, func(t channel.Target) error {
		return editor.Edit(b.Context(), t, b.prepare(b.delivery(b.part("altro"))))
	})
}

// remove: what is out goes, with all its messages, and removing what is gone is no error.
func remove(b *bench) {
	remover, ok := b.ch.(channel.Remover)
	if !ok {
		return
	}
	stays, _ := b.publish(b.delivery(b.part("resta")))
	for _, p := range []palinsesto.Part{
		b.part("via"),
		{Text: "via", Media: []palinsesto.Media{b.store.photo(b.T, 1), b.store.photo(b.T, 2), b.store.photo(b.T, 3)}},
	} {
		r, _ := b.publish(b.delivery(p))
		for range 2 {
			require.NoError(b, remover.Remove(b.Context(), channel.Target{RemoteIDs: r.RemoteIDs, Part: p, PostedAt: r.At}))
			for _, item := range b.items(r) {
				require.True(b, item.Deleted)
			}
		}
	}
	require.False(b, b.items(stays)[0].Deleted)
	require.Equal(b, channel.Permanent, b.failed(remover.Remove(b.Context(), channel.Target{})).Verdict, "nothing to name")
	uncertainChange(b, func(t channel.Target) error { return remover.Remove(b.Context(), t) })
}

// uncertainChange: a change whose answer is lost is uncertain, and the same again settles it.
func uncertainChange(b *bench, change func(channel.Target) error) {
	p := b.part("prima")
	r, _ := b.publish(b.delivery(p))
	target := channel.Target{RemoteIDs: r.RemoteIDs, Part: p, PostedAt: r.At}
	b.world.Fail(Fault{Kind: Drop, Applied: true})
	require.Equal(b, channel.Unknown, b.failed(change(target)).Verdict)
	b.world.Recover()
	require.NoError(b, change(target))
	b.world.Fail(Fault{Kind: Unauthorized})
	require.Equal(b, channel.Reconnect, b.failed(change(target)).Verdict)
	b.world.Recover()
}
