// SPDX-License-Identifier: AGPL-3.0-or-later

package harness

import (
	"context"
	"fmt"
	"net/http"

	"github.com/palinsesto/palinsesto/services/sandbox"
	"github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

// BotToken is the one bot's in the sandbox, and TokenEnv the variable in which a house finds it.
const (
	BotToken = "123456789:AAaaBBbbCCccDDddEEeeFFffGGggHHhhIIi"
	TokenEnv = "PALINSESTO_TEST_BOT"
	botID    = 123456789
)

// Username is how the network calls channel i, ChannelID how the house does.
func Username(i int) string  { return fmt.Sprintf("canale_%03d", i) }
func ChannelID(i int) string { return fmt.Sprintf("canale-%03d", i) }

// NewSandbox has so many Telegram channels, in which one bot may do everything, as fast as it likes.
func NewSandbox(o sandbox.Options, channels int) (*sandbox.Sandbox, error) {
	box, err := sandbox.New(o)
	if err != nil {
		return nil, err
	}
	chats := make([]telegram.Chat, channels)
	for i := range chats {
		chats[i] = telegram.Chat{ID: int64(-1001000000000 - i), Username: Username(i), Title: "Canale " + Username(i),
			Admins: map[int64]telegram.Rights{botID: {Post: true, Edit: true, Delete: true}}}
	}
	_, err = telegram.New(box, telegram.Options{NoRates: true, Chats: chats,
		Bots: []telegram.Bot{{Token: BotToken, ID: botID, Username: "palinsesto_bot"}}})
	return box, err
}

// NewToken has an administrator make a token of a role; centre is empty for all.
func (c Client) NewToken(ctx context.Context, role, centre string) (Client, error) {
	body := map[string]string{"role": role, "name": role}
	if centre != "" {
		body["centre"] = centre
	}
	a, err := c.Do(ctx, http.MethodPost, "/api/v1/tokens", body)
	if err != nil {
		return c, err
	}
	if a.Status != http.StatusCreated {
		return c, fmt.Errorf("token of a %s: HTTP %d: %s", role, a.Status, a.Body)
	}
	var made struct{ Token string }
	err = a.Decode(&made)
	return Client{URL: c.URL, Token: made.Token, HTTP: c.HTTP}, err
}
