// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
)

const (
	// A server that restarts with a request in flight answers 429 "retry after 5" although the request
	// may have gone through (tdlib/telegram-bot-api, PromiseDeleter): it shows after a long wait.
	restartAfter = 5
	restartHang  = 10 * time.Second
	// minuteWait is for a 429 that does not say how long: the budget of a chat is per minute.
	minuteWait   = time.Minute
	longestAfter = 7 * 24 * 3600 // seconds
)

// classify is the verdict on a call; nil: the API said ok. It goes by what the wire saw, the status and
// the structured code; only among the 400s, which have no finer code, by the text (see refusals).
func (r *request) classify(x *exchange, resp *tgbotapi.APIResponse, err error) *channel.Error {
	a := x.answer
	var refusal *tgbotapi.Error
	switch {
	case x.err != nil:
		return r.wireCall().Failed(a, x.err)
	case a.Status == 0: // the library made no request
		return fail(r.act, "not_prepared", wire.Quiet(err, secrets(r.bot.Token)...))
	case err == nil && a.Status == http.StatusOK:
		return nil
	case err == nil: // "ok" with another status
		return r.said(a, oddKind(a.Status), nil)
	case a.Status == http.StatusTooManyRequests:
		return r.limited(a, resp)
	case a.Status == http.StatusRequestEntityTooLarge: // also from the server in front, in HTML
		return r.said(a, "too_big", nil)
	case !errors.As(err, &refusal): // not JSON
		return r.said(a, oddKind(a.Status), err)
	case resp.ErrorCode != a.Status || a.Status < 400 || a.Status > 499:
		return r.said(a, oddKind(a.Status), nil)
	}
	e := r.said(a, causeOf(a.Status, resp), nil)
	e.Text = strings.ReplaceAll(e.Text, "{id}", strconv.FormatInt(refusal.MigrateToChatID, 10))
	return e
}

func (r *request) wireCall() wire.Call {
	return wire.Call{Network: "Telegram", Prefix: name, Act: r.act, Secrets: secrets(r.bot.Token)}
}

// raw is the answer as it may be kept.
func (r *request) raw(a wire.Answer) string { return wire.Raw(string(a.Body), secrets(r.bot.Token)...) }

func oddKind(status int) string {
	switch {
	case status >= 500:
		return "server_error"
	case status >= 300 && status < 400:
		return "redirect"
	default:
		return "unreadable"
	}
}

// limited is the verdict on a 429: refused for its rate, so not applied; except when the server restarted.
func (r *request) limited(a wire.Answer, resp *tgbotapi.APIResponse) *channel.Error {
	after := minuteWait
	if resp != nil && resp.Parameters != nil && resp.Parameters.RetryAfter > 0 {
		n := resp.Parameters.RetryAfter
		if n == restartAfter && a.Waited > restartHang {
			return r.said(a, "restarted", nil)
		}
		after = time.Duration(min(n, longestAfter)) * time.Second
	}
	e := r.said(a, "rate", nil)
	e.After = after
	e.Text = strings.ReplaceAll(e.Text, "{wait}", wait(after))
	return e
}

// wait is a time to wait as people say it.
func wait(d time.Duration) string {
	if d < 2*time.Minute {
		return strconv.Itoa(int(d.Seconds())) + " secondi"
	}
	return strconv.Itoa(int(d.Minutes())) + " minuti"
}

// causeOf tells a refusal by its status, and the 400s by their parameters or the start of their text.
func causeOf(status int, resp *tgbotapi.APIResponse) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusBadRequest:
		if resp.Parameters != nil && resp.Parameters.MigrateToChatID != 0 {
			return "migrated"
		}
		text := strings.TrimPrefix(strings.ToLower(resp.Description), "bad request: ")
		for _, r := range refusals {
			if strings.HasPrefix(text, r.prefix) {
				return r.cause
			}
		}
	}
	return "refused"
}

// fail makes the error of a cause: its verdict, and its sentence in the words of the act.
func fail(act wire.Act, cause string, err error) *channel.Error {
	c := causes[cause]
	return &channel.Error{Verdict: c.verdict, Cause: name + "." + cause, Text: act.Say(c.text), Err: err}
}

// said is the error of a cause with what the network answered.
func (r *request) said(a wire.Answer, cause string, err error) *channel.Error {
	e := fail(r.act, cause, wire.Quiet(err, secrets(r.bot.Token)...))
	e.Status, e.Raw = a.Status, r.raw(a)
	return e
}
