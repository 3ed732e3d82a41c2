// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

func render(t *testing.T, net string, c palinsesto.Content, alt bool) palinsesto.Variant {
	t.Helper()
	return rules.Render(net, palinsesto.Segnalazione{Content: c}, rules.Options{AltInText: alt, Preview: true, Location: rome(t)})
}

func TestRenderEvent(t *testing.T) {
	t.Parallel()
	c := event(t)
	said(t, &c)
	v := render(t, "telegram", c, true)
	require.Equal(t, "telegram", v.Network)
	require.Len(t, v.Parts, 1)
	require.Equal(t, `Recruiting Day

Otto strutture incontrano chi cerca lavoro.

Quando: martedì 15 dicembre 2026, ore 9.30-13.00
Dove: Urbino (PU)

https://www.example.org/eventi

#RecruitingDay

[Immagine: Una sala con otto tavoli]`, v.Parts[0].Text)
	require.Equal(t, []palinsesto.Span{{Kind: "bold", Offset: 0, Length: 14}}, v.Parts[0].Spans)
	require.Equal(t, c.Media, v.Parts[0].Media)
	require.Equal(t, palinsesto.HashParts(v.Parts), v.Hash)
	require.Equal(t, v, render(t, "telegram", c, true), "the same each time")
	require.NotContains(t, render(t, "telegram", c, false).Parts[0].Text, "[Immagine")
	require.NotContains(t, render(t, "mastodon", c, true).Parts[0].Text, "[Immagine", "there is a place for it")
	require.NotContains(t, v.Parts[0].Text, c.ContactEmail)
	elsewhere := rules.Render("telegram", palinsesto.Segnalazione{Content: c}, rules.Options{})
	require.Contains(t, elsewhere.Parts[0].Text, "ore 8.30-12.00", "without a zone hours are UTC")
}

func TestRenderKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[palinsesto.Kind]string{
		"offerta_lavoro": "Dove: Urbino (PU)\nScadenza: martedì 15 dicembre 2026, ore 13.00",
		"evento":         "Quando: martedì 15 dicembre 2026, ore 9.30-13.00\nDove: Urbino (PU)",
		"attivita":       "Quando: martedì 15 dicembre 2026, ore 9.30-13.00\nDove: Urbino (PU)",
		"diretta":        "Quando: martedì 15 dicembre 2026, ore 9.30-13.00\nDove: Urbino (PU)",
		"avviso":         "",
		"misura":         "",
		"testimonianza":  "",
	} {
		c := event(t)
		c.Kind, c.Media, c.Tags, c.Link = kind, nil, nil, ""
		text := render(t, "telegram", c, false).Parts[0].Text
		require.Equal(t, strings.TrimSuffix("Recruiting Day\n\nOtto strutture incontrano chi cerca lavoro.\n\n"+want, "\n\n"), text, kind)
	}
}

// What was written is what is read: no markup is interpreted and none is added.
func TestRenderIsPlain(t *testing.T) {
	t.Parallel()
	for i, line := range sampleLines(t) {
		c := rules.Take(marche(t), withIDs(t, line)).Content
		for _, net := range network.Names() {
			text, media := "", 0
			for _, p := range render(t, net, c, true).Parts {
				text += p.Text + "\n\n"
				media += len(p.Media)
			}
			require.Contains(t, text, c.Title, "line %d on %s", i+1, net)
			require.Contains(t, text, c.Body, "line %d on %s", i+1, net)
			require.Contains(t, text, c.Link)
			require.LessOrEqual(t, media, len(c.Media))
		}
	}
}

// The default rendering of what is accepted may go out on Telegram as it is.
func TestSamplesFitTelegram(t *testing.T) {
	t.Parallel()
	for i, line := range sampleLines(t) {
		taken := rules.Take(marche(t), withIDs(t, line))
		if rules.Refused(taken.Problems) {
			continue
		}
		v := render(t, "telegram", taken.Content, true)
		require.Empty(t, network.Check("telegram", v), "line %d", i+1)
		want := 1
		if i+1 == 11 {
			want = 2 // 2,442 characters under two images: the title is their caption
		}
		require.Len(t, v.Parts, want, "line %d", i+1)
	}
}

func TestRenderDescribesSeveral(t *testing.T) {
	t.Parallel()
	c := event(t)
	c.Media = []palinsesto.Media{
		{Kind: "image", Alt: "Una sala"}, {Kind: "video", Alt: "Una donna parla"}, {Kind: "image", Alt: "Un tavolo"},
		{Kind: "image"}, {Kind: "captions"},
	}
	text := render(t, "telegram", c, true).Parts[0].Text
	require.True(t, strings.HasSuffix(text, "\n\n[Immagine 1: Una sala]\n[Video: Una donna parla]\n[Immagine 2: Un tavolo]"), text)
}

func TestSimilar(t *testing.T) {
	t.Parallel()
	offer := func(body string) palinsesto.Content { return palinsesto.Content{Title: "Cameriera/e", Body: body} }
	for _, c := range []struct{ a, b, why string }{
		{"Codice offerta: FAN-2026-0301. Uno", "cod. offerta FAN-2026-0301 - Due", "stesso codice offerta: FAN-2026-0301"},
		{"Codice offerta: SBT‑2026‑0233.", "codice offerta sbt-2026-0233", "stesso codice offerta: SBT-2026-0233"},
		{"CODICE\u00a0OFFERTA ABC/12", "cod.offerta n. ABC/12", "stesso codice offerta: ABC/12"},
		{"Codice dell’offerta: A1-B2", "Codice dell'offerta A1-B2", "stesso codice offerta: A1-B2"},
		{"Codice offerta: FAN-1-1, una persona in sala", "Codice offerta: FAN-1-2, due cuochi per mensa", ""},
		{"Candidarsi con il codice offerta. L'offerta 2026", "indicando il codice offerta. L'offerta scade", ""},
		{"Decodice offerta: AAA-111", "Codice offerta: AAA-111 altro testo diverso", ""},
		{"Cerchiamo due persone per il servizio in sala", "cerchiamo DUE persone, per il servizio: in sala!", "testo simile al 100 %"},
		{"Perché la città è più bella", "Perche\u0301 la citta\u0300 e\u0300 piu\u0300 bella", "testo simile al 100 %"},
		{"uno due tre quattro", "cinque sei sette otto", ""},
	} {
		why, similar := rules.Similar(offer(c.a), offer(c.b))
		require.Equal(t, c.why, why, "%q and %q", c.a, c.b)
		require.Equal(t, c.why != "", similar)
		back, _ := rules.Similar(offer(c.b), offer(c.a))
		require.Equal(t, why, back, "both ways")
	}
	_, similar := rules.Similar(palinsesto.Content{}, palinsesto.Content{})
	require.False(t, similar, "two empty texts say nothing")
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"3", "cerca", "città", "in", "persone"},
		rules.Fingerprint(palinsesto.Content{Title: "Cerca 3 persone", Body: "in citta\u0300: 3 PERSONE!"}))
	require.InDelta(t, 0.5, rules.Alike([]string{"a", "b", "c"}, []string{"b", "c", "d"}), 1e-9)
	require.Zero(t, rules.Alike(nil, []string{"a"}))
}
