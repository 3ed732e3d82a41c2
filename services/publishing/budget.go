// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Account is an adapter whose budget other channels use too, such as a bot that serves several chats. It
// tells a name without a secret in it, empty while that is not known, and how many calls a second the
// network allows it in all; 0: not known.
type Account interface {
	Account() (name string, perSecond int)
}

// budget takes one call out of what the channel and its account may still do; else it says how long to
// wait. All copies of the room share it through the index.
func (w *worker) budget(ctx context.Context) (time.Duration, error) {
	if wait, err := w.blocked(ctx); err != nil || wait > 0 {
		return wait, err
	}
	return w.Index.Take(ctx, w.rates()...)
}

// rates are the budgets that a call is taken from, the channel's own first.
func (w *worker) rates() []index.Rate {
	var rates []index.Rate
	if l := w.channel.Limits; l.PerSecond > 0 || l.PerMinute > 0 {
		rates = append(rates, index.Rate{Key: w.chatKey(), PerSecond: l.PerSecond, PerMinute: l.PerMinute, Burst: l.Burst})
	}
	if key, perSecond := w.account(); key != "" && perSecond > 0 {
		rates = append(rates, index.Rate{Key: key, PerSecond: perSecond})
	}
	return rates
}

// blocked tells how long the network wants to be left alone.
func (w *worker) blocked(ctx context.Context) (time.Duration, error) {
	until, err := w.Index.BlockedUntil(ctx, w.budgetKeys()...)
	if err != nil || until.IsZero() {
		return 0, err
	}
	return max(0, until.Sub(w.Clock())), nil
}

func (w *worker) budgetKeys() []string {
	keys := []string{w.chatKey()}
	if key, _ := w.account(); key != "" {
		keys = append(keys, key)
	}
	return keys
}

func (w *worker) chatKey() string { return "chat:" + w.channel.ID }

func (w *worker) account() (key string, perSecond int) {
	a, ok := w.adapter.(Account)
	if !ok {
		return "", 0
	}
	name, perSecond := a.Account()
	if name == "" {
		return "", 0
	}
	return "account:" + w.channel.Network + ":" + name, perSecond
}

// tellChannel writes on the channel what an error says of it: not before a moment, or that it needs
// to be reconnected. One event per channel, not one per post.
func (w *worker) tellChannel(ctx context.Context, err error) error {
	var e *channel.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Verdict {
	case channel.RetryAfter:
		return w.notBefore(ctx, w.Clock().Add(w.after(e)))
	case channel.Reconnect:
		return w.needsReconnect(ctx, e.Text)
	default:
		return nil
	}
}

// after is how long the network wants to be left alone, also when it did not say.
func (w *worker) after(e *channel.Error) time.Duration {
	if e.After > 0 {
		return e.After
	}
	return w.backoff(0)
}

func (w *worker) notBefore(ctx context.Context, until time.Time) error {
	for _, key := range w.budgetKeys() {
		if err := w.Index.Block(ctx, key, until); err != nil {
			w.Log.Warn("retry-after not shared through the index", "channel", w.channel.ID, "error", err)
		}
	}
	return w.updateChannel(ctx, "", func(c palinsesto.Channel) (string, palinsesto.Channel) {
		if !until.After(c.NotBefore) {
			return "", c
		}
		c.NotBefore = until
		return palinsesto.ChannelWasBudget, c
	})
}

func (w *worker) needsReconnect(ctx context.Context, why string) error {
	down := false
	err := w.updateChannel(ctx, why, func(c palinsesto.Channel) (string, palinsesto.Channel) {
		if down = c.Takes(); !down {
			return "", c
		}
		c.State, c.Reason = palinsesto.ChannelNeedsReconnect, why
		return palinsesto.ChannelWasNeedsReconnect, c
	})
	if err == nil && down {
		w.Log.Error("channel down: its posts wait until somebody says that it was reconnected",
			"channel", w.channel.ID, "why", why, "then", "palinsesto channel reconnected "+w.channel.ID)
	}
	return err
}

func (w *worker) updateChannel(ctx context.Context, why string, change func(palinsesto.Channel) (string, palinsesto.Channel)) error {
	_, err := bus.Update(ctx, w.Bus, contract.Channels, contract.ChannelSubject(w.channel.ID), w.envelope(why),
		func(cur contract.Event[palinsesto.Channel]) (bus.Decision[palinsesto.Channel], error) {
			c := cur.State
			c.ID = w.channel.ID
			event, c := change(c)
			return bus.Decision[palinsesto.Channel]{Event: event, State: c}, nil
		})
	return err
}
