// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"strings"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Split lays a text and its media out in publishing requests. The same input gives the same parts.
//
// What fits together is one part. A text that is too long for a caption, but would fit alone, follows
// its media: the media then carry the first line (the title), and the last part has the rest, so that
// nothing is cut and nothing is said twice. More media than an album holds make several parts. A text
// that fits nowhere stays whole, and Check refuses it. Media that the network has no use for are left
// out: files of captions, and images on a network of videos.
func Split(network, text string, spans []palinsesto.Span, media []palinsesto.Media, preview bool) []palinsesto.Part {
	l, known := For(network)
	if !known {
		l.Album, l.Captions = len(media), true // nothing is known of it: leave all as it is
	}
	groups := l.groups(media)
	if len(groups) == 0 {
		return []palinsesto.Part{{Text: text, Spans: clip(spans, 0, len(text)), Preview: preview && text != ""}}
	}
	parts := make([]palinsesto.Part, len(groups), len(groups)+1)
	for i, g := range groups {
		parts[i].Media = g
	}
	caption, rest := len(text), len(text)
	if l.Caption < l.Text && Count(l.Unit, text) > l.Caption {
		caption, rest = l.cut(text)
	}
	parts[0].Text, parts[0].Spans = text[:caption], clip(spans, 0, caption)
	if rest < len(text) {
		parts = append(parts, palinsesto.Part{Text: text[rest:], Spans: clip(spans, rest, len(text)), Preview: preview})
	}
	return parts
}

// cut tells where the caption ends and where the rest begins: between them are only line breaks.
func (l Limits) cut(text string) (caption, rest int) {
	caption = strings.IndexByte(text, '\n')
	if caption < 0 {
		return 0, 0
	}
	rest = caption + len(text[caption:]) - len(strings.TrimLeft(text[caption:], "\n"))
	title := text[:caption]
	if strings.TrimSpace(title) == "" || strings.TrimSpace(text[rest:]) == "" || Count(l.Unit, title) > l.Caption {
		return 0, 0
	}
	return caption, rest
}

// groups are the media of each request, in the order given; captions stay with the video before them.
func (l Limits) groups(media []palinsesto.Media) [][]palinsesto.Media {
	var gs [][]palinsesto.Media
	room, alone := 0, false
	for _, m := range media {
		switch {
		case m.Kind == "captions":
			if l.Captions && len(gs) > 0 {
				gs[len(gs)-1] = append(gs[len(gs)-1], m)
			}
			continue
		case m.Kind != "video" && l.NeedsVideo:
			continue
		case room == 0 || l.VideoAlone && (alone || m.Kind == "video"):
			gs = append(gs, nil)
			room = max(l.Album, 1)
		}
		gs[len(gs)-1] = append(gs[len(gs)-1], m)
		room--
		alone = l.VideoAlone && m.Kind == "video"
	}
	return gs
}

// clip keeps of the spans what lies between two offsets, counted from the first.
func clip(spans []palinsesto.Span, from, to int) []palinsesto.Span {
	var out []palinsesto.Span
	for _, s := range spans {
		start, end := max(s.Offset, from), min(s.Offset+s.Length, to)
		if start < end {
			s.Offset, s.Length = start-from, end-start
			out = append(out, s)
		}
	}
	return out
}
