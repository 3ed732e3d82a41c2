// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"context"
	"encoding/json"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel/wire"
)

// Check asks who the bot is and what it may do in the channel; it publishes nothing.
func (c *Channel) Check(ctx context.Context) error {
	bot, err := c.bot()
	if err != nil {
		return err
	}
	var self struct {
		ID json.Number `json:"id"`
	}
	if err := c.look(ctx, bot, "getMe", nil, &self); err != nil {
		return err
	}
	// https://core.telegram.org/bots/api#chatmemberadministrator
	var member struct {
		Status  string `json:"status"`
		CanPost bool   `json:"can_post_messages"`
	}
	params := tgbotapi.Params{"chat_id": c.target, "user_id": self.ID.String()}
	if err := c.look(ctx, bot, "getChatMember", params, &member); err != nil {
		return err
	}
	if member.Status != "creator" && (member.Status != "administrator" || !member.CanPost) {
		return fail(wire.Looking, "no_rights", nil)
	}
	return nil
}

// look makes a call that changes nothing and reads its result.
func (c *Channel) look(ctx context.Context, bot *tgbotapi.BotAPI, method string, params tgbotapi.Params, result any) error {
	r := &request{bot: bot, act: wire.Looking, method: method, params: params}
	raw, a, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return r.said(a, "unreadable", err)
	}
	return nil
}
