// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"slices"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// deletable is how long a message may be deleted, https://core.telegram.org/bots/api#deletemessage.
const deletable = 48 * time.Hour

const notModified = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"

// existing finds a message that is still there; what names it in the error ("edit", "delete", …).
func (c *call) existing(chat *Chat, param, what string) (sandbox.Item, error) {
	id, err := strconv.ParseInt(c.params.get(param), 10, 64)
	if err != nil || id <= 0 {
		return sandbox.Item{}, badRequest("message identifier is not specified")
	}
	item, known := c.h.s.Find(Network, chat.Name(), strconv.FormatInt(id, 10))
	if !known || item.Deleted {
		return item, badRequest("message to %s not found", what)
	}
	return item, nil
}

// change edits one message: f says what of it becomes different, or refuses.
func (c *call) change(f func(item *sandbox.Item) error) (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toPost)
		if err != nil {
			return nil, err
		}
		item, err := c.existing(chat, "message_id", "edit")
		if err != nil {
			return nil, err
		}
		own := item.Author == "@"+c.bot.Username
		if item.Kind == "service" || item.ForwardOf != "" || !own && !chat.Admins[c.bot.ID].Edit {
			return nil, badRequest("message can't be edited")
		}
		before := item
		if err := f(&item); err != nil {
			return nil, err
		}
		// Callers are to take this refusal as success: the message already reads as they want.
		if same(before, item) {
			return nil, badRequest(notModified)
		}
		now := c.h.s.Now()
		item.EditedAt = &now
		edited, _ := c.h.s.Edit(Network, item.Account, item.ID, func(i *sandbox.Item) { *i = item })
		c.h.announce(chat, c.bot, edited, true)
		return c.h.messageOf(edited), nil
	})
}

func same(a, b sandbox.Item) bool {
	return a.Text == b.Text && slices.Equal(a.Entities, b.Entities) && a.LinkPreview == b.LinkPreview &&
		slices.EqualFunc(a.Media, b.Media, func(x, y sandbox.Media) bool { return x.Kind == y.Kind && x.SHA256 == y.SHA256 })
}

func (c *call) editText() (any, error) {
	body, err := c.textBody()
	if err != nil {
		return nil, err
	}
	preview, err := c.preview(body)
	if err != nil {
		return nil, err
	}
	return c.change(func(item *sandbox.Item) error {
		if item.Kind != "text" {
			return badRequest("there is no text in the message to edit")
		}
		item.Text, item.Entities, item.LinkPreview = body.text, body.entities, preview
		return nil
	})
}

func (c *call) editCaption() (any, error) {
	body, err := c.captionBody()
	if err != nil {
		return nil, err
	}
	return c.change(func(item *sandbox.Item) error {
		if len(item.Media) == 0 {
			return badRequest("there is no caption in the message to edit")
		}
		item.Text, item.Entities = body.text, body.entities
		return nil
	})
}

func (c *call) editMedia() (any, error) {
	var media inputMedia
	if err := c.params.decode("media", &media); err != nil {
		return nil, err
	}
	d, err := c.mediaDraft(media)
	if err != nil {
		return nil, err
	}
	return c.change(func(item *sandbox.Item) error {
		if len(item.Media) == 0 {
			return badRequest("there is no media in the message to edit") // wording ours
		}
		if item.Album != "" && !together(item.Kind, d.kind) {
			return badRequest("message can't be edited")
		}
		if err := c.h.store(d.file); err != nil {
			return err
		}
		item.Kind, item.Media = d.kind, []sandbox.Media{d.file.media}
		item.Text, item.Entities = d.body.text, d.body.entities
		return nil
	})
}

// mayDelete is the documented list of limits, on the sandbox's clock.
func (c *call) mayDelete(chat *Chat, item sandbox.Item) bool {
	rights, own := chat.Admins[c.bot.ID], item.Author == "@"+c.bot.Username
	if c.h.s.Now().Sub(item.At) >= deletable {
		return c.h.o.AdminDeletesOld && rights.Delete
	}
	return own && rights.Post || rights.Delete
}

// remove leaves the item on the wall as deleted: its id is never given again.
func (c *call) remove(item sandbox.Item) {
	c.h.s.Edit(Network, item.Account, item.ID, func(i *sandbox.Item) { i.Deleted, i.Pinned = true, false })
}

func (c *call) deleteMessage() (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toPost)
		if err != nil {
			return nil, err
		}
		item, err := c.existing(chat, "message_id", "delete")
		if err != nil {
			return nil, err
		}
		if !c.mayDelete(chat, item) {
			return nil, badRequest("message can't be deleted")
		}
		c.remove(item)
		return true, nil
	})
}

// deleteMessages skips ids that are unknown; one that may not go stops all.
func (c *call) deleteMessages() (any, error) {
	var ids []int64
	if err := c.params.decode("message_ids", &ids); err != nil {
		return nil, err
	}
	if len(ids) < 1 || len(ids) > 100 {
		return nil, badRequest("message_ids must have from 1 to 100 items") // wording ours
	}
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toPost)
		if err != nil {
			return nil, err
		}
		var going []sandbox.Item
		for _, id := range ids {
			item, known := c.h.s.Find(Network, chat.Name(), strconv.FormatInt(id, 10))
			if !known || item.Deleted {
				continue
			}
			if !c.mayDelete(chat, item) {
				return nil, badRequest("message can't be deleted")
			}
			going = append(going, item)
		}
		for _, item := range going {
			c.remove(item)
		}
		return true, nil
	})
}

// pinMessage also leaves a service message, which takes an id and is told to the bot itself.
func (c *call) pinMessage() (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toPin)
		if err != nil {
			return nil, err
		}
		item, err := c.existing(chat, "message_id", "pin")
		if err != nil {
			return nil, err
		}
		if item.Pinned {
			return true, nil
		}
		c.h.s.Edit(Network, item.Account, item.ID, func(i *sandbox.Item) { i.Pinned = true })
		service, err := c.item(chat, draft{kind: "service"})
		if err != nil {
			return nil, err
		}
		service.ReplyTo = item.ID
		c.h.post(chat, c.bot, []sandbox.Item{service})
		return true, nil
	})
}
