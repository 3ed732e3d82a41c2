// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// crew are the people of the house, each with dice of their own.
type crew struct {
	r                          *run
	turns                      chan struct{} // one for each story that may begin
	load                       context.CancelFunc
	whole                      context.CancelFunc
	working, telling, stopping sync.WaitGroup
	ending                     atomic.Bool // nobody sends anything again any more

	operatore, admin *person
}

const (
	tellers    = 20
	turnsAhead = 6 // stories that may catch up after an outage, so that none comes as a flood
)

func (r *run) newCrew() *crew {
	return &crew{r: r, turns: make(chan struct{}, turnsAhead)}
}

// start has everybody come in and begin.
func (c *crew) start(ctx context.Context) {
	whole, stopAll := context.WithCancel(ctx)
	load, stopLoad := context.WithCancel(whole)
	c.load, c.whole = stopLoad, stopAll
	w := c.r.world
	referente := map[string]*person{}
	var errs []error
	take := func(name, role, centre string) *person {
		p, err := w.newToken(whole, name, role, centre)
		errs = append(errs, err)
		return p
	}
	for _, centre := range centres() {
		referente[centre] = take("referente "+centre, "referente", centre)
	}
	redattore := take("redattore", "redattore", "")
	c.operatore, c.admin = take("operatore", "operatore", ""), w.newPerson(w.admin)
	if err := errors.Join(errs...); err != nil {
		c.r.breach("refused", "the crew could not come in: %v", err)
		return
	}
	c.working.Go(func() { c.pace(load) })
	for i := range tellers {
		name := fmt.Sprintf("teller %d", i)
		t := &teller{r: c.r, name: name, dice: c.r.dice(name), referente: referente, redattore: redattore}
		c.telling.Go(func() { c.tell(load, whole, t) })
	}
	c.stopping.Go(func() { c.stopAndGo(load, whole) })
	c.working.Go(func() { c.operate(whole) })
}

// pace lets stories begin at the rate that was asked for.
func (c *crew) pace(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / (c.r.o.rate * c.r.kind.pace)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			select {
			case c.turns <- struct{}{}:
			default: // the house is away: nobody queues up at its door
			}
		}
	}
}

// tell lives story after story until the load ends; the one that has begun is brought to its end.
func (c *crew) tell(load, whole context.Context, t *teller) {
	for {
		select {
		case <-load.Done():
			return
		case <-c.turns:
		}
		if err := t.tell(whole); err != nil && whole.Err() == nil && !errors.Is(err, errNoAnswer) {
			c.r.breach("refused", "%s: %v", t.name, err)
		}
	}
}

// endLoad has no more stories begin and waits until those under way are told.
func (c *crew) endLoad() {
	c.load()
	c.telling.Wait()
	c.stopping.Wait()
	c.ending.Store(true)
}

// stop sends everybody home.
func (c *crew) stop() {
	c.whole()
	c.working.Wait()
}
