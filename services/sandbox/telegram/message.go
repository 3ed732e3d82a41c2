// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"strconv"
	"strings"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// The shapes of https://core.telegram.org/bots/api#available-types, as far as they are used.
type (
	userJSON struct {
		ID        int64  `json:"id"`
		IsBot     bool   `json:"is_bot"`
		FirstName string `json:"first_name"`
		Username  string `json:"username,omitempty"`
	}
	chatJSON struct {
		ID       int64  `json:"id"`
		Title    string `json:"title,omitempty"`
		Username string `json:"username,omitempty"`
		Type     string `json:"type"`
	}
	fullChat struct {
		chatJSON
		LinkedChatID int64 `json:"linked_chat_id,omitempty"`
	}
	chatMember struct {
		User   userJSON `json:"user"`
		Status string   `json:"status"`
		*Rights
	}
	fileJSON struct {
		FileID       string `json:"file_id"`
		FileUniqueID string `json:"file_unique_id"`
		FileSize     int    `json:"file_size,omitempty"`
		Width        int    `json:"width,omitempty"`
		Height       int    `json:"height,omitempty"`
		FileName     string `json:"file_name,omitempty"`
		MIMEType     string `json:"mime_type,omitempty"`
	}
	origin struct {
		Type      string   `json:"type"`
		Chat      chatJSON `json:"chat"`
		MessageID int64    `json:"message_id"`
		Date      int64    `json:"date"`
	}
	message struct {
		MessageID       int64            `json:"message_id"`
		From            *userJSON        `json:"from,omitempty"`
		SenderChat      *chatJSON        `json:"sender_chat,omitempty"`
		Date            int64            `json:"date"`
		Chat            chatJSON         `json:"chat"`
		ForwardOrigin   *origin          `json:"forward_origin,omitempty"`
		ReplyTo         *message         `json:"reply_to_message,omitempty"`
		EditDate        int64            `json:"edit_date,omitempty"`
		Protected       bool             `json:"has_protected_content,omitempty"`
		MediaGroupID    string           `json:"media_group_id,omitempty"`
		Text            string           `json:"text,omitempty"`
		Entities        []sandbox.Entity `json:"entities,omitempty"`
		Photo           []fileJSON       `json:"photo,omitempty"`
		Video           *fileJSON        `json:"video,omitempty"`
		Document        *fileJSON        `json:"document,omitempty"`
		Caption         string           `json:"caption,omitempty"`
		CaptionEntities []sandbox.Entity `json:"caption_entities,omitempty"`
		Pinned          *message         `json:"pinned_message,omitempty"`
	}
)

func userOf(b *Bot) userJSON {
	return userJSON{ID: b.ID, IsBot: true, FirstName: b.Name, Username: b.Username}
}

func chatOf(c *Chat) chatJSON {
	return chatJSON{ID: c.ID, Title: c.Title, Username: c.Username, Type: c.Type}
}

// messageOf tells an item of the wall as the API would. The caller holds the lock.
func (h *Handler) messageOf(item sandbox.Item) *message {
	m := h.bare(item)
	if item.Kind == "service" {
		m.Pinned, m.ReplyTo = m.ReplyTo, nil
	}
	return m
}

func (h *Handler) bare(item sandbox.Item) *message {
	m := h.head(item)
	if item.EditedAt != nil {
		m.EditDate = item.EditedAt.Unix()
	}
	if item.ForwardOf != "" {
		m.ForwardOrigin = h.originOf(item.ForwardOf)
	}
	if item.ReplyTo != "" {
		if replied, known := h.s.Find(Network, item.Account, item.ReplyTo); known && !replied.Deleted {
			replied.ReplyTo = "" // one level, as the real API
			m.ReplyTo = h.bare(replied)
		}
	}
	if len(item.Media) == 0 {
		m.Text, m.Entities = item.Text, item.Entities
		return m
	}
	m.Caption, m.CaptionEntities = item.Text, item.Entities
	f := fileOf(item.Media[0])
	switch item.Kind {
	case "photo":
		f.FileName, f.MIMEType = "", ""
		m.Photo = []fileJSON{f}
	case "video":
		m.Video = &f
	default:
		m.Document = &f
	}
	return m
}

// head is who, when and where. In a channel the channel itself is the sender.
func (h *Handler) head(item sandbox.Item) *message {
	id, _ := strconv.ParseInt(item.ID, 10, 64)
	m := &message{MessageID: id, Date: item.At.Unix(), Protected: item.Protected, MediaGroupID: item.Album}
	chat := h.find(item.Account)
	if chat == nil {
		return m
	}
	m.Chat = chatOf(chat)
	if chat.Type == "channel" {
		m.SenderChat = &m.Chat
		return m
	}
	for _, b := range h.bots {
		if "@"+b.Username == item.Author {
			user := userOf(b)
			m.From = &user
		}
	}
	return m
}

func (h *Handler) originOf(reference string) *origin {
	account, id, _ := strings.Cut(reference, "/")
	item, known := h.s.Find(Network, account, id)
	chat := h.find(account)
	if !known || chat == nil {
		return nil
	}
	number, _ := strconv.ParseInt(id, 10, 64)
	return &origin{Type: "channel", Chat: chatOf(chat), MessageID: number, Date: item.At.Unix()}
}

func fileOf(m sandbox.Media) fileJSON {
	return fileJSON{
		FileID: fileID(m), FileUniqueID: m.SHA256[:min(16, len(m.SHA256))], FileSize: m.Bytes,
		Width: m.Width, Height: m.Height, FileName: m.Name, MIMEType: m.MIME,
	}
}
