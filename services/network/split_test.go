// SPDX-License-Identifier: AGPL-3.0-or-later

package network_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// files makes one of each letter: i image, v video, c captions.
func files(kinds string) []palinsesto.Media {
	var out []palinsesto.Media
	for i, k := range kinds {
		m := palinsesto.Media{Hash: strings.Repeat(string(rune('a'+i%6)), 64), Kind: "image", MIME: "image/jpeg",
			Bytes: 1000, Width: 1000, Height: 1000}
		switch k {
		case 'v':
			m.Kind, m.MIME = "video", "video/mp4"
		case 'c':
			m.Kind, m.MIME = "captions", "application/x-subrip"
		}
		out = append(out, m)
	}
	return out
}

// shape writes parts as kinds of media and lengths of text: "ii:5 :9".
func shape(parts []palinsesto.Part) string {
	var out []string
	for _, p := range parts {
		s := ""
		for _, m := range p.Media {
			s += m.Kind[:1]
		}
		out = append(out, s+":"+strings.Repeat("x", min(len(p.Text), 3)))
	}
	return strings.Join(out, " ")
}

func TestSplitLayout(t *testing.T) {
	t.Parallel()
	brief := "Titolo\n\nTesto"
	long := "Titolo\n\n" + strings.Repeat("parola ", 200)
	oneLine := strings.Repeat("parola ", 200)
	for _, c := range []struct{ name, network, text, media, want string }{
		{"text alone", "telegram", brief, "", ":xxx"},
		{"a long text alone", "telegram", strings.Repeat(long, 9), "", ":xxx"},
		{"a photo with its caption", "telegram", brief, "i", "i:xxx"},
		{"an album", "telegram", brief, "iiv", "iiv:xxx"},
		{"captions are not sent", "telegram", brief, "vc", "v:xxx"},
		{"captions alone are nothing", "telegram", brief, "c", ":xxx"},
		{"title, then the rest", "telegram", long, "i", "i:xxx :xxx"},
		{"no line to cut at", "telegram", oneLine, "i", "i: :xxx"},
		{"a title too long for the caption", "telegram", oneLine + "\n\n" + brief, "i", "i: :xxx"},
		{"nothing after the title", "telegram", oneLine + "\n\n", "i", "i: :xxx"},
		{"more than an album", "telegram", brief, strings.Repeat("i", 11), "iiiiiiiiii:xxx i:"},
		{"more than an album, long", "telegram", long, strings.Repeat("i", 21), "iiiiiiiiii:xxx iiiiiiiiii: i: :xxx"},
		{"no text", "telegram", "", "i", "i:"},
		{"nothing at all", "telegram", "", "", ":"},
		{"too long for a network with one limit stays whole", "instagram", strings.Repeat(long, 3), "i", "i:xxx"},
		{"a video alone", "linkedin", brief, "ivi", "i:xxx v: i:"},
		{"with its captions", "linkedin", brief, "ivci", "i:xxx vc: i:"},
		{"a network of videos", "youtube", brief, "iv", "v:xxx"},
		{"a network of videos, without one", "youtube", brief, "i", ":xxx"},
		{"a network that nobody knows", "nessuna", brief, "ivc", "ivc:xxx"},
	} {
		got := network.Split(c.network, c.text, nil, files(c.media), false)
		require.Equal(t, c.want, shape(got), c.name)
	}
}

func TestSplitKeepsFormatting(t *testing.T) {
	t.Parallel()
	text := "Perché sì\n\n" + strings.Repeat("è ", 1000)
	spans := []palinsesto.Span{
		{Kind: "bold", Offset: 0, Length: len("Perché sì")},
		{Kind: "italic", Offset: len("Perché sì\n\n"), Length: 2},
		{Kind: "bold", Offset: 8, Length: 20}, // over the cut: it goes on after it
		{Kind: "bold", Offset: len(text), Length: 10},
	}
	got := network.Split("telegram", text, spans, files("i"), true)
	require.Len(t, got, 2)
	require.Equal(t, []palinsesto.Span{{Kind: "bold", Length: 11}, {Kind: "bold", Offset: 8, Length: 3}}, got[0].Spans)
	require.Equal(t, []palinsesto.Span{{Kind: "italic", Length: 2}, {Kind: "bold", Length: 15}}, got[1].Spans)
	require.False(t, got[0].Preview, "a photo has no card")
	require.True(t, got[1].Preview)
	require.Equal(t, got, network.Split("telegram", text, spans, files("i"), true))
}

// The limit is counted in the network's unit: 512 emoji are 1,024 units, one more is a second part.
func TestSplitCountsAsTheNetwork(t *testing.T) {
	t.Parallel()
	fits := "T\n" + strings.Repeat("😀", 511)
	require.Len(t, network.Split("telegram", fits, nil, files("i"), false), 1)
	require.Len(t, network.Split("telegram", fits+"a", nil, files("i"), false), 2)
}

func FuzzSplit(f *testing.F) {
	f.Add("Titolo\n\nTesto", "i", uint8(0), 0, 6, true)
	f.Add("Perché\n"+strings.Repeat("è ", 900), "ivc", uint8(1), 3, 700, false)
	f.Add("\n\n\n"+strings.Repeat("x", 1100), "iiiiiiiiiii", uint8(0), -1, 1<<40, true)
	f.Fuzz(func(t *testing.T, text, kinds string, which uint8, offset, length int, preview bool) {
		if len(kinds) > 40 || !utf8.ValidString(text) {
			return
		}
		name := network.Names()[int(which)%len(network.Names())]
		media := files(kinds)
		spans := []palinsesto.Span{{Kind: "bold", Offset: offset, Length: length}}
		parts := network.Split(name, text, spans, media, preview)
		require.NotEmpty(t, parts)
		requireWhole(t, text, parts)
		requireAllMedia(t, name, media, parts)
		for _, p := range parts {
			requireOnRunes(t, p, validSpan(text, offset, length))
			if l, _ := network.For(name); len(p.Media) > 0 {
				require.LessOrEqual(t, images(p.Media), l.Album)
			}
		}
	})
}

// requireWhole: the texts in a row are the text, but for line breaks between two of them.
func requireWhole(t *testing.T, text string, parts []palinsesto.Part) {
	t.Helper()
	for i, p := range parts {
		if i > 0 && p.Text != "" {
			text = strings.TrimLeft(text, "\n")
			p.Text = strings.TrimLeft(p.Text, "\n")
		}
		require.True(t, strings.HasPrefix(text, p.Text))
		text = text[len(p.Text):]
	}
	require.Empty(t, text, "nothing is cut")
}

func requireAllMedia(t *testing.T, name string, media []palinsesto.Media, parts []palinsesto.Part) {
	t.Helper()
	l, _ := network.For(name)
	var want, got []palinsesto.Media
	for _, m := range media {
		if m.Kind == "video" || m.Kind == "image" && !l.NeedsVideo {
			want = append(want, m)
		}
	}
	for _, p := range parts {
		for _, m := range p.Media {
			if m.Kind != "captions" {
				got = append(got, m)
			} else {
				require.True(t, l.Captions)
			}
		}
	}
	require.Equal(t, want, got)
}

func validSpan(text string, offset, length int) bool {
	if offset < 0 || length < 1 || offset > len(text) || length > len(text)-offset {
		return false
	}
	end := offset + length
	return (offset == len(text) || utf8.RuneStart(text[offset])) && (end == len(text) || utf8.RuneStart(text[end]))
}

func requireOnRunes(t *testing.T, p palinsesto.Part, valid bool) {
	t.Helper()
	for _, s := range p.Spans {
		require.GreaterOrEqual(t, s.Offset, 0)
		require.Positive(t, s.Length)
		require.LessOrEqual(t, s.Offset+s.Length, len(p.Text))
		if valid {
			require.True(t, utf8.ValidString(p.Text[s.Offset:s.Offset+s.Length]))
		}
	}
}

func images(media []palinsesto.Media) int {
	n := 0
	for _, m := range media {
		if m.Kind != "captions" {
			n++
		}
	}
	return n
}
