// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// deck hands out what it has in any order, each once before any comes again: a short run tries everything
// that a long one does.
type deck[T any] struct {
	mu   sync.Mutex
	dice *rand.Rand
	all  []T
	left []T // the last is drawn next
}

func newDeck[T any](dice *rand.Rand, all []T) *deck[T] {
	d := &deck[T]{dice: dice, all: all}
	d.shuffle()
	return d
}

func (d *deck[T]) shuffle() {
	d.left = slices.Clone(d.all)
	d.dice.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
}

// draw gives the next; a deck is never empty, unless it never had anything.
func (d *deck[T]) draw() T {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.left) == 0 {
		d.shuffle()
	}
	top := d.left[len(d.left)-1]
	d.left = d.left[:len(d.left)-1]
	return top
}

// back puts one at the bottom: it was drawn in vain.
func (d *deck[T]) back(x T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = slices.Insert(d.left, 0, x)
}

// top puts one back that is to be drawn next.
func (d *deck[T]) top(x T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = append(d.left, x)
}

// first brings what matters most to the top, most first; the order among the rest stays.
func (d *deck[T]) first(rank func(T) int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortStableFunc(d.left, func(a, b T) int { return rank(a) - rank(b) })
}
