// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// run is one world under torture: what all its parts share.
type run struct {
	o     options
	kind  worldKind
	seed  uint64
	dir   string
	world *world
	zone  *time.Location // of the organisation
	// When its clocks are turned.
	spring, autumn time.Time
	truth          *truth
	book           *book
	kills          atomic.Int64
	// What a person then sees is no finding: a start refused for want of room, a moment judged by a clock
	// that is off.
	diskFull, clockOff atomic.Int64

	crew    *crew
	stops   sync.RWMutex // held by whoever stops and goes on; wholly while data are put back
	windows []window

	mu        sync.Mutex
	breaches  []breach
	faults    map[string]int
	tried     map[string]bool          // faults of this world and of those before it
	steps     *deck[string]            // at which to kill next
	slowest   map[string]time.Duration // recovery by fault
	final     map[string]int           // posts by state
	recovered int                      // how often the house was back after faults
	ports     map[int]bool
}

// breach is one thing that must not be.
type breach struct {
	Kind string `json:"kind"`
	What string `json:"what"`
	At   string `json:"at"`
}

func (r *run) breach(kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches = append(r.breaches, breach{kind, fmt.Sprintf(format, args...), time.Now().Format("15:04:05.000")})
	if len(r.breaches) <= 20 {
		fmt.Printf("  ! %s: %s\n", kind, r.breaches[len(r.breaches)-1].What)
	}
}

func (r *run) bad() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.breaches)
}

// dice gives one part of the run a generator of its own, so that what another part does, and when, does
// not change what it throws.
func (r *run) dice(part string) *rand.Rand {
	var n uint64
	for _, c := range part {
		n = n*131 + uint64(c)
	}
	return rand.New(rand.NewPCG(r.seed, n))
}

func (r *run) newProc(name, bin string, args, env []string) *proc {
	return &proc{name: name, bin: bin, args: args, env: env, log: logFile(r.dir, name), kills: &r.kills,
		excused: func() bool { return r.diskFull.Load() > 0 },
		strange: func(name, how string) { r.breach("ended by itself", "%s: %s", name, how) }}
}

// freeAddr is an address of loopback that nobody uses now, outside the range from which the kernel takes
// the ports of outgoing connections: a program that is killed must find its own port free again.
func (r *run) freeAddr() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ports == nil {
		r.ports = map[int]bool{}
	}
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if r.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // at once or not at all
		if err != nil {
			continue
		}
		_ = l.Close()
		r.ports[port] = true
		return addr, nil
	}
	return "", fmt.Errorf("no free port")
}

// play tortures one world for a while and judges it.
func play(ctx context.Context, o options, kind worldKind, seed uint64, share time.Duration, tried map[string]bool) (worldResult, error) {
	dir, err := os.MkdirTemp("", "palinsesto-torture-")
	if err != nil {
		return worldResult{}, err
	}
	r := &run{o: o, kind: kind, seed: seed, dir: dir, book: newBook(), faults: map[string]int{}, slowest: map[string]time.Duration{}}
	r.tried = tried
	r.truth = newTruth(r.wallFile())
	r.steps = newDeck(r.dice("steps"), steps())
	r.steps.first(func(step string) int {
		if tried["step "+step] {
			return 0
		}
		return 1
	})
	fmt.Printf("\n%s: %s (%s)\n", kind.name, kind.what, share.Round(time.Second))
	res, err := r.play(ctx, share)
	if err == nil && len(r.breaches) == 0 && !o.keep {
		_ = os.RemoveAll(dir)
	} else {
		fmt.Printf("  the folder of this run is kept: %s\n", dir)
	}
	return res, err
}

func (r *run) play(ctx context.Context, share time.Duration) (worldResult, error) {
	began := time.Now()
	whole, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if err := r.openZone(began.Add(share*2/5), began.Add(share*7/10)); err != nil {
		return r.result(began, nil), err
	}
	if r.world, err = openWorld(whole, r); err != nil {
		return r.result(began, nil), fmt.Errorf("the world %s could not be made: %w", r.kind.name, err)
	}
	defer r.world.close()
	go r.truth.follow(whole)
	r.crew = r.newCrew()
	r.crew.start(whole)
	meter := r.startMeter(whole)
	go r.turnClocks(whole)
	drive(whole, r, share)
	r.crew.endLoad()
	r.judge(ctx, r.crew)
	r.crew.stop()
	r.world.check(ctx)
	return r.result(began, meter.stop()), nil
}

// await polls a condition of another process, which has no signal to wait for.
func await(ctx context.Context, most time.Duration, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for !ok() {
		if !wait.For(ctx, 20*time.Millisecond) {
			return fmt.Errorf("not within %s: %s", most, what)
		}
	}
	return nil
}
