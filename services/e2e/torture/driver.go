// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// driver breaks the world in episodes: one to three faults at a time, kills strewn in, then an end of all
// of them and the question whether the house is back.
type driver struct {
	r    *run
	dice *rand.Rand
	deck *deck[fault]
	now  string // what is on, for the line of progress
	mu   sync.Mutex
}

const (
	warmUp = 4 * time.Second
	// back is how soon after the last fault the house must have recovered without a hand.
	back = 30 * time.Second
)

// drive goes on for as long as the world has.
func drive(ctx context.Context, r *run, share time.Duration) {
	d := &driver{r: r, dice: r.dice("driver")}
	known := r.chosen()
	if len(known) == 0 {
		fmt.Println("  none of the faults asked for is possible in this world: it only works")
	}
	d.deck = newDeck(r.dice("deck"), known)
	d.deck.first(r.rank)
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	go d.progress(ctx)
	wait.For(ctx, min(warmUp, share/4))
	for ctx.Err() == nil {
		if len(known) == 0 {
			<-ctx.Done()
			return
		}
		d.episode(ctx)
		wait.For(ctx, between(d.dice, 200*time.Millisecond, 1200*time.Millisecond))
	}
}

// episode lets some faults loose at once and waits until the house is back.
func (d *driver) episode(ctx context.Context) {
	on := d.hand()
	var names []string
	for _, f := range on {
		names = append(names, f.name)
	}
	d.say(strings.Join(names, "+"))
	var wg sync.WaitGroup
	for _, f := range on {
		// Each has dice of its own: how they fall must not depend on which goroutine is first.
		one := &driver{r: d.r, dice: rand.New(rand.NewPCG(d.dice.Uint64(), 1))}
		late, lasts := between(one.dice, 0, time.Second), between(one.dice, f.from, f.to)
		wg.Go(func() {
			if !wait.For(ctx, late) {
				return
			}
			d.r.did(f.name)
			end := f.begin(ctx, one)
			wait.For(ctx, lasts)
			end()
		})
	}
	if d.strewn() && !on[0].alone() {
		for range 2 + d.dice.IntN(3) {
			late, x := between(d.dice, 0, 2*time.Second), d.room()
			wg.Go(func() {
				if wait.For(ctx, late) {
					d.r.did("kill")
					x.kill()
				}
			})
		}
	}
	wg.Wait()
	d.say("back after " + strings.Join(names, "+"))
	d.r.recover(ctx, names)
	d.say("")
}

// hand draws what comes at once: one to three faults, or one that stands alone.
func (d *driver) hand() []fault {
	var on []fault
	for range 1 + d.dice.IntN(3) {
		f := d.deck.draw()
		if f.alone() && len(on) > 0 {
			d.deck.top(f)
			break
		}
		on = append(on, f)
		if f.alone() {
			break
		}
	}
	return on
}

// strewn tells whether kills come with everything: not where faults were asked for by name.
func (d *driver) strewn() bool {
	for _, name := range split(d.r.o.without) {
		if matches(name, "kill") {
			return false
		}
	}
	return d.r.o.only == ""
}

func (d *driver) room() *room { return pick(d.dice, d.r.world.all()) }

// must tells of a fault that could not be made or ended: then the run proves nothing.
func (d *driver) must(err error) {
	if err != nil {
		d.r.breach("torture", "%v", err)
	}
}

func (d *driver) say(now string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = now
}

// did counts a fault.
func (r *run) did(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[name]++
	r.tried[name] = true
}

const progressEvery = 5 * time.Second

// progress says every few seconds how it stands.
func (d *driver) progress(ctx context.Context) {
	began := time.Now()
	for wait.For(ctx, progressEvery) {
		d.mu.Lock()
		now := d.now
		d.mu.Unlock()
		stories, approved := d.r.book.size()
		fmt.Printf("  %4.0f s  %d stories, %d approvals, %d messages out, %d kills, %d breaches  %s\n",
			time.Since(began).Seconds(), stories, approved, d.r.truth.count(), d.r.kills.Load(), d.r.bad(), now)
	}
}
