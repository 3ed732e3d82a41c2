// SPDX-License-Identifier: AGPL-3.0-or-later

package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// maxParts bounds what one post may be: each part is a request, and all wait for each other.
const maxParts = 10

// workshop makes the variants of one approval and gathers what is wrong with them.
type workshop struct {
	s     *Service
	cmd   palinsesto.Approve
	seg   palinsesto.Segnalazione
	made  map[[2]string]derived // by hash and network: several channels share a network
	found []palinsesto.Problem
	edits []palinsesto.ApproverEdit
}

type derived struct {
	media   palinsesto.Media
	refused []palinsesto.Problem
}

// variants makes what goes out on each channel: what the approver gave, else the default. Their media
// are made ready first, so that they are part of what is approved. Errors among the problems refuse the
// approval, marks stay with it; err means that it could not be judged. edits are what the approver wrote in
// place of the default.
func (s *Service) variants(ctx context.Context, cmd palinsesto.Approve, seg palinsesto.Segnalazione) (out []palinsesto.Variant, edits []palinsesto.ApproverEdit, found []palinsesto.Problem, err error) {
	w := &workshop{s: s, cmd: cmd, seg: seg, made: map[[2]string]derived{}}
	w.strangers()
	for _, id := range seg.Channels {
		c, ok := s.cfg.Channel(id)
		if !ok || !c.Serves(seg.Centre) {
			w.absent(id)
			continue
		}
		v, err := w.variant(ctx, c)
		if err != nil {
			return nil, nil, nil, err
		}
		out = append(out, v)
	}
	return out, w.edits, w.found, nil
}

// strangers refuses variants for channels that were not asked for, and second ones for the same.
func (w *workshop) strangers() {
	seen := map[string]bool{}
	for _, v := range w.cmd.Variants {
		c, known := w.s.cfg.Channel(v.Channel)
		switch field := at(v.Channel); {
		case !known || !c.Serves(w.seg.Centre) || !slices.Contains(w.seg.Channels, v.Channel):
			w.refuse("V-CANALE", field, fmt.Sprintf("La segnalazione non va su «%.60s»: togliere questa versione, o far aggiungere il canale con una revisione.", v.Channel),
				fmt.Sprintf("The report does not go to %.60q: leave this variant out, or have the channel added by a revision.", v.Channel))
		case seen[v.Channel]:
			w.refuse("V-CAMPO", field, "Ci sono due versioni per lo stesso canale. Lasciarne una.", "There are two variants for the same channel. Leave one.")
		}
		seen[v.Channel] = true
	}
}

// absent marks a channel that was taken out of the configuration since the segnalazione came in.
func (w *workshop) absent(channel string) {
	w.found = append(w.found, palinsesto.Problem{Code: "V-CANALE", Level: palinsesto.LevelMark, Field: "wanted_channels",
		Text:   fmt.Sprintf("Su «%s» non esce: il canale non c'è più, o non serve più questo centro.", channel),
		TextEN: fmt.Sprintf("It does not go out on %q: the channel is gone, or does not serve this centre any more.", channel)})
}

func at(channel string) string { return fmt.Sprintf("variants[%.60s]", channel) }

func (w *workshop) refuse(code, field, it, en string) {
	w.found = append(w.found, problem(code, field, it, en))
}

func (w *workshop) variant(ctx context.Context, c config.Channel) (palinsesto.Variant, error) {
	v := rules.Render(c.Network, w.seg, rules.Options{
		AltInText: c.Options.AltInText, Preview: c.Options.LinkPreview, Location: w.s.cfg.Location(),
	})
	if i := slices.IndexFunc(w.cmd.Variants, func(g palinsesto.Variant) bool { return g.Channel == c.ID }); i >= 0 {
		parts, err := w.given(ctx, c, w.cmd.Variants[i].Parts)
		if err != nil {
			return v, err
		}
		if e := palinsesto.EditOf(c.ID, parts, v.Parts); e != nil {
			w.edits = append(w.edits, *e)
		}
		v.Parts = parts
	}
	v.Channel, v.Network = c.ID, c.Network
	for i := range v.Parts {
		if err := w.ready(ctx, c, i, v.Parts[i].Media); err != nil {
			return v, err
		}
	}
	v.Hash = palinsesto.HashParts(v.Parts)
	for _, p := range network.Check(c.Network, v) {
		if p.Level == palinsesto.LevelError {
			p.Field = at(c.ID) + "." + p.Field
			w.found = append(w.found, p)
		}
	}
	return v, nil
}

// given takes over the parts that the approver wrote.
func (w *workshop) given(ctx context.Context, c config.Channel, parts []palinsesto.Part) ([]palinsesto.Part, error) {
	if len(parts) > maxParts {
		w.refuse("V-CAMPO", at(c.ID)+".parts", fmt.Sprintf("Le parti sono %d, il massimo è %d.", len(parts), maxParts),
			fmt.Sprintf("There are %d parts, at most %d are taken.", len(parts), maxParts))
		parts = parts[:maxParts]
	}
	out := make([]palinsesto.Part, len(parts))
	for i, p := range parts {
		field := fmt.Sprintf("%s.parts[%d]", at(c.ID), i)
		media, err := w.own(ctx, c.Network, field, p.Media)
		if err != nil {
			return nil, err
		}
		out[i] = palinsesto.Part{Text: w.text(field, p), Spans: p.Spans, Preview: p.Preview, Media: media}
	}
	return out, nil
}

// text is tidied like a body. Where stretches of it are formatted, their places would no longer be
// right: then whoever wrote it must do so.
func (w *workshop) text(field string, p palinsesto.Part) string {
	tidy := p.Text
	for _, x := range rules.Text(field+".text", &tidy) {
		if x.Level == palinsesto.LevelError {
			w.found = append(w.found, x)
		}
	}
	if tidy != p.Text && len(p.Spans) > 0 {
		w.refuse("V-SPAN", field+".text", "Il testo contiene caratteri invisibili o accenti staccati, oppure spazi all'inizio o alla fine: con la formattazione non si possono togliere da soli. Toglierli e rifare la formattazione.",
			"The text has invisible characters, detached accents or spaces around it: with formatting they cannot be taken out automatically. Remove them and format again.")
		return p.Text
	}
	return tidy
}

// own finds each file among the segnalazione's: by its own hash, or by that of what was made of it for
// the network. Nothing but the alternative text is taken from the command.
func (w *workshop) own(ctx context.Context, net, field string, given []palinsesto.Media) ([]palinsesto.Media, error) {
	var out []palinsesto.Media
	for i, g := range given {
		place := fmt.Sprintf("%s.media[%d]", field, i)
		m, ok, err := w.original(ctx, net, g.Hash)
		if err != nil {
			return nil, err
		}
		if !ok {
			w.refuse("V-MEDIA", place, "Questo file non è fra quelli della segnalazione. Usarne uno dei suoi, o aggiungerlo con una revisione.",
				"This file is not one of the report's. Use one of those, or add it by a revision.")
			continue
		}
		if g.Alt != "" {
			m.Alt = g.Alt
			for _, p := range rules.Alt(place+".alt", &m) {
				if p.Level == palinsesto.LevelError {
					w.found = append(w.found, p)
				}
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func (w *workshop) original(ctx context.Context, net, hash string) (palinsesto.Media, bool, error) {
	for _, m := range w.seg.Media {
		if m.Hash == hash {
			return m, true, nil
		}
	}
	for _, m := range w.seg.Media {
		if m.Kind != "image" {
			continue // of others nothing is made: they are themselves
		}
		d, err := w.derive(ctx, m, net)
		if err != nil || d.media.Hash == hash && hash != "" {
			return m, err == nil, err
		}
	}
	return palinsesto.Media{}, false, nil
}

// ready puts what the network takes in place of each image and video.
func (w *workshop) ready(ctx context.Context, c config.Channel, part int, media []palinsesto.Media) error {
	for i, m := range media {
		if m.Kind != "image" && m.Kind != "video" {
			continue
		}
		d, err := w.derive(ctx, m, c.Network)
		if err != nil {
			return err
		}
		for _, p := range d.refused {
			p.Field = fmt.Sprintf("%s.parts[%d].media[%d]", at(c.ID), part, i)
			w.found = append(w.found, p)
		}
		if len(d.refused) > 0 {
			continue
		}
		d.media.Alt = m.Alt
		media[i] = d.media
	}
	return nil
}

// derive asks the media room; a file that cannot be made ready is a problem of the variant.
func (w *workshop) derive(ctx context.Context, m palinsesto.Media, net string) (derived, error) {
	key := [2]string{m.Hash, net}
	if d, ok := w.made[key]; ok {
		return d, nil
	}
	req, err := contract.EncodeDeriveMedia(palinsesto.DeriveMedia{
		Command: palinsesto.Command{ID: w.cmd.ID, Actor: w.s.actor, Trace: w.cmd.Trace}, Media: m, Network: net,
	})
	if err != nil {
		return derived{}, err
	}
	raw, err := w.s.Bus.Request(ctx, "media", "derive", req)
	var refusal *palinsesto.Error
	if errors.As(err, &refusal) && refusal.Code == palinsesto.CodeInvalid && len(refusal.Problems) > 0 {
		d := derived{refused: refusal.Problems}
		w.made[key] = d
		return d, nil
	}
	if err != nil {
		return derived{}, err
	}
	r, err := contract.DecodeMediaReply(raw)
	w.made[key] = derived{media: r.Media}
	return w.made[key], err
}
