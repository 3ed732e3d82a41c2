// SPDX-License-Identifier: AGPL-3.0-or-later

// Package telegram speaks Telegram's Bot API as far as Palinsesto uses it, as strictly as the real server
// (https://core.telegram.org/bots/api, 10.1 of June 2026, and the server's own source,
// https://github.com/tdlib/telegram-bot-api), on the sandbox's wall.
//
// What is documented or was measured is fixed; what is disputed is a field of Options. Texts of errors that
// no source gave are marked "wording ours": callers are to match on the code. Not modelled: webhooks, polls,
// keyboards, the legacy Markdown mode, entities that Telegram finds by itself (links, hashtags).
package telegram

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// Network is the name under which this API stands on the wall.
const Network = "telegram"

// Options are the fixture and the switches. The JSON form is what a fixture file holds.
type Options struct {
	Bots  []Bot  `json:"bots"`
	Chats []Chat `json:"chats"`

	NoRates bool  `json:"no_rates,omitempty"`
	Rates   Rates `json:"rates,omitzero"`

	// CountUTF16 counts the 4,096 and 1,024 in UTF-16 units; else in code points, which is what a live
	// probe found for text (captions were never measured).
	CountUTF16 bool `json:"count_utf16,omitempty"`
	// RefuseManyEntities answers 400 past 100 entities; else the rest goes out plain.
	RefuseManyEntities bool `json:"refuse_many_entities,omitempty"`
	// AdminDeletesOld lets a bot with can_delete_messages delete what is older than 48 hours.
	AdminDeletesOld bool `json:"admin_deletes_old,omitempty"`
	// HidePins keeps the service message about a pin from the bot that pinned.
	HidePins bool `json:"hide_pins,omitempty"`
	// MaxBody bounds a whole request (default 128 MiB).
	MaxBody int64 `json:"max_body,omitempty"`
	// MaxFile bounds one file (default 50 MiB, https://core.telegram.org/bots/api#sending-files).
	MaxFile int64 `json:"max_file,omitempty"`
}

// Bot is one bot of the fixture; ID may be absent: the digits of its token.
type Bot struct {
	Token    string `json:"token"`
	ID       int64  `json:"id,omitempty"`
	Username string `json:"username"`
	Name     string `json:"name,omitempty"`
}

// Chat is one channel or group of the fixture; without Username it is private.
type Chat struct {
	ID       int64            `json:"id"`
	Username string           `json:"username,omitempty"`
	Title    string           `json:"title"`
	Type     string           `json:"type,omitempty"` // channel (default), supergroup, group
	Members  int              `json:"members,omitempty"`
	LinkedID int64            `json:"linked_chat_id,omitempty"`
	Admins   map[int64]Rights `json:"admins,omitempty"` // by bot id
}

// Rights of a bot that is administrator of a chat.
type Rights struct {
	Post   bool `json:"can_post_messages"`
	Edit   bool `json:"can_edit_messages"`
	Delete bool `json:"can_delete_messages"`
}

// Name is how the chat is called on the wall.
func (c *Chat) Name() string {
	if c.Username != "" {
		return "@" + c.Username
	}
	return strconv.FormatInt(c.ID, 10)
}

// Handler is the API; it is mounted on a sandbox.Sandbox.
type Handler struct {
	s       *sandbox.Sandbox
	o       Options
	methods map[string]method
	fetcher *http.Client

	mu      sync.Mutex
	bots    map[string]*Bot // by token
	chats   []*Chat
	kicked  map[membership]bool
	lastID  map[int64]int64 // message ids per chat
	albums  int64
	files   map[string]sandbox.Media // by file id
	queues  map[int64]*queue
	buckets map[string]*bucket
	news    chan struct{} // closed when an update arrives
}

type membership struct{ chat, bot int64 }

// New makes the API on a sandbox's wall and mounts it there under /telegram/.
func New(s *sandbox.Sandbox, o Options) (*Handler, error) {
	if o.MaxBody <= 0 {
		o.MaxBody = 128 << 20
	}
	if o.MaxFile <= 0 {
		o.MaxFile = 50 << 20
	}
	o.Rates = o.Rates.withDefaults()
	h := &Handler{s: s, o: o, bots: map[string]*Bot{}, fetcher: loopbackClient()}
	h.methods = methods()
	if err := errors.Join(h.addBots(o.Bots), h.addChats(o.Chats)); err != nil {
		return nil, err
	}
	h.forget()
	h.recall()
	for _, c := range h.chats {
		s.Declare(sandbox.Account{Network: Network, Name: c.Name(), ID: strconv.FormatInt(c.ID, 10), Title: c.Title})
	}
	s.Mount(Network, h, h.forget)
	return h, nil
}

func (h *Handler) addBots(bots []Bot) error {
	for i, b := range bots {
		digits, _, _ := strings.Cut(b.Token, ":")
		id, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || !tokenForm.MatchString(b.Token) {
			return fmt.Errorf("telegram: il token del bot n. %d (%s) non ha la forma <cifre>:<segreto>", i+1, b.Username)
		}
		if b.ID == 0 {
			b.ID = id
		}
		if b.Name == "" {
			b.Name = b.Username
		}
		h.bots[b.Token] = &b
	}
	return nil
}

func (h *Handler) addChats(chats []Chat) error {
	for _, c := range chats {
		if c.ID == 0 || c.Title == "" {
			return fmt.Errorf("telegram: la chat %q vuole id e titolo", c.Username)
		}
		c.Username = strings.TrimPrefix(c.Username, "@")
		if c.Type == "" {
			c.Type = "channel"
		}
		admins := map[int64]Rights{}
		for id, rights := range c.Admins {
			admins[id] = rights
		}
		c.Admins = admins
		h.chats = append(h.chats, &c)
	}
	return nil
}

// forget drops what was learnt from traffic; the fixture stays.
func (h *Handler) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kicked, h.lastID = map[membership]bool{}, map[int64]int64{}
	h.files, h.queues, h.buckets = map[string]sandbox.Media{}, map[int64]*queue{}, map[string]*bucket{}
	if h.news != nil {
		close(h.news)
	}
	h.news = make(chan struct{})
}

// recall takes counters and files up where a wall that was read from its journal left them.
func (h *Handler) recall() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range h.s.Wall() {
		if item.Network != Network {
			continue
		}
		if c := h.find(item.Account); c != nil {
			id, _ := strconv.ParseInt(item.ID, 10, 64)
			h.lastID[c.ID] = max(h.lastID[c.ID], id)
		}
		for _, m := range item.Media {
			h.files[fileID(m)] = m
		}
	}
}

// tokenForm is the shape below which the real server answers 404, not 401.
var tokenForm = regexp.MustCompile(`^[0-9]{1,18}:[A-Za-z0-9_-]{1,100}$`)

// find looks a chat up by numeric id or @username; the caller holds the lock.
func (h *Handler) find(name string) *Chat {
	id, err := strconv.ParseInt(name, 10, 64)
	for _, c := range h.chats {
		if err == nil && c.ID == id || c.Username != "" && strings.EqualFold(name, "@"+c.Username) {
			return c
		}
	}
	return nil
}

// ServeHTTP takes /bot<token>/<method>.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	rest, isBot := strings.CutPrefix(r.URL.Path, "/bot")
	token, name, hasMethod := strings.Cut(rest, "/")
	c := &call{h: h, ctx: r.Context(), method: strings.ToLower(name)}
	served := sandbox.Call{Network: Network, Method: name, Arrived: arrived, Refuse: refused}
	fail := func(err *apiError) {
		served.Apply = func() sandbox.Answer { return failure(err) }
		h.s.Serve(w, r, served)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		fail(&apiError{Code: http.StatusMethodNotAllowed, Description: "Method Not Allowed"})
		return
	}
	if !isBot || !hasMethod || !tokenForm.MatchString(token) {
		fail(&apiError{Code: http.StatusNotFound, Description: "Not Found"})
		return
	}
	// The body is read before anything is answered, also to the unknown: a server that closes on a client
	// in mid-request makes it see a reset.
	params, err := readParams(w, r, h.o.MaxBody, h.o.MaxFile)
	if err != nil {
		fail(err)
		return
	}
	c.params = params
	if c.bot = h.botOf(token); c.bot == nil {
		fail(&apiError{Code: http.StatusUnauthorized, Description: "Unauthorized"})
		return
	}
	served.Caller = "@" + c.bot.Username
	served.Account, served.Aliases = h.target(params.get("chat_id"))
	served.Apply = c.run
	h.s.Serve(w, r, served)
}

func (h *Handler) botOf(token string) *Bot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bots[token]
}

func (h *Handler) target(chatID string) (string, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.find(chatID); c != nil {
		return c.Name(), []string{strconv.FormatInt(c.ID, 10)}
	}
	return chatID, nil
}
