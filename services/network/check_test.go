// SPDX-License-Identifier: AGPL-3.0-or-later

package network_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// found lists the codes with their fields, each once: "L-TESTO parts[0].text".
func found(name string, parts ...palinsesto.Part) []string {
	var out []string
	for _, p := range network.Check(name, palinsesto.Variant{Network: name, Parts: parts}) {
		out = append(out, p.Code+" "+p.Field)
	}
	return slices.Compact(out)
}

func TestEveryNetworkHasItsLimits(t *testing.T) {
	t.Parallel()
	require.Len(t, network.Names(), 8)
	for _, name := range network.Names() {
		l, ok := network.For(name)
		require.True(t, ok, name)
		require.NotEmpty(t, l.Unit, name)
		require.Positive(t, l.Text, name)
		require.LessOrEqual(t, l.Caption, l.Text, name)
		require.Positive(t, l.Album, name)
		require.Positive(t, l.VideoBytes, name)
		require.True(t, l.NeedsVideo || l.Image.MaxBytes > 0 && l.Image.MaxSide > 0, name)
	}
	_, ok := network.For("tiktok")
	require.False(t, ok)
	names := network.Names()
	names[0] = "changed"
	require.Equal(t, "telegram", network.Names()[0])
}

func TestCheckTakes(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("x", n) }
	for name, parts := range map[string][]palinsesto.Part{
		"telegram":  {{Text: text(1024), Media: files("iiiiiiiiii")}, {Text: text(4096), Preview: true}},
		"facebook":  {{Text: text(60_000)}},
		"instagram": {{Text: text(2200), Media: files("iv")}},
		"linkedin":  {{Text: text(3000), Media: files("vc")}},
		"youtube":   {{Text: text(5000), Media: files("vc")}},
		"x":         {{Text: text(256) + " https://example.org/a/b/c/d/e/f/g/h/i/l"}},
		"mastodon":  {{Text: text(500), Media: files("iiii")}},
		"bluesky":   {{Text: strings.Repeat("e\u0300", 300)}},
	} {
		require.Empty(t, found(name, parts...), name)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name, network string
		part          palinsesto.Part
		want          string
	}{
		{"text", "telegram", palinsesto.Part{Text: long(4097)}, "L-TESTO parts[0].text"},
		{"units", "telegram", palinsesto.Part{Text: strings.Repeat("😀", 2049)}, "L-TESTO parts[0].text"},
		{"caption", "telegram", palinsesto.Part{Text: long(1025), Media: files("i")}, "L-TESTO parts[0].text"},
		{"bytes", "youtube", palinsesto.Part{Text: strings.Repeat("è", 2501), Media: files("v")}, "L-TESTO parts[0].text"},
		{"second limit", "bluesky", palinsesto.Part{Text: strings.Repeat(family, 121)}, "L-TESTO parts[0].text"},
		{"weighted", "x", palinsesto.Part{Text: strings.Repeat("€", 141)}, "L-TESTO parts[0].text"},
		{"escapes", "linkedin", palinsesto.Part{Text: strings.Repeat("(", 1501)}, "L-TESTO parts[0].text"},
		{"empty", "telegram", palinsesto.Part{Text: " \n"}, "V-CAMPO parts[0].text"},
		{"broken", "telegram", palinsesto.Part{Text: "a\xff"}, "V-CAMPO parts[0].text"},
		{"brackets", "youtube", palinsesto.Part{Text: "a < b", Media: files("v")}, "L-CARATTERE parts[0].text"},
		{"hashtags", "instagram", palinsesto.Part{Text: strings.Repeat("#a ", 31), Media: files("i")}, "L-HASHTAG parts[0].text"},
		{"album", "telegram", palinsesto.Part{Media: files("iiiiiiiiiii")}, "L-ALBUM parts[0].media"},
		{"mixed", "linkedin", palinsesto.Part{Media: files("iv")}, "L-ALBUM parts[0].media"},
		{"captions", "telegram", palinsesto.Part{Media: files("vc")}, "V-MEDIA parts[0].media[1]"},
		{"no media", "instagram", palinsesto.Part{Text: "a"}, "V-IGMEDIA parts[0].media"},
		{"no video", "youtube", palinsesto.Part{Text: "a"}, "V-YTVIDEO parts[0].media"},
		{"kind", "telegram", palinsesto.Part{Media: []palinsesto.Media{{Kind: "audio"}}}, "V-MEDIA parts[0].media[0]"},
		{"image on a network of videos", "youtube", palinsesto.Part{Media: files("i")}, "V-MEDIA parts[0].media[0],V-YTVIDEO parts[0].media"},
	} {
		require.Equal(t, c.want, strings.Join(found(c.network, c.part), ","), c.name)
	}
}

func TestCheckRefusesMedia(t *testing.T) {
	t.Parallel()
	image := files("i")[0]
	for _, c := range []struct {
		name, network string
		change        func(m *palinsesto.Media)
		want          []string
	}{
		{"as it is", "telegram", func(*palinsesto.Media) {}, nil},
		{"weight", "telegram", func(m *palinsesto.Media) { m.Bytes = 10_000_001 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"sum", "telegram", func(m *palinsesto.Media) { m.Width, m.Height = 5000, 5001 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"ratio", "telegram", func(m *palinsesto.Media) { m.Width, m.Height = 2100, 100 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"unknown size", "telegram", func(m *palinsesto.Media) { m.Width, m.Height, m.Bytes = 0, 0, 0 }, nil},
		{"video", "telegram", func(m *palinsesto.Media) { m.Kind, m.Bytes = "video", 50_000_001 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"png", "instagram", func(m *palinsesto.Media) { m.MIME = "image/png" }, []string{"V-MEDIA parts[0].media[0]"}},
		{"portrait at the limit", "instagram", func(m *palinsesto.Media) { m.Width, m.Height = 1080, 1350 }, nil},
		{"too tall", "instagram", func(m *palinsesto.Media) { m.Width, m.Height = 1080, 1527 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"too wide", "instagram", func(m *palinsesto.Media) { m.Width, m.Height = 2000, 1000 }, []string{"V-MEDIA parts[0].media[0]"}},
		{"alt", "x", func(m *palinsesto.Media) { m.Alt = strings.Repeat("è", 1001) }, []string{"L-ALT parts[0].media[0].alt"}},
	} {
		m := image
		c.change(&m)
		require.Equal(t, c.want, found(c.network, palinsesto.Part{Text: "a", Media: []palinsesto.Media{m}}), c.name)
	}
}

func TestCheckRefusesSpans(t *testing.T) {
	t.Parallel()
	text := "Perché sì, oggi"
	for _, c := range []struct {
		name  string
		spans []palinsesto.Span
		want  []string
	}{
		{"whole", []palinsesto.Span{{Kind: "bold", Length: len(text)}}, nil},
		{"nested", []palinsesto.Span{{Kind: "bold", Length: 12}, {Kind: "italic", Offset: 0, Length: 3}}, nil},
		{"apart", []palinsesto.Span{{Kind: "bold", Length: 3}, {Kind: "italic", Offset: 3, Length: 4}}, nil},
		{"link", []palinsesto.Span{{Kind: "link", Length: 3, URL: "https://example.org"}}, nil},
		{"crossing", []palinsesto.Span{{Kind: "bold", Length: 5}, {Kind: "italic", Offset: 3, Length: 4}}, []string{"V-SPAN parts[0].spans[1]"}},
		{"beyond", []palinsesto.Span{{Kind: "bold", Offset: 10, Length: 20}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"overflow", []palinsesto.Span{{Kind: "bold", Offset: 2, Length: 1<<63 - 1}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"empty", []palinsesto.Span{{Kind: "bold", Offset: 1}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"at the end", []palinsesto.Span{{Kind: "bold", Offset: len(text), Length: 1}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"negative", []palinsesto.Span{{Kind: "bold", Offset: -1, Length: 3}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"inside a letter", []palinsesto.Span{{Kind: "bold", Length: 6}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"kind", []palinsesto.Span{{Kind: "blink", Length: 3}}, []string{"V-SPAN parts[0].spans[0]"}},
		{"script", []palinsesto.Span{{Kind: "link", Length: 3, URL: "javascript:alert(1)"}}, []string{"V-URL parts[0].spans[0].url"}},
		{"no host", []palinsesto.Span{{Kind: "link", Length: 3, URL: "https:///a"}}, []string{"V-URL parts[0].spans[0].url"}},
		{"a password", []palinsesto.Span{{Kind: "link", Length: 3, URL: "https://www.regione.marche.it:pw@evil.example/"}}, []string{"V-URL parts[0].spans[0].url"}},
		{"turned around", []palinsesto.Span{{Kind: "link", Length: 3, URL: "https://evil.example/\u202egpj.exe"}}, []string{"V-URL parts[0].spans[0].url"}},
		{"with spaces", []palinsesto.Span{{Kind: "link", Length: 3, URL: "https://evil.example/ x<>"}}, []string{"V-URL parts[0].spans[0].url"}},
		{"too many", slices.Repeat([]palinsesto.Span{{Kind: "bold", Length: 1}}, 101), []string{"L-SPANS parts[0].spans"}},
	} {
		require.Equal(t, c.want, found("telegram", palinsesto.Part{Text: text, Spans: c.spans}), c.name)
	}
}

func TestCheckOfWhatIsNoVariant(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"V-CANALE network"}, found("tiktok", palinsesto.Part{Text: "a"}))
	require.Equal(t, []string{"V-CANALE network"}, found("", palinsesto.Part{Text: "a"}))
	require.Equal(t, []string{"V-CAMPO parts"}, found("telegram"))
	require.Equal(t, []string{"L-TESTO parts[1].text"},
		found("telegram", palinsesto.Part{Text: "a"}, palinsesto.Part{Text: strings.Repeat("x", 5000)}), "the part is named")
}

// The sentence has what one must know to mend it: the count, the limit and the difference.
func TestCheckSaysHowMuch(t *testing.T) {
	t.Parallel()
	ps := network.Check("telegram", palinsesto.Variant{Parts: []palinsesto.Part{{Text: strings.Repeat("x", 1100), Media: files("i")}}})
	require.Len(t, ps, 1)
	require.Equal(t, "La didascalia conta 1100 caratteri, su Telegram il massimo è 1024. Accorciare di 76.", ps[0].Text)
	require.Equal(t, "The caption counts 1100 characters, Telegram takes at most 1024. Shorten it by 76.", ps[0].TextEN)
	require.Equal(t, palinsesto.LevelError, ps[0].Level)
}
