// SPDX-License-Identifier: AGPL-3.0-or-later

package channeltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Exercise runs the whole suite.
func Exercise(t *testing.T, h Harness) {
	t.Helper()
	cases := []struct {
		name string
		run  func(*bench)
		has  bool
	}{
		{"text", text, !h.Features.NeedsMedia},
		{"spans", spans, h.Features.Spans},
		{"photo", photo, true},
		{"album", album, true},
		{"video", video, h.Features.Video},
		{"second part", second, h.Features.Replies},
		{"silent", silent, h.Features.Silent},
		{"too long", tooLong, true},
		{"prepared twice", preparedTwice, true},
		{"prepared by another", preparedByAnother, true},
		{"media changed", mediaChanged, true},
		{"stopped before the call", stopped, true},
		{"many at once", manyAtOnce, true},
		{"check", check, true},
		{"edit", edit, true},
		{"remove", remove, true},
		{"find", find, true},
		{"find what had no answer", findLost, true},
		{"find under faults", findFaults, true},
		{"resend under the same key", resend, true},
	}
	for _, c := range cases {
		if c.has {
			t.Run(c.name, func(t *testing.T) { t.Parallel(); c.run(h.bench(t)) })
		}
	}
	t.Run("faults", func(t *testing.T) { exerciseFaults(t, h) })
	t.Run("no answer at all", func(t *testing.T) { exerciseWires(t, h) })
	t.Run("echoes", func(t *testing.T) { exerciseEchoes(t, h) })
}

// awkward are texts that a mapping may spoil: markup, escapes of forms and JSON, what has several UTF-16
// units, several code points, or a direction.
var awkward = map[string]string{
	"plain":       "Offerta di lavoro: 2 addette/i alla reception",
	"html":        `<b>No</b> &amp; <script>alert("x")</script> &lt; < > & "virgolette" 'apici'`,
	"markdown":    "*a* _b_ __c__ ~d~ `e` ```f``` [g](https://h) > # + - = | { } . ! \\* \\",
	"form":        "a=b&c=d+e%20f;g?h#i%",
	"json":        `{"a":[1,null,"\u0000\n"]}`,
	"lines":       "Titolo\n\nprima riga\nseconda riga",
	"accents":     "perché è così, città, più, Forlì, €uro “curve” – trattino… ß œ",
	"emoji":       "😀 👍🏽 👨‍👩‍👧‍👦 🇮🇹 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
	"combined":    "e\u0301 n\u0303 Z\u0335\u0327\u0301",
	"right left":  "مرحبا بالعالم שלום abc العربية",
	"wide":        "職業紹介所 한국어 ไทย हिन्दी 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈",
	"names":       "@ministero #LavoroMarche #40 info@example.org www.example.org/a?b=c&d=%20",
	"command":     "/start null undefined NaN -1 1e9",
	"placeholder": "%s %d {id} {not_done} ${HOME} $(id) attach://file-0",
}

func text(b *bench) {
	for name, s := range awkward {
		_, items := b.publish(b.delivery(palinsesto.Part{Text: s}))
		require.Len(b, items, 1)
		require.Equal(b, s, items[0].Text, name)
		require.False(b, items[0].Silent)
	}
	require.Equal(b, len(awkward), b.world.Requests(), "one request each")
	require.Len(b, b.world.Wall(), len(awkward))
}

func spans(b *bench) {
	s := "😀 Titolo è qui\nun collegamento 👨‍👩‍👧 e *corsivo*"
	at := func(kind, what, url string) palinsesto.Span {
		return palinsesto.Span{Kind: kind, Offset: strings.Index(s, what), Length: len(what), URL: url}
	}
	want := []palinsesto.Span{
		at("link", "collegamento 👨‍👩‍👧", "https://example.org/?a=1&b=%20"),
		at("bold", "Titolo è qui", ""), at("italic", "è", ""),
		at("italic", "*corsivo*", ""), at("bold", "😀", ""),
	}
	for _, media := range [][]palinsesto.Media{nil, {b.store.photo(b.T, 1)}, {b.store.photo(b.T, 2), b.store.photo(b.T, 3)}} {
		if len(media) == 0 && b.h.Features.NeedsMedia {
			continue
		}
		_, items := b.publish(b.delivery(palinsesto.Part{Text: s, Spans: slices.Clone(want), Media: media}))
		require.Equal(b, s, items[0].Text)
		require.ElementsMatch(b, want, items[0].Spans)
	}
}

func photo(b *bench) {
	m := b.store.photo(b.T, 7)
	for name, caption := range awkward {
		_, items := b.publish(b.delivery(palinsesto.Part{Text: caption, Media: []palinsesto.Media{m}}))
		require.Len(b, items, 1)
		require.Equal(b, caption, items[0].Text, name)
		require.Equal(b, []string{m.Hash}, items[0].Media, "other bytes than those approved")
	}
	_, items := b.publish(b.delivery(palinsesto.Part{Media: []palinsesto.Media{m}}))
	require.Empty(b, items[0].Text)
}

func album(b *bench) {
	most := b.ch.Limits().Album
	for _, n := range []int{2, most} {
		if n < 2 {
			continue
		}
		p := palinsesto.Part{Text: fmt.Sprintf("%d foto & più", n)}
		want := make([]string, n)
		for i := range n {
			p.Media = append(p.Media, b.store.photo(b.T, uint8(10*i)))
			want[i] = p.Media[i].Hash
		}
		before := b.world.Requests()
		_, items := b.publish(b.delivery(p))
		require.Equal(b, before+1, b.world.Requests())
		require.Equal(b, p.Text, items[0].Text)
		var got []string
		for i, item := range items {
			got = append(got, item.Media...)
			require.True(b, i == 0 || item.Text == "", "the text is said once")
		}
		require.Equal(b, want, got)
	}
}

func video(b *bench) {
	m := b.store.video()
	_, items := b.publish(b.delivery(palinsesto.Part{Text: "Un <video>", Media: []palinsesto.Media{m}}))
	require.Len(b, items, 1)
	require.Equal(b, "Un <video>", items[0].Text)
	require.Equal(b, []string{m.Hash}, items[0].Media)
}

func second(b *bench) {
	first, _ := b.publish(b.delivery(palinsesto.Part{Text: "Titolo", Media: []palinsesto.Media{b.store.photo(b.T, 1)}}))
	d := b.delivery(b.part("Il resto del testo"))
	d.Number, d.ReplyTo = 1, first.RemoteIDs[0]
	_, items := b.publish(d)
	require.Equal(b, first.RemoteIDs[0], items[0].ReplyTo)
}

func silent(b *bench) {
	for _, p := range []palinsesto.Part{b.part("di notte"), {Media: []palinsesto.Media{b.store.photo(b.T, 1), b.store.photo(b.T, 2)}}} {
		d := b.delivery(p)
		d.Silent = true
		_, items := b.publish(d)
		for _, item := range items {
			require.True(b, item.Silent)
		}
	}
}

// tooLong is refused before any request, with a reason; the longest text is not.
func tooLong(b *bench) {
	l := b.ch.Limits()
	most := l.Text
	if b.h.Features.NeedsMedia {
		most = l.Caption
	}
	_, err := b.ch.Prepare(b.Context(), b.delivery(b.part(strings.Repeat("a", most+1))))
	require.Equal(b, channel.Permanent, b.failed(err).Verdict)
	require.Zero(b, b.world.Requests())
	longest := strings.Repeat("a", most)
	_, items := b.publish(b.delivery(b.part(longest)))
	require.Equal(b, longest, items[0].Text)
}

// preparedTwice: preparing publishes nothing, and what is prepared again is the same.
func preparedTwice(b *bench) {
	p := b.part("due volte")
	p.Media = []palinsesto.Media{b.store.photo(b.T, 1)}
	one, two := b.prepare(b.delivery(p)), b.prepare(b.delivery(p))
	require.Empty(b, b.world.Wall())
	var seen []Item
	for _, prepared := range []channel.Prepared{one, two} {
		r, err := b.ch.Publish(b.Context(), prepared)
		require.NoError(b, err)
		item := b.items(r)[0]
		item.ID = ""
		seen = append(seen, item)
	}
	require.Equal(b, seen[0], seen[1])
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		b.clean(fmt.Sprintf(format, one), fmt.Sprintf(format, one.Data))
	}
}

// preparedByAnother is a mistake of ours and publishes nothing.
func preparedByAnother(b *bench) {
	for _, data := range []any{nil, "x", 1} {
		_, err := b.ch.Publish(b.Context(), channel.Prepared{Delivery: b.delivery(b.part("a")), Data: data})
		require.Equal(b, channel.Permanent, b.failed(err).Verdict)
	}
	require.Zero(b, b.world.Requests())
}

// mediaChanged: what is published is what was approved, or nothing.
func mediaChanged(b *bench) {
	m := b.store.photo(b.T, 1)
	other := b.store.photo(b.T, 2)
	for name, c := range map[string]struct {
		raw     []byte
		verdict channel.Verdict
	}{
		"other bytes": {b.store.files[other.Hash], channel.Permanent},
		"longer":      {append(slices.Clone(b.store.files[m.Hash]), 0), channel.Permanent},
		"gone":        {nil, channel.NotSent},
	} {
		b.store.files[m.Hash] = c.raw
		if c.raw == nil {
			delete(b.store.files, m.Hash)
		}
		_, err := b.ch.Prepare(b.Context(), b.delivery(palinsesto.Part{Text: "a", Media: []palinsesto.Media{m}}))
		require.Error(b, err, name)
		require.Equal(b, c.verdict, b.failed(err).Verdict, name)
	}
	require.Zero(b, b.world.Requests())
}

// stopped: a call whose context is over before it begins is not made, and says so.
func stopped(b *bench) {
	p := b.prepare(b.delivery(b.part("mai")))
	before := b.world.Requests()
	cancelled, cancel := context.WithCancel(b.Context())
	cancel()
	late, stop := context.WithDeadline(b.Context(), time.Now().Add(-time.Minute))
	defer stop()
	for _, ctx := range []context.Context{cancelled, late} {
		_, err := b.ch.Publish(ctx, p)
		require.Equal(b, channel.NotSent, b.failed(err).Verdict)
		require.ErrorIs(b, err, ctx.Err())
	}
	require.Equal(b, before, b.world.Requests())
	require.Empty(b, b.world.Wall())
}

// manyAtOnce: one adapter serves many workers, and each receipt is that of its own post.
func manyAtOnce(b *bench) {
	const n = 40
	prepared := make([]channel.Prepared, n)
	for i := range prepared {
		prepared[i] = b.prepare(b.delivery(b.part(fmt.Sprintf("post numero %d", i))))
	}
	before := b.world.Requests()
	receipts, errs := make([]channel.Receipt, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { receipts[i], errs[i] = b.ch.Publish(b.Context(), prepared[i]) })
	}
	wg.Wait()
	for i := range n {
		require.NoError(b, errs[i])
		require.Equal(b, prepared[i].Delivery.Part.Text, b.items(receipts[i])[0].Text)
	}
	require.Equal(b, before+n, b.world.Requests())
	require.Len(b, b.world.Wall(), n)
}

// check publishes nothing.
func check(b *bench) {
	c, ok := b.ch.(channel.Checker)
	if !ok {
		return
	}
	require.NoError(b, c.Check(b.Context()))
	b.world.Fail(Fault{Kind: Unauthorized})
	require.Equal(b, channel.Reconnect, b.failed(c.Check(b.Context())).Verdict)
	require.Empty(b, b.world.Wall())
}
