// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

const (
	// updateAge is how long the server keeps updates, https://core.telegram.org/bots/api#getting-updates.
	updateAge  = 24 * time.Hour
	maxUpdates = 10_000 // kept per bot here; the oldest go
	maxPoll    = 50 * time.Second
)

// update is one piece of news for one bot.
type update struct {
	id   int64
	kind string
	at   time.Time
	body *message
}

// queue is a bot's unconfirmed updates.
type queue struct {
	last    int64
	list    []update
	polling bool
}

func (h *Handler) queueOf(bot int64) *queue {
	q := h.queues[bot]
	if q == nil {
		q = &queue{}
		h.queues[bot] = q
	}
	return q
}

// announce tells the bots of a chat what was posted or edited. The one that did it hears nothing of its
// own, except of a pin: that is why a second bot can witness and the first cannot. The caller holds the lock.
func (h *Handler) announce(chat *Chat, by *Bot, item sandbox.Item, edited bool) {
	kind := "message"
	if chat.Type == "channel" {
		kind = "channel_post"
	}
	if edited {
		kind = "edited_" + kind
	}
	for _, bot := range h.bots {
		_, isAdmin := chat.Admins[bot.ID]
		own := bot.ID == by.ID && (item.Kind != "service" || h.o.HidePins)
		if !isAdmin || own || h.kicked[membership{chat.ID, bot.ID}] {
			continue
		}
		q := h.queueOf(bot.ID)
		q.last++
		q.list = append(q.list, update{q.last, kind, h.s.Now(), h.messageOf(item)})
		if len(q.list) > maxUpdates {
			q.list = slices.Delete(q.list, 0, 1)
		}
	}
	close(h.news)
	h.news = make(chan struct{})
}

type pollRequest struct {
	offset  int64
	limit   int
	timeout time.Duration
	kinds   []string
}

func (c *call) pollRequest() (pollRequest, error) {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(c.params.get(name), 10, 64)
		return n
	}
	p := pollRequest{offset: number("offset"), limit: int(number("limit"))}
	if p.limit < 1 || p.limit > 100 {
		p.limit = 100
	}
	p.timeout = time.Duration(min(max(0, number("timeout")), int64(maxPoll/time.Second))) * time.Second
	if err := c.params.decode("allowed_updates", &p.kinds); err != nil {
		return p, err
	}
	return p, nil
}

func (c *call) getUpdates() (any, error) {
	p, err := c.pollRequest()
	if err != nil {
		return nil, err
	}
	if !c.startPolling() {
		return nil, &apiError{
			Code:        http.StatusConflict,
			Description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
		}
	}
	defer c.stopPolling()
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	for {
		updates, news := c.pending(p)
		if len(updates) > 0 || p.timeout == 0 {
			return updates, nil
		}
		select {
		case <-news:
		case <-timer.C:
			return updates, nil
		case <-c.ctx.Done():
			return updates, nil
		case <-c.h.s.Done():
			return updates, nil
		}
	}
}

// startPolling takes the one place there is; two pollers would each see half of the news.
func (c *call) startPolling() bool {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	q := c.h.queueOf(c.bot.ID)
	if q.polling {
		return false
	}
	q.polling = true
	return true
}

func (c *call) stopPolling() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.queueOf(c.bot.ID).polling = false
}

// pending forgets what the offset confirms and what is too old, and returns what remains.
func (c *call) pending(p pollRequest) ([]map[string]any, <-chan struct{}) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	q := c.h.queueOf(c.bot.ID)
	oldest := c.h.s.Now().Add(-updateAge)
	from := p.offset
	if from < 0 { // the last so many, all before them confirmed
		from = q.last + 1 + from
	}
	q.list = slices.DeleteFunc(q.list, func(u update) bool {
		return u.id < from || u.at.Before(oldest) || len(p.kinds) > 0 && !slices.Contains(p.kinds, u.kind)
	})
	updates := []map[string]any{}
	for _, u := range q.list[:min(len(q.list), p.limit)] {
		updates = append(updates, map[string]any{"update_id": u.id, u.kind: u.body})
	}
	return updates, c.h.news
}
