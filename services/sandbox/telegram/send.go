// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// draft is one message that passed its checks and has no place yet.
type draft struct {
	kind    string
	body    formatted
	file    *upload
	preview string
	forward string
}

// body parses the text of a call.
func (c *call) body(text, entities string) (formatted, error) {
	return c.h.parse(c.params.get(text), c.params.get("parse_mode"), c.params.get(entities))
}

func (c *call) textBody() (formatted, error) {
	body, err := c.body("text", "entities")
	if err == nil {
		err = c.h.checkText(body)
	}
	return body, err
}

func (c *call) captionBody() (formatted, error) {
	body, err := c.body("caption", "caption_entities")
	if err == nil {
		err = c.h.checkCaption(body)
	}
	return body, err
}

func (c *call) sendMessage() (any, error) {
	body, err := c.textBody()
	if err != nil {
		return nil, err
	}
	preview, err := c.preview(body)
	if err != nil {
		return nil, err
	}
	return c.one(draft{kind: "text", body: body, preview: preview})
}

func (c *call) sendPhoto() (any, error)    { return c.sendFile("photo") }
func (c *call) sendVideo() (any, error)    { return c.sendFile("video") }
func (c *call) sendDocument() (any, error) { return c.sendFile("document") }

func (c *call) sendFile(kind string) (any, error) {
	body, err := c.captionBody()
	if err != nil {
		return nil, err
	}
	file, err := c.upload(kind, kind, c.params.get(kind))
	if err != nil {
		return nil, err
	}
	if kind == "video" {
		file.media.Width, file.media.Height = c.side("width"), c.side("height")
	}
	return c.one(draft{kind: kind, body: body, file: &file})
}

// side is a dimension that the caller states; nonsense is as good as nothing.
func (c *call) side(name string) int {
	n, err := strconv.Atoi(c.params.get(name))
	if err != nil || n < 0 || n > maxSides {
		return 0
	}
	return n
}

// inputMedia is https://core.telegram.org/bots/api#inputmedia.
type inputMedia struct {
	Type            string          `json:"type"`
	Media           string          `json:"media"`
	Caption         string          `json:"caption"`
	ParseMode       string          `json:"parse_mode"`
	CaptionEntities json.RawMessage `json:"caption_entities"`
	Width           int             `json:"width"`
	Height          int             `json:"height"`
}

func (c *call) sendMediaGroup() (any, error) {
	var items []inputMedia
	if err := c.params.decode("media", &items); err != nil {
		return nil, err
	}
	if len(items) < 2 || len(items) > 10 {
		return nil, badRequest("album must have from 2 to 10 items") // wording ours
	}
	drafts := make([]draft, len(items))
	for i, item := range items {
		d, err := c.mediaDraft(item)
		if err != nil {
			return nil, err
		}
		if !together(items[0].Type, item.Type) {
			return nil, badRequest("%s can't be mixed with other media types in an album", items[0].Type) // wording ours
		}
		drafts[i] = d
	}
	messages, err := c.publish(drafts, true)
	if err != nil {
		return nil, err
	}
	return messages, nil
}

// together says whether two kinds may share an album: documents keep to themselves.
func together(a, b string) bool { return (a == "document") == (b == "document") }

// mediaDraft reads one InputMedia, whose caption has a parse mode of its own.
func (c *call) mediaDraft(item inputMedia) (draft, error) {
	switch item.Type {
	case "photo", "video", "document":
	default:
		return draft{}, badRequest("can't parse InputMedia: type \"%s\" is unsupported", item.Type) // wording ours
	}
	entities := string(item.CaptionEntities)
	if entities == "null" {
		entities = ""
	}
	body, err := c.h.parse(item.Caption, item.ParseMode, entities)
	if err == nil {
		err = c.h.checkCaption(body)
	}
	if err != nil {
		return draft{}, err
	}
	if item.Media == "" {
		return draft{}, badRequest("media not found") // wording ours
	}
	file, err := c.upload(item.Type, "", item.Media)
	if err != nil {
		return draft{}, err
	}
	if item.Type == "video" && item.Width > 0 && item.Height > 0 {
		file.media.Width, file.media.Height = min(item.Width, maxSides), min(item.Height, maxSides)
	}
	return draft{kind: item.Type, body: body, file: &file}, nil
}

func (c *call) one(d draft) (any, error) {
	messages, err := c.publish([]draft{d}, false)
	if err != nil {
		return nil, err
	}
	return messages[0], nil
}

// publish puts drafts on the wall, all or none.
func (c *call) publish(drafts []draft, album bool) ([]*message, error) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	chat, err := c.chat("chat_id", toPost)
	if err != nil {
		return nil, err
	}
	replyTo, err := c.replyTo(chat)
	if err != nil {
		return nil, err
	}
	// Last of the checks, so that what is refused for another reason costs no budget.
	if err := c.h.spend(chat, c.bot, len(drafts)); err != nil {
		return nil, err
	}
	items := make([]sandbox.Item, len(drafts))
	// An album is nothing but messages that share this; there is no object above them.
	group := ""
	if album {
		c.h.albums++
		group = strconv.FormatInt(c.h.s.Now().UnixMilli()*1000+c.h.albums, 10)
	}
	for i, d := range drafts {
		if items[i], err = c.item(chat, d); err != nil {
			return nil, err
		}
		items[i].Album, items[i].ReplyTo = group, replyTo
	}
	return c.h.post(chat, c.bot, items), nil
}

// item gives a draft its number; ids grow by one per message and never come back.
func (c *call) item(chat *Chat, d draft) (sandbox.Item, error) {
	item := sandbox.Item{
		Network: Network, Account: chat.Name(), Kind: d.kind, Author: "@" + c.bot.Username, At: c.h.s.Now(),
		Text: d.body.text, Entities: d.body.entities, LinkPreview: d.preview, ForwardOf: d.forward,
		Silent: c.params.flag("disable_notification"), Protected: c.params.flag("protect_content"),
	}
	if d.file != nil {
		if err := c.h.store(d.file); err != nil {
			return item, err
		}
		item.Media = []sandbox.Media{d.file.media}
	}
	c.h.lastID[chat.ID]++
	item.ID = strconv.FormatInt(c.h.lastID[chat.ID], 10)
	return item, nil
}

// post makes items public and tells the other bots.
func (h *Handler) post(chat *Chat, by *Bot, items []sandbox.Item) []*message {
	items = h.s.Post(items...)
	messages := make([]*message, len(items))
	for i, item := range items {
		messages[i] = h.messageOf(item)
		h.announce(chat, by, item, false)
	}
	return messages
}

// replyTo reads reply_parameters or the older reply_to_message_id, and finds the message.
func (c *call) replyTo(chat *Chat) (string, error) {
	var reply struct {
		MessageID int64 `json:"message_id"`
		Anyway    bool  `json:"allow_sending_without_reply"`
	}
	reply.MessageID, _ = strconv.ParseInt(c.params.get("reply_to_message_id"), 10, 64)
	reply.Anyway = c.params.flag("allow_sending_without_reply")
	if err := c.params.decode("reply_parameters", &reply); err != nil {
		return "", err
	}
	if reply.MessageID == 0 {
		return "", nil
	}
	id := strconv.FormatInt(reply.MessageID, 10)
	item, known := c.h.s.Find(Network, chat.Name(), id)
	switch {
	case known && !item.Deleted:
		return id, nil
	case reply.Anyway:
		return "", nil
	}
	return "", badRequest("message to be replied not found")
}

var bareURL = regexp.MustCompile(`https?://[^\s<>"]+`)

// preview is the address of which readers see a card: the one asked for, else the first in the text.
func (c *call) preview(body formatted) (string, error) {
	var options struct {
		Disabled bool   `json:"is_disabled"`
		URL      string `json:"url"`
	}
	options.Disabled = c.params.flag("disable_web_page_preview")
	if err := c.params.decode("link_preview_options", &options); err != nil {
		return "", err
	}
	if options.Disabled {
		return "", nil
	}
	if options.URL != "" {
		return options.URL, nil
	}
	address, at := "", len(body.text)*2
	if span := bareURL.FindStringIndex(body.text); span != nil {
		address, at = strings.TrimRight(body.text[span[0]:span[1]], ".,;:!?)]}'»"), utf16Len(body.text[:span[0]])
	}
	for _, e := range body.entities {
		if e.Type == "text_link" && e.Offset < at {
			return e.URL, nil
		}
	}
	return address, nil
}
