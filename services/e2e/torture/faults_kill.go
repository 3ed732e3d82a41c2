// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// steps are the failpoints at which a process is killed or stopped: before and after every append and
// acknowledgement, and between the steps of one publication.
func steps() []string {
	return []string{
		"bus.before-append", "bus.after-append", "bus.before-ack", "bus.after-ack",
		"intake.before-submitted", "intake.after-submitted", "approval.before-approved", "approval.after-approved",
		"scheduling.before-queued", "scheduling.after-queued", "scheduling.before-due", "scheduling.after-due",
		"publishing.prepared", "publishing.before-intent", "publishing.after-intent", "publishing.before-call",
		"publishing.after-call", "publishing.before-verdict", "publishing.after-verdict",
	}
}

// publishingSteps are those between which a worker can stop for longer than its lease.
func publishingSteps() []string { return steps()[len(steps())-7:] }

func killFaults() []fault {
	return []fault{
		{"kill", "kill -9 of a process of the house, at random", always, 0, 0, killOne},
		{"kill-again", "kill -9 of one process, several times while it starts", always, 0, 0, killAgain},
		{"kill-all", "kill -9 of all processes of the house", severalRooms, 0, 0, killAll},
		{"kill-step", "kill -9 at a failpoint: before and after every append, call and acknowledgement", always, 0, 0, killAtStep},
	}
}

func killOne(_ context.Context, d *driver) func() {
	d.room().kill()
	return func() {}
}

func killAgain(ctx context.Context, d *driver) func() {
	x := d.room()
	for range 3 {
		x.kill()
		wait.For(ctx, restartAfter+time.Duration(d.dice.IntN(300))*time.Millisecond)
	}
	return func() {}
}

func killAll(_ context.Context, d *driver) func() {
	var wg sync.WaitGroup
	for _, x := range d.r.world.all() {
		wg.Go(func() { x.kill() })
	}
	wg.Wait()
	return func() {}
}

// stepsAtOnce is how many steps one episode kills at, one after the other.
const stepsAtOnce = 4

// killAtStep starts a process anew so that it dies at a step by itself.
func killAtStep(ctx context.Context, d *driver) func() {
	for range stepsAtOnce {
		step := d.r.steps.draw()
		x := pick(d.dice, d.r.world.passing(step))
		if x.killAt(ctx, step, 1+d.dice.IntN(12)) {
			d.r.did("step " + step)
		} else {
			d.r.steps.back(step) // nothing came that way
		}
	}
	return func() {}
}

// passMost is how long a process may take until it has passed a step so often.
const passMost = 2500 * time.Millisecond

// killAt tells whether the process died at the step.
func (x *room) killAt(ctx context.Context, step string, passage int) bool {
	x.kill(fmt.Sprintf("PALINSESTO_FAILPOINT=%s:%d", step, passage))
	began := x.begun()
	if await(ctx, passMost, "it dies", func() bool { return x.begun() > began+1 }) == nil {
		return true
	}
	x.kill() // without this it would die at any time later
	return false
}

// passing are the processes that come by a step: of the room that it is named after, for the bus any.
func (w *world) passing(step string) []*room {
	where, _, _ := strings.Cut(step, ".")
	out := w.those(func(x *room) bool { return where == "bus" || x.duty == where || x.duty == "house" })
	if len(out) == 0 {
		return w.all()
	}
	return out
}

func pauseFaults() []fault {
	return []fault{
		{"pause", "SIGSTOP of a process for longer than the lease, then SIGCONT", always, lease + time.Second, lease + callTimeout + 4*time.Second, pauseOne},
		{"pause-short", "SIGSTOP of a process for less than the lease", always, 100 * time.Millisecond, lease - time.Second, pauseOne},
		{"pause-step", "SIGSTOP between two steps of a publication, for longer than the lease", always, lease + callTimeout + 4*time.Second, lease + callTimeout + 8*time.Second, pauseAtStep},
	}
}

func pauseOne(_ context.Context, d *driver) func() {
	x := d.room()
	x.pause()
	return x.wake
}

// pauseAtStep has a publishing process stop itself at a step, and wakes it when others have given it up.
func pauseAtStep(ctx context.Context, d *driver) func() {
	x := pick(d.dice, d.r.world.publishers())
	step := pick(d.dice, publishingSteps())
	x.kill(fmt.Sprintf("PALINSESTO_FAILPOINT=%s:%d:stop", step, 1+d.dice.IntN(3)))
	d.r.did("stop " + step)
	_ = await(ctx, 5*time.Second, "it stops", x.stopped) // where nothing is due it is not passed
	return x.wake
}
