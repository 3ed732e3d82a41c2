// SPDX-License-Identifier: AGPL-3.0-or-later

package intake

import "sync"

// turns lets those who come with the same id go one after the other; others do not wait.
type turns struct {
	mu   sync.Mutex
	open map[string]*turn
}

type turn struct {
	sync.Mutex
	users int
}

// take waits for the turn of id; the result ends it.
func (t *turns) take(id string) func() {
	t.mu.Lock()
	if t.open == nil {
		t.open = map[string]*turn{}
	}
	mine := t.open[id]
	if mine == nil {
		mine = &turn{}
		t.open[id] = mine
	}
	mine.users++
	t.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.open, id)
		}
	}
}
