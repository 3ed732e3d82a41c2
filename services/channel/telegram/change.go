// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"context"
	"errors"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Edit changes what is out to what was prepared: the text, the caption, or the media one by one. What
// Telegram finds already so counts as done, so an edit that broke off may be made again.
func (c *Channel) Edit(ctx context.Context, t channel.Target, to channel.Prepared) error {
	r, ok := to.Data.(*request)
	if !ok {
		return fail(wire.Changing, "not_prepared", nil)
	}
	edits, err := c.edits(t, to.Delivery.Part, r)
	if err != nil {
		return err
	}
	for _, e := range edits {
		if _, _, err := c.call(ctx, e); err != nil && !is(err, "unchanged") {
			return err
		}
	}
	return nil
}

// edits are the requests that lead from what is out to the new part. A message cannot get or lose its
// media, nor an album change its number: then a person removes and publishes again.
func (c *Channel) edits(t channel.Target, part palinsesto.Part, r *request) ([]*request, error) {
	was, media := shown(t.Part), shown(part)
	if len(t.RemoteIDs) == 0 {
		return nil, fail(wire.Changing, "no_ids", nil)
	}
	if len(was) != len(media) || len(media) > len(t.RemoteIDs) {
		return nil, fail(wire.Changing, "cannot_edit", nil)
	}
	ents, err := entities(part.Text, part.Spans)
	if err != nil {
		return nil, fail(wire.Changing, "bad_text", err)
	}
	if len(media) == 0 {
		e := c.edit(r, "editMessageText", t.RemoteIDs[0])
		return []*request{e}, e.text(part, ents)
	}
	var out []*request
	for i, m := range media {
		if i > 0 && m.Hash == was[i].Hash { // the first always: its caption may have changed
			continue
		}
		e, err := c.editItem(r, i, m, t.RemoteIDs[i], m.Hash != was[i].Hash, part.Text, ents)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// editItem changes one photo or video with its caption, or the caption alone.
func (c *Channel) editItem(r *request, i int, m palinsesto.Media, id string, other bool, text string, ents []entity) (*request, error) {
	if i > 0 {
		text, ents = "", nil
	}
	if !other {
		e := c.edit(r, "editMessageCaption", id)
		return e, e.caption(text, ents)
	}
	e := c.edit(r, "editMessageMedia", id)
	item := input(i, m)
	item.Caption, item.Entities = text, ents
	e.files = []tgbotapi.RequestFile{{Name: partName(i), Data: r.files[i].Data}}
	return e, e.params.AddInterface("media", item)
}

func (c *Channel) edit(r *request, method, id string) *request {
	return &request{bot: r.bot, act: wire.Changing, method: method, params: tgbotapi.Params{"chat_id": c.target, "message_id": id}}
}

// Remove takes down all messages of a part, in one request.
func (c *Channel) Remove(ctx context.Context, t channel.Target) error {
	if len(t.RemoteIDs) == 0 {
		return fail(wire.Changing, "no_ids", nil)
	}
	bot, err := c.bot()
	if err != nil {
		return err
	}
	r := &request{bot: bot, act: wire.Changing, method: "deleteMessage",
		params: tgbotapi.Params{"chat_id": c.target, "message_id": t.RemoteIDs[0]}}
	if len(t.RemoteIDs) > 1 { // newer than the library; skips what is gone
		delete(r.params, "message_id")
		r.method, r.params["message_ids"] = "deleteMessages", "["+strings.Join(t.RemoteIDs, ",")+"]"
	}
	if _, _, err := c.call(ctx, r); err != nil && !is(err, "gone") {
		return err
	}
	return nil
}

// is tells whether err has one of our causes.
func is(err error, cause string) bool {
	var e *channel.Error
	return errors.As(err, &e) && e.Cause == name+"."+cause
}
