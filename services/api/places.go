// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import "sync"

// places bounds what is under way at the same moment: in all, and of one access, so that nobody takes
// the places of everybody.
type places struct {
	all, each int

	mu    sync.Mutex
	taken int
	of    map[string]int
}

func newPlaces(all, each int) *places { return &places{all: all, each: each, of: map[string]int{}} }

// take gives a place, to be left once; false when there is none for this access.
func (p *places) take(who string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.all || p.of[who] >= p.each {
		return nil, false
	}
	p.taken++
	p.of[who]++
	return sync.OnceFunc(func() { p.leave(who) }), true
}

func (p *places) leave(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[who]--; p.of[who] <= 0 {
		delete(p.of, who)
	}
}
