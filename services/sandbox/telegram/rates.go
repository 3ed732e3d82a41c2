// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"math"
	"strconv"
	"time"
)

// Rates are the budgets of https://core.telegram.org/bots/faq#broadcasting-to-users, none of which is
// guaranteed there; zero fields take the default.
type Rates struct {
	ChatPerSecond float64 `json:"chat_per_second,omitempty"` // 1
	ChatBurst     int     `json:"chat_burst,omitempty"`      // 5: "short bursts" are tolerated, no figure is given
	ChatPerMinute int     `json:"chat_per_minute,omitempty"` // 20, for groups and, by report, channels
	BotPerSecond  float64 `json:"bot_per_second,omitempty"`  // 30
	BotBurst      int     `json:"bot_burst,omitempty"`       // 30
}

func (r Rates) withDefaults() Rates {
	set := func(field *float64, value float64) {
		if *field <= 0 {
			*field = value
		}
	}
	count := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&r.ChatPerSecond, 1)
	count(&r.ChatBurst, 5)
	count(&r.ChatPerMinute, 20)
	set(&r.BotPerSecond, 30)
	count(&r.BotBurst, 30)
	return r
}

// bucket holds tokens; it may go into debt, since an album of ten counts ten and is yet let through whole.
type bucket struct {
	tokens float64
	at     time.Time
}

// budget is one of the three limits that a message has to pass.
type budget struct {
	key             string
	size, perSecond float64 // capacity, refill
}

// spend takes n messages from a bot's and a chat's budgets, or none and says how long to wait. The caller
// holds the lock.
func (h *Handler) spend(chat *Chat, bot *Bot, n int) error {
	if h.o.NoRates {
		return nil
	}
	now, r := h.s.Now(), h.o.Rates
	chatKey, botKey := strconv.FormatInt(chat.ID, 10), strconv.FormatInt(bot.ID, 10)
	budgets := []budget{
		{"second " + chatKey, float64(r.ChatBurst), r.ChatPerSecond},
		{"minute " + chatKey, float64(r.ChatPerMinute), float64(r.ChatPerMinute) / 60},
		{"bot " + botKey, float64(r.BotBurst), r.BotPerSecond},
	}
	var wait float64
	for _, b := range budgets {
		if have := h.refill(b, now); have < 1 {
			wait = max(wait, (1-have)/b.perSecond)
		}
	}
	if wait > 0 {
		return tooMany(int(math.Ceil(wait)))
	}
	for _, b := range budgets {
		h.buckets[b.key].tokens -= float64(n)
	}
	return nil
}

// refill brings a bucket up to now, on the sandbox's clock: a test moves it instead of waiting.
func (h *Handler) refill(b budget, now time.Time) float64 {
	held := h.buckets[b.key]
	if held == nil {
		held = &bucket{b.size, now}
		h.buckets[b.key] = held
	}
	if passed := now.Sub(held.at).Seconds(); passed > 0 {
		held.tokens = min(b.size, held.tokens+passed*b.perSecond)
		held.at = now
	}
	return held.tokens
}
