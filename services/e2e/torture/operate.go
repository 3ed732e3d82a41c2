// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// shownPost is what an operator reads of a post.
type shownPost struct {
	ID           string    `json:"id"`
	Segnalazione string    `json:"segnalazione"`
	Channel      string    `json:"channel"`
	Title        string    `json:"title"`
	State        string    `json:"state"`
	Cause        string    `json:"cause"`
	Problem      string    `json:"problem"`
	Due          time.Time `json:"due"`
	Hold         string    `json:"hold"`
	Parts        []struct {
		Posted bool `json:"posted"`
	} `json:"parts"`
	Attempt *struct {
		Part     int       `json:"part"`
		Intended time.Time `json:"intended"`
		Verdict  string    `json:"verdict"`
		Status   int       `json:"status"`
	} `json:"attempt"`
}

type shownChannel struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	NotBefore time.Time `json:"not_before"`
}

const operateEvery = 700 * time.Millisecond

// operate does what operators do: settles what is uncertain by looking at the channel, sends again what
// was missed or refused, reconnects.
func (c *crew) operate(ctx context.Context) {
	dice := c.r.dice("operatore")
	for wait.For(ctx, operateEvery) {
		err := errors.Join(c.settleUncertain(ctx), c.sendAgain(ctx, dice), c.reconnect(ctx))
		if err != nil && ctx.Err() == nil && !errors.Is(err, errNoAnswer) {
			c.r.breach("refused", "operator: %v", err)
		}
	}
}

func (c *crew) posts(ctx context.Context, state string) ([]shownPost, error) {
	return list[shownPost](ctx, c.operatore, "/api/v1/posts?limit=200&state="+state)
}

func (c *crew) settleUncertain(ctx context.Context) error {
	posts, err := c.posts(ctx, "uncertain")
	for _, p := range posts {
		if err := c.settle(ctx, p); err != nil {
			return err
		}
	}
	return err
}

// settle says what the channel shows. The house refuses "it is not out" as long as the call may last.
func (c *crew) settle(ctx context.Context, p shownPost) error {
	m, ok := markOf(p.Title)
	if !ok || p.Attempt == nil {
		return nil
	}
	body := map[string]any{"outcome": "not_out", "reason": "guardato il canale"}
	if shown := c.r.truth.visible(place{m.story, account(p.Channel), p.Attempt.Part}); len(shown) > 0 {
		body = map[string]any{"outcome": "out", "reason": "guardato il canale",
			"link": "https://t.me/" + strings.TrimPrefix(shown[0].account, "@") + "/" + shown[0].id}
	}
	status, _, err := c.operatore.do(ctx, http.MethodPost, "/api/v1/posts/"+p.ID+"/resolve", body, nil, "")
	if err != nil {
		return err
	}
	if status != http.StatusOK && status != http.StatusConflict {
		return fmt.Errorf("resolve %s: HTTP %d", p.ID, status)
	}
	return nil
}

// account is how the wall calls a channel.
func account(channel string) string { return "@" + strings.ReplaceAll(channel, "-", "_") }

// sendAgain re-queues most of what was missed or refused; the rest is left where a person sees it.
func (c *crew) sendAgain(ctx context.Context, dice *rand.Rand) error {
	if c.ending.Load() {
		return nil
	}
	for _, state := range []string{"missed", "failed"} {
		posts, err := c.posts(ctx, state)
		if err != nil {
			return err
		}
		for _, p := range posts {
			if strings.HasSuffix(p.Cause, "by_hand") || p.Cause == "expired" || dice.IntN(10) < 7 {
				continue
			}
			status, _, err := c.operatore.do(ctx, http.MethodPost, "/api/v1/posts/"+p.ID+"/requeue", map[string]any{"reason": "riprovare"}, nil, "")
			if err != nil {
				return err
			}
			if status != http.StatusOK && status != http.StatusConflict {
				return fmt.Errorf("requeue %s: HTTP %d", p.ID, status)
			}
		}
	}
	return nil
}

func (c *crew) channels(ctx context.Context) ([]shownChannel, error) {
	var out struct {
		Items []shownChannel `json:"items"`
	}
	status, _, err := c.admin.do(ctx, http.MethodGet, "/api/v1/channels", nil, &out, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("channels: HTTP %d", status)
	}
	return out.Items, err
}

func (c *crew) reconnect(ctx context.Context) error {
	channels, err := c.channels(ctx)
	for _, x := range channels {
		if x.State != "needs_reconnect" {
			continue
		}
		if _, _, err := c.admin.do(ctx, http.MethodPost, "/api/v1/channels/"+x.ID+"/reconnected", map[string]any{"reason": "token rinnovato"}, nil, ""); err != nil {
			return err
		}
	}
	return err
}

// stopAndGo places holds of every scope and lifts them, until the load ends; then none is left.
func (c *crew) stopAndGo(load, whole context.Context) {
	dice := c.r.dice("stopper")
	for wait.For(load, time.Duration(1000+dice.IntN(3500))*time.Millisecond) {
		h := &hold{scope: "channel", value: harness.ChannelID(dice.IntN(c.r.world.channels()))}
		switch throw := dice.IntN(100); {
		case throw < 20:
			h.scope, h.value = "all", ""
		case throw < 30:
			h.scope, h.value = "network", "telegram"
		case throw < 50:
			h.scope, h.value = "centre", centres()[dice.IntN(len(centres()))]
		case throw < 65:
			h.scope, h.value = "tag", "urgente" // as people write it: case does not matter
		}
		c.r.stops.RLock()
		if c.place(whole, h) {
			wait.For(load, time.Duration(200+dice.IntN(2500))*time.Millisecond)
			c.lift(whole, h)
		}
		c.r.stops.RUnlock()
	}
}

func (c *crew) place(ctx context.Context, h *hold) bool {
	var a struct {
		Hold struct {
			ID string `json:"id"`
		} `json:"hold"`
		InFlight []string `json:"in_flight"`
	}
	h.asked, h.flying = time.Now(), map[string]bool{}
	status, tries, err := c.operatore.do(ctx, http.MethodPost, "/api/v1/holds",
		map[string]any{"scope": h.scope, "value": h.value, "reason": "prova di fermo"}, &a, fmt.Sprintf("hold-%d-%d", c.r.seed, h.asked.UnixNano()))
	if err != nil {
		return false
	}
	if status != http.StatusCreated {
		c.r.breach("refused", "hold %s %s: HTTP %d", h.scope, h.value, status)
		return false
	}
	h.id, h.acked, h.listless = a.Hold.ID, time.Now(), tries > 1
	for _, id := range a.InFlight {
		h.flying[id] = true
	}
	c.r.book.place(h)
	return true
}

func (c *crew) lift(ctx context.Context, h *hold) {
	c.r.book.note(func() { h.lifting = time.Now() })
	status, _, err := c.operatore.do(ctx, http.MethodDelete, "/api/v1/holds/"+h.id, nil, nil, "lift-"+h.id)
	if err != nil {
		return
	}
	if status != http.StatusOK {
		c.r.breach("refused", "lifting the hold %s: HTTP %d", h.id, status)
	}
	c.r.book.note(func() { h.lifted = time.Now() })
}
