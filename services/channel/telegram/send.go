// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
)

// exchange is the library's HTTP client for one call: the library knows neither context nor status.
type exchange struct {
	ctx    context.Context // the library has no other way to bring one along; lives for one call
	wire   *wire.Transport
	answer wire.Answer
	err    error
}

// Do sends the library's request as a publishing request and hands the whole answer back.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	x.answer, x.err = x.wire.Do(x.ctx, req)
	if x.err != nil {
		return nil, x.err
	}
	return x.response(), nil
}

func (x *exchange) response() *http.Response {
	body := io.NopCloser(bytes.NewReader(x.answer.Body))
	return &http.Response{StatusCode: x.answer.Status, Header: x.answer.Header, Body: body}
}

// call makes exactly one request and judges its answer.
func (c *Channel) call(ctx context.Context, r *request) (json.RawMessage, wire.Answer, error) {
	x := &exchange{ctx: ctx, wire: c.wire}
	bot := *r.bot // the library keeps the client in the bot: each call has its own
	bot.Client = x
	var resp *tgbotapi.APIResponse
	var err error
	if len(r.files) > 0 {
		resp, err = bot.UploadFiles(r.method, r.params, r.files)
	} else {
		resp, err = bot.MakeRequest(r.method, r.params)
	}
	if e := r.classify(x, resp, err); e != nil {
		return nil, x.answer, e
	}
	return resp.Result, x.answer, nil
}

// secrets are the token and the half of it that is secret by itself.
func secrets(token string) []string {
	if _, half, ok := strings.Cut(token, ":"); ok && len(half) >= 8 {
		return []string{token, half}
	}
	return []string{token}
}

// Publish makes the one request.
func (c *Channel) Publish(ctx context.Context, p channel.Prepared) (channel.Receipt, error) {
	r, ok := p.Data.(*request)
	if !ok {
		return channel.Receipt{}, fail(wire.Publishing, "not_prepared", nil)
	}
	result, a, err := c.call(ctx, r)
	if err != nil {
		return channel.Receipt{}, err
	}
	msgs, err := messages(result)
	if err != nil {
		return channel.Receipt{}, r.said(a, "unreadable", err)
	}
	return c.receipt(msgs, a.Status, wire.Clip(r.raw(a), maxReceipt)), nil
}

// maxReceipt bounds the answer kept of a success: what counts in it stands in the receipt's fields, and
// the rest is the text that we sent.
const maxReceipt = 512

// message is what we read of https://core.telegram.org/bots/api#message
type message struct {
	ID   int64 `json:"message_id"`
	Date int64 `json:"date"`
	Chat struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	} `json:"chat"`
}

// messages reads one message or an album's list.
func messages(result json.RawMessage) ([]message, error) {
	var out []message
	var err error
	if bytes.HasPrefix(bytes.TrimLeft(result, " \t\r\n"), []byte("[")) {
		err = json.Unmarshal(result, &out)
	} else {
		out = make([]message, 1)
		err = json.Unmarshal(result, &out[0])
	}
	if err != nil {
		return nil, err
	}
	for _, m := range out {
		if m.ID <= 0 {
			return nil, errors.New("telegram: a message without id")
		}
	}
	if len(out) == 0 {
		return nil, errors.New("telegram: no message")
	}
	return out, nil
}

func (c *Channel) receipt(msgs []message, status int, raw string) channel.Receipt {
	r := channel.Receipt{RemoteIDs: make([]string, len(msgs)), Link: c.link(msgs[0]), Status: status, Raw: raw}
	for i, m := range msgs {
		r.RemoteIDs[i] = strconv.FormatInt(m.ID, 10)
	}
	if r.At = c.clock(); msgs[0].Date > 0 {
		r.At = time.Unix(msgs[0].Date, 0).UTC()
	}
	return r
}

// link is where people see the message; a private channel's opens for its members only.
func (c *Channel) link(m message) string {
	id := strconv.FormatInt(m.ID, 10)
	if usernameForm.MatchString(m.Chat.Username) {
		return "https://t.me/" + m.Chat.Username + "/" + id
	}
	if name, ok := strings.CutPrefix(c.target, "@"); ok {
		return "https://t.me/" + name + "/" + id
	}
	if inner, ok := strings.CutPrefix(strconv.FormatInt(m.Chat.ID, 10), "-100"); ok {
		return "https://t.me/c/" + inner + "/" + id
	}
	return ""
}
