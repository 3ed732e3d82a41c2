// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// request is one call of the Bot API, ready to be sent any number of times. The bot holds the token.
type request struct {
	bot    *tgbotapi.BotAPI
	act    wire.Act
	method string
	params tgbotapi.Params
	files  []tgbotapi.RequestFile
}

// Format shows the method only: whatever prints a request, the token is not in it.
func (r *request) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "telegram.request(%s)", r.method) }

// Prepare fetches and checks the media and builds the one request.
func (c *Channel) Prepare(ctx context.Context, d channel.Delivery) (channel.Prepared, error) {
	media := shown(d.Part)
	if err := within(d.Part, media); err != nil {
		return channel.Prepared{}, err
	}
	bot, err := c.bot()
	if err != nil {
		return channel.Prepared{}, err
	}
	r := &request{bot: bot, params: tgbotapi.Params{"chat_id": c.target}}
	if err := r.content(ctx, d, media); err != nil {
		return channel.Prepared{}, err
	}
	// protect_content is left out: what a public body says may be forwarded.
	r.params.AddBool("disable_notification", d.Silent)
	if d.ReplyTo != "" {
		id, err := strconv.ParseInt(d.ReplyTo, 10, 64)
		if err != nil {
			return channel.Prepared{}, fail(wire.Publishing, "bad_reply", err)
		}
		// allow_sending_without_reply is left out: the rest of a text is not published alone.
		r.params["reply_parameters"] = fmt.Sprintf(`{"message_id":%d}`, id)
	}
	return channel.Prepared{Delivery: d, Data: r}, nil
}

// shown are the media that Telegram shows; captions of a video have no place in the Bot API.
func shown(p palinsesto.Part) []palinsesto.Media {
	out := make([]palinsesto.Media, 0, len(p.Media))
	for _, m := range p.Media {
		if m.Kind == "image" || m.Kind == "video" {
			out = append(out, m)
		}
	}
	return out
}

// within is the same check that the approval made: what is refused here would be refused there.
func within(p palinsesto.Part, media []palinsesto.Media) error {
	p.Media = media
	problems := network.Check(name, palinsesto.Variant{Network: name, Parts: []palinsesto.Part{p}})
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Text
	}
	e := fail(wire.Publishing, "limits", nil)
	e.Text = strings.ReplaceAll(e.Text, "{why}", strings.Join(texts, " "))
	return e
}

// content fills in what is published.
func (r *request) content(ctx context.Context, d channel.Delivery, media []palinsesto.Media) error {
	ents, err := entities(d.Part.Text, d.Part.Spans)
	if err != nil {
		return fail(wire.Publishing, "bad_text", err)
	}
	for i, m := range media {
		raw, err := fetch(ctx, d, m)
		if err != nil {
			return err
		}
		r.files = append(r.files, tgbotapi.RequestFile{Name: partName(i), Data: tgbotapi.FileBytes{Name: fileName(i, m), Bytes: raw}})
	}
	switch {
	case len(media) == 0:
		r.method = "sendMessage"
		return r.text(d.Part, ents)
	case len(media) > 1:
		r.method = "sendMediaGroup"
		return r.params.AddInterface("media", album(media, d.Part.Text, ents))
	case media[0].Kind == "video":
		r.method = "sendVideo"
		r.files[0].Name = "video"
		r.params["supports_streaming"] = "true"
		r.params.AddNonZero("width", media[0].Width)
		r.params.AddNonZero("height", media[0].Height)
	default:
		r.method = "sendPhoto"
		r.files[0].Name = "photo"
	}
	return r.caption(d.Part.Text, ents)
}

func (r *request) text(p palinsesto.Part, ents []entity) error {
	r.params["text"] = p.Text
	if !p.Preview {
		r.params["link_preview_options"] = `{"is_disabled":true}`
	}
	if len(ents) == 0 {
		return nil
	}
	return r.params.AddInterface("entities", ents)
}

func (r *request) caption(text string, ents []entity) error {
	r.params.AddNonEmpty("caption", text)
	if len(ents) == 0 {
		return nil
	}
	return r.params.AddInterface("caption_entities", ents)
}

// inputMedia is one of https://core.telegram.org/bots/api#inputmedia: the library's has no
// caption_entities that can be left out.
type inputMedia struct {
	Type      string   `json:"type"`
	Media     string   `json:"media"`
	Caption   string   `json:"caption,omitempty"`
	Entities  []entity `json:"caption_entities,omitempty"`
	Width     int      `json:"width,omitempty"`
	Height    int      `json:"height,omitempty"`
	Streaming bool     `json:"supports_streaming,omitempty"`
}

func input(i int, m palinsesto.Media) inputMedia {
	if m.Kind == "video" {
		return inputMedia{Type: "video", Media: "attach://" + partName(i), Width: m.Width, Height: m.Height, Streaming: true}
	}
	return inputMedia{Type: "photo", Media: "attach://" + partName(i)}
}

// album has its caption on the first item only: Telegram shows it below the whole album then.
func album(media []palinsesto.Media, caption string, ents []entity) []inputMedia {
	out := make([]inputMedia, len(media))
	for i, m := range media {
		out[i] = input(i, m)
	}
	out[0].Caption, out[0].Entities = caption, ents
	return out
}

func partName(i int) string { return "file-" + strconv.Itoa(i) }

// fileName is ours: the name that a file came with may say more than the picture does.
func fileName(i int, m palinsesto.Media) string {
	ext := ".jpg"
	switch m.MIME {
	case "image/png":
		ext = ".png"
	case "image/gif":
		ext = ".gif"
	case "image/webp":
		ext = ".webp"
	case "video/mp4":
		ext = ".mp4"
	case "video/quicktime":
		ext = ".mov"
	case "video/webm":
		ext = ".webm"
	}
	return m.Kind + "-" + strconv.Itoa(i+1) + ext
}

// fetch reads what was approved, and nothing else: as long as it says, with the hash that was approved.
func fetch(ctx context.Context, d channel.Delivery, m palinsesto.Media) ([]byte, error) {
	if d.Open == nil {
		return nil, fail(wire.Publishing, "media_unreadable", errors.New("telegram: no store"))
	}
	f, err := d.Open(ctx, m.Hash)
	if err != nil {
		return nil, fail(wire.Publishing, "media_unreadable", err)
	}
	defer f.Close()
	raw := make([]byte, m.Bytes)
	if _, err := io.ReadFull(f, raw); err != nil {
		return nil, fail(wire.Publishing, "media_unreadable", err)
	}
	sum := sha256.Sum256(raw)
	if extra, _ := f.Read(make([]byte, 1)); extra != 0 || hex.EncodeToString(sum[:]) != m.Hash {
		return nil, fail(wire.Publishing, "media_changed", nil)
	}
	return raw, nil
}
