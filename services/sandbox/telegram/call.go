// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"context"
	"net/http"
	"strconv"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// call is one request of a known bot.
type call struct {
	h      *Handler
	ctx    context.Context
	bot    *Bot
	method string
	params params
}

// method does a call; changes says whether success leaves a trace on the wall.
type method struct {
	do      func(*call) (any, error)
	changes bool
}

// methods is the table of what is spoken here, by lower-cased name.
func methods() map[string]method {
	return map[string]method{
		"getme":               {do: (*call).getMe},
		"getchat":             {do: (*call).getChat},
		"getchatmember":       {do: (*call).getChatMember},
		"getchatmembercount":  {do: (*call).getChatMemberCount},
		"getchatmemberscount": {do: (*call).getChatMemberCount}, // its name before Bot API 5.3, still known
		"getupdates":          {do: (*call).getUpdates},
		"sendmessage":         {do: (*call).sendMessage, changes: true},
		"sendphoto":           {do: (*call).sendPhoto, changes: true},
		"sendvideo":           {do: (*call).sendVideo, changes: true},
		"senddocument":        {do: (*call).sendDocument, changes: true},
		"sendmediagroup":      {do: (*call).sendMediaGroup, changes: true},
		"forwardmessage":      {do: (*call).forwardMessage, changes: true},
		"copymessage":         {do: (*call).copyMessage, changes: true},
		"editmessagetext":     {do: (*call).editText, changes: true},
		"editmessagecaption":  {do: (*call).editCaption, changes: true},
		"editmessagemedia":    {do: (*call).editMedia, changes: true},
		"deletemessage":       {do: (*call).deleteMessage, changes: true},
		"deletemessages":      {do: (*call).deleteMessages, changes: true},
		"pinchatmessage":      {do: (*call).pinMessage, changes: true},
	}
}

func (c *call) run() sandbox.Answer {
	m, known := c.h.methods[c.method]
	if !known {
		return failure(&apiError{Code: http.StatusNotFound, Description: "Not Found: method not found"})
	}
	result, err := m.do(c)
	if err != nil {
		return failure(asAPIError(c.h.s.Log(), err))
	}
	answer := success(result)
	answer.Applied = m.changes
	return answer
}

// power is what a method needs to be allowed in a chat.
type power int

const (
	toSee power = iota
	toPost
	toPin
)

// chat finds the chat of a parameter and checks that the bot may do there what it wants. The caller holds
// the handler's lock.
func (c *call) chat(param string, want power) (*Chat, error) {
	name := c.params.get(param)
	if name == "" {
		return nil, badRequest("%s is empty", param)
	}
	chat := c.h.find(name)
	if chat == nil {
		return nil, badRequest("chat not found")
	}
	rights, isAdmin := chat.Admins[c.bot.ID]
	switch {
	case c.h.kicked[membership{chat.ID, c.bot.ID}]:
		return nil, forbidden("bot was kicked from the %s chat", chat.Type)
	case !isAdmin && want == toSee && chat.Username != "":
		return chat, nil // anybody may look at a public chat
	case !isAdmin:
		return nil, forbidden("bot is not a member of the %s chat", chat.Type)
	case want == toPost && !rights.Post:
		return nil, badRequest("need administrator rights in the %s chat", chat.Type)
	case want == toPin && !rights.Edit:
		return nil, badRequest("not enough rights to manage pinned messages in the chat")
	}
	return chat, nil
}

// locked runs f under the handler's lock: a message's checks, its id and its place on the wall are one act.
func (c *call) locked(f func() (any, error)) (any, error) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return f()
}

func (c *call) getMe() (any, error) {
	return userOf(c.bot), nil
}

func (c *call) getChat() (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toSee)
		if err != nil {
			return nil, err
		}
		return fullChat{chatJSON: chatOf(chat), LinkedChatID: chat.LinkedID}, nil
	})
}

func (c *call) getChatMemberCount() (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toSee)
		if err != nil {
			return nil, err
		}
		return chat.Members, nil
	})
}

func (c *call) getChatMember() (any, error) {
	return c.locked(func() (any, error) {
		chat, err := c.chat("chat_id", toSee)
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(c.params.get("user_id"), 10, 64)
		if err != nil {
			return nil, badRequest("invalid user_id specified")
		}
		for _, bot := range c.h.bots {
			if bot.ID == id {
				return c.h.memberOf(chat, bot), nil
			}
		}
		return nil, badRequest("user not found") // wording ours
	})
}

func (h *Handler) memberOf(chat *Chat, bot *Bot) chatMember {
	member := chatMember{User: userOf(bot), Status: "left"}
	if h.kicked[membership{chat.ID, bot.ID}] {
		member.Status = "kicked"
	} else if rights, isAdmin := chat.Admins[bot.ID]; isAdmin {
		member.Status, member.Rights = "administrator", &rights
	}
	return member
}

// Kick throws a bot out of a chat, as a channel's owner would; Admit takes it back with rights.
func (h *Handler) Kick(chat string, botID int64) { h.member(chat, botID, nil) }

// Admit makes a bot administrator of a chat with exactly these rights.
func (h *Handler) Admit(chat string, botID int64, rights Rights) { h.member(chat, botID, &rights) }

func (h *Handler) member(name string, botID int64, rights *Rights) {
	h.mu.Lock()
	defer h.mu.Unlock()
	chat := h.find(name)
	if chat == nil {
		return
	}
	delete(chat.Admins, botID)
	h.kicked[membership{chat.ID, botID}] = rights == nil
	if rights != nil {
		chat.Admins[botID] = *rights
	}
}

// Revoke makes a token unknown, as /revoke at BotFather does.
func (h *Handler) Revoke(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.bots, token)
}

// SetMembers scripts the growth of a channel.
func (h *Handler) SetMembers(name string, members int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if chat := h.find(name); chat != nil {
		chat.Members = members
	}
}
