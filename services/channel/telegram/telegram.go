// SPDX-License-Identifier: AGPL-3.0-or-later

// Package telegram publishes to a Telegram channel through the Bot API: it maps a part to one request,
// sends it, and says what the answer means. Facts are those of https://core.telegram.org/bots/api; error
// texts those of the server's source (tdlib/telegram-bot-api, Client.cpp).
package telegram

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/network"
)

const (
	name = "telegram" // in the table of networks, and before the dot of each cause
	// defaultBase is the real Bot API.
	defaultBase = "https://api.telegram.org"
	// ratePerBot: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
	ratePerBot = 30
)

// Options of a Channel.
type Options struct {
	// Token gives the bot's token; it is asked for at each use, so that a file that was changed counts.
	Token func() (string, error)
	// Target is the channel: @username, or its number (-100…).
	Target string
	// APIBase is the server, without /bot…; empty: the real one.
	APIBase string
	// Transport is best shared by all channels; nil: one of its own.
	Transport *wire.Transport
	// Clock serves when an answer has no date; nil: the system's.
	Clock func() time.Time
}

// Channel is one Telegram channel. It implements channel.Channel, Editor, Remover and Checker.
type Channel struct {
	token    func() (string, error)
	target   string
	endpoint string // as the library wants it: two %s, for token and method
	rate     int    // calls a second of the bot in all its chats; 0: not known
	wire     *wire.Transport
	clock    func() time.Time
	limits   network.Limits
}

var (
	_ channel.Channel = (*Channel)(nil)
	_ channel.Editor  = (*Channel)(nil)
	_ channel.Remover = (*Channel)(nil)
	_ channel.Checker = (*Channel)(nil)
)

var (
	usernameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,31}$`)
	targetForm   = regexp.MustCompile(`^(@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{1,18})$`)
	// The token stands in the URL's path: nothing that could end it there.
	tokenForm = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{1,128}$`)
)

// New makes a Channel, without any call.
func New(o Options) (*Channel, error) {
	c := &Channel{token: o.Token, target: o.Target, wire: o.Transport, clock: o.Clock}
	base := strings.TrimRight(o.APIBase, "/")
	if base == "" {
		base = defaultBase
	}
	if base == defaultBase { // another server has limits of its own, or none
		c.rate = ratePerBot
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("telegram: api_base %q non è un indirizzo http(s) valido", o.APIBase)
	case !targetForm.MatchString(o.Target):
		return nil, fmt.Errorf("telegram: target %q non è un canale: serve @nome oppure il numero che comincia con -100", o.Target)
	case o.Token == nil:
		return nil, errors.New("telegram: manca il token del bot (token_file o token_env)")
	}
	c.endpoint = strings.ReplaceAll(base, "%", "%%") + "/bot%s/%s"
	c.limits, _ = network.For(name)
	if c.wire == nil {
		c.wire = wire.NewTransport()
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	return c, nil
}

// Limits are Telegram's.
func (c *Channel) Limits() network.Limits { return c.limits }

// Account is the bot, by its number, which is the part of the token that is no secret: its limits count
// for all chats together. It is empty while the token cannot be read.
func (c *Channel) Account() (name string, perSecond int) {
	bot, err := c.bot()
	if err != nil {
		return "", 0
	}
	name, _, _ = strings.Cut(bot.Token, ":")
	return name, c.rate
}

// bot reads the token. The library is given a value of its own for each use: New of the library would
// call getMe.
func (c *Channel) bot() (*tgbotapi.BotAPI, error) {
	token, err := c.token()
	token = strings.TrimSpace(token)
	if err != nil {
		return nil, fail(wire.Publishing, "token_unreadable", err)
	}
	if !tokenForm.MatchString(token) {
		return nil, fail(wire.Publishing, "token_malformed", nil)
	}
	b := &tgbotapi.BotAPI{Token: token}
	b.SetAPIEndpoint(c.endpoint)
	return b, nil
}
