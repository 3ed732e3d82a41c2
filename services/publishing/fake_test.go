// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/network"
)

// fake is a network that does what a test says and remembers what it was asked.
type fake struct {
	mu      sync.Mutex
	calls   []call
	prepare func(channel.Delivery) error
	publish func(n int, d channel.Delivery) (channel.Receipt, error) // n counts the calls, from 1
	edit    func(channel.Target, channel.Delivery) error
	remove  func(channel.Target) error
}

// call is one publishing request.
type call struct {
	post string
	part int
	key  string
	text string
	at   time.Time
}

func (f *fake) Limits() network.Limits { return network.Limits{} }

func (f *fake) Prepare(_ context.Context, d channel.Delivery) (channel.Prepared, error) {
	if f.prepare != nil {
		if err := f.prepare(d); err != nil {
			return channel.Prepared{}, err
		}
	}
	return channel.Prepared{Delivery: d}, nil
}

func (f *fake) Publish(_ context.Context, p channel.Prepared) (channel.Receipt, error) {
	d := p.Delivery
	f.mu.Lock()
	f.calls = append(f.calls, call{d.Post, d.Number, d.Key, d.Part.Text, time.Now()})
	n := len(f.calls)
	f.mu.Unlock()
	if f.publish != nil {
		return f.publish(n, d)
	}
	return out(n), nil
}

func out(n int) channel.Receipt {
	id := fmt.Sprint(n)
	return channel.Receipt{RemoteIDs: []string{id}, Link: "https://t.me/m/" + id, At: time.Now(), Status: 200, Raw: "ok"}
}

func (f *fake) made() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]call(nil), f.calls...)
}

// asked is a fake that can also be asked what it shows.
type asked struct {
	full
	find func(channel.Sought) ([]channel.Receipt, error)
}

func (f asked) Find(_ context.Context, s channel.Sought) ([]channel.Receipt, error) { return f.find(s) }

// keyed is a fake that answers the same key with the same message.
type keyed struct {
	full
	lasts time.Duration
}

func (f keyed) KeyLasts(context.Context) (time.Duration, error) { return f.lasts, nil }

// full is a fake that can also edit and remove.
type full struct{ *fake }

func (f full) Edit(_ context.Context, t channel.Target, to channel.Prepared) error {
	if f.edit == nil {
		return nil
	}
	return f.edit(t, to.Delivery)
}

func (f full) Remove(_ context.Context, t channel.Target) error {
	if f.remove == nil {
		return nil
	}
	return f.remove(t)
}
