// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

const (
	telegramBase = "https://api.telegram.org"
	// textMost is Telegram's limit in UTF-16 units: https://core.telegram.org/bots/api#sendmessage
	textMost   = 4096
	answerMost = 64 << 10
)

// telegramChat writes to the operators' chat. Unlike a post, an alert may be sent again when its answer was lost.
type telegramChat struct {
	conf   config.AlertTelegram
	client *http.Client
}

func newTelegram(c config.AlertTelegram) *telegramChat {
	return &telegramChat{conf: c, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// whole is the message where there is no subject line of its own: what one alert is called is said once.
func (m message) whole() string {
	first, rest, _ := strings.Cut(m.body, "\n")
	if first != "" && strings.HasSuffix(m.subject, first) {
		return m.subject + "\n" + rest
	}
	return m.subject + "\n\n" + m.body
}

func (t *telegramChat) send(ctx context.Context, m message) error {
	token, _, err := t.conf.Token.Read()
	if err != nil {
		return fmt.Errorf("token degli avvisi (token of the alerts): %w", err)
	}
	body, err := json.Marshal(map[string]any{
		"chat_id": t.conf.Chat, "text": cut(m.whole(), textMost), "disable_notification": m.silent,
		"link_preview_options": map[string]bool{"is_disabled": true},
	})
	if err != nil {
		return err
	}
	address := cmp.Or(t.conf.APIBase, telegramBase) + "/bot" + string(token) + "/sendMessage"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("telegram: indirizzo non valido (bad address)") // the error would show the token
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := t.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	return judge(resp)
}

// withoutURL keeps the address, in which the token stands, out of the error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("telegram: %w", err)
}

func judge(resp *http.Response) error {
	var answer struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err == nil && answer.OK && resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("telegram: %s %.200s", resp.Status, answer.Description)
}

// cut shortens s to at most so many UTF-16 units, between two characters.
func cut(s string, most int) string {
	if len(utf16.Encode([]rune(s))) <= most {
		return s
	}
	const end = "…"
	n := 1 // of end
	for i, r := range s {
		if n += utf16.RuneLen(r); n > most {
			return s[:i] + end
		}
	}
	return s
}
