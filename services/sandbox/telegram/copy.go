// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import "github.com/palinsesto/palinsesto/services/sandbox"

// source finds the message to forward or copy.
func (c *call) source(what string) (sandbox.Item, error) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	from, err := c.chat("from_chat_id", toSee)
	if err != nil {
		return sandbox.Item{}, err
	}
	item, err := c.existing(from, "message_id", what)
	if err != nil {
		return item, err
	}
	if item.Protected || item.Kind == "service" {
		return item, badRequest("message can't be %s", map[string]string{"forward": "forwarded", "copy": "copied"}[what])
	}
	return item, nil
}

// again makes a draft of what is on the wall; its files are there already.
func again(item sandbox.Item) draft {
	d := draft{kind: item.Kind, body: formatted{item.Text, item.Entities}, preview: item.LinkPreview}
	if len(item.Media) > 0 {
		d.file = &upload{media: item.Media[0]}
	}
	return d
}

// forwardMessage is also the only way to read a message back: it returns content and origin.
func (c *call) forwardMessage() (any, error) {
	item, err := c.source("forward")
	if err != nil {
		return nil, err
	}
	d := again(item)
	d.forward = item.Account + "/" + item.ID
	if item.ForwardOf != "" {
		d.forward = item.ForwardOf
	}
	return c.one(d)
}

// copyMessage answers with the id alone and leaves no trace of where it came from.
func (c *call) copyMessage() (any, error) {
	item, err := c.source("copy")
	if err != nil {
		return nil, err
	}
	d := again(item)
	if _, given := c.params.values["caption"]; given && d.file != nil {
		if d.body, err = c.captionBody(); err != nil {
			return nil, err
		}
	}
	messages, err := c.publish([]draft{d}, false)
	if err != nil {
		return nil, err
	}
	return map[string]int64{"message_id": messages[0].MessageID}, nil
}
