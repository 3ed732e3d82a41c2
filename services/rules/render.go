// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Options of a rendering; they belong to a channel.
type Options struct {
	AltInText bool           // alternative texts at the end, where the network has no place of its own
	Preview   bool           // show a card of the first link
	Location  *time.Location // of the dates; nil: UTC
}

// Render makes the default variant of a segnalazione for a network: what goes out if nobody edits it.
// The text is plain: what looks like markup is what was written, and adapters must send it so. The
// caller sets the channel. The same input gives the same variant.
func Render(net string, s palinsesto.Segnalazione, opt Options) palinsesto.Variant {
	if opt.Location == nil {
		opt.Location = time.UTC
	}
	text := strings.Join(blocks(net, s.Content, opt), "\n\n")
	var spans []palinsesto.Span
	if s.Title != "" {
		spans = []palinsesto.Span{{Kind: "bold", Offset: 0, Length: len(s.Title)}}
	}
	v := palinsesto.Variant{Network: net, Parts: network.Split(net, text, spans, s.Media, opt.Preview)}
	v.Hash = palinsesto.HashParts(v.Parts)
	return v
}

// blocks are the paragraphs of the text, none of them empty.
func blocks(net string, c palinsesto.Content, opt Options) []string {
	var out []string
	for _, b := range []string{c.Title, c.Body, facts(c, opt), c.Link, hashtags(c.Tags)} {
		if b != "" {
			out = append(out, b)
		}
	}
	if l, ok := network.For(net); opt.AltInText && (!ok || !l.Alt) {
		if b := descriptions(c.Media); b != "" {
			out = append(out, b)
		}
	}
	return out
}

// facts are when and where, for the kinds that have them. An expiry is a deadline for offers only: of
// other kinds it says until when we publish, which concerns nobody outside.
func facts(c palinsesto.Content, opt Options) string {
	var lines []string
	if dated(c.Kind) && !c.StartsAt.IsZero() {
		lines = append(lines, "Quando: "+Span(c.StartsAt, c.EndsAt, opt.Location))
	}
	if c.Place != "" && (dated(c.Kind) || c.Kind == palinsesto.KindOfferta) {
		lines = append(lines, "Dove: "+c.Place)
	}
	if c.Kind == palinsesto.KindOfferta && !c.ExpiresAt.IsZero() {
		lines = append(lines, "Scadenza: "+Deadline(c.ExpiresAt, opt.Location))
	}
	return strings.Join(lines, "\n")
}

func hashtags(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	return "#" + strings.Join(tags, " #")
}

// descriptions writes each alternative text on a line of its own, with what it describes.
func descriptions(media []palinsesto.Media) string {
	var lines []string
	total := map[string]int{}
	for _, m := range media {
		total[m.Kind]++
	}
	count := map[string]int{}
	for _, m := range media {
		name, ok := map[string]string{"image": "Immagine", "video": "Video"}[m.Kind]
		if !ok || m.Alt == "" {
			continue
		}
		if count[m.Kind]++; total[m.Kind] > 1 {
			name = fmt.Sprintf("%s %d", name, count[m.Kind])
		}
		lines = append(lines, "["+name+": "+m.Alt+"]")
	}
	return strings.Join(lines, "\n")
}
