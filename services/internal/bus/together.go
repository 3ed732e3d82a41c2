// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"strings"
)

// together answers concurrent reads with one request, as group does for appends: when many posts come
// due at one moment, each looks at the same holds and channels, and ten at the same segnalazione. It
// gathers only while a request is under way: a lone read goes at once.
type together struct {
	b  *Bus
	in chan *look
}

// look is one read of the newest messages of some literal subjects.
type look struct {
	subjects []string
	atLeast  uint64
	records  []Record
	err      error
	done     chan struct{}
}

func newTogether(b *Bus) *together {
	t := &together{b: b, in: make(chan *look, readAtOnce)}
	go t.run()
	return t
}

// shareable tells whether a read may be joined with others: its answer is told from theirs by subject.
func shareable(subjects []string) bool {
	if len(subjects) > readAtOnce/4 {
		return false
	}
	for _, s := range subjects {
		if strings.ContainsAny(s, "*>") {
			return false
		}
	}
	return true
}

func (t *together) newest(ctx context.Context, atLeast uint64, subjects []string) ([]Record, error) {
	l := &look{subjects: subjects, atLeast: atLeast, done: make(chan struct{})}
	select {
	case t.in <- l:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.b.closed:
		return nil, errClosed
	}
	select {
	case <-l.done:
		return l.records, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.b.closed:
		return nil, errClosed
	}
}

func (t *together) run() {
	for {
		select {
		case first := <-t.in:
			t.answer(t.gather(first))
		case <-t.b.closed:
			return
		}
	}
}

// gather takes what else is waiting, as far as one request can ask for it.
func (t *together) gather(first *look) []*look {
	looks, asked := []*look{first}, len(first.subjects)
	for asked <= readAtOnce-readAtOnce/4 {
		select {
		case l := <-t.in:
			looks, asked = append(looks, l), asked+len(l.subjects)
		default:
			return looks
		}
	}
	return looks
}

// answer asks once for all; every look was put before the request, so the answer is fresh for each.
func (t *together) answer(looks []*look) {
	var atLeast uint64
	found := map[string]*Record{}
	var subjects []string
	for _, l := range looks {
		atLeast = max(atLeast, l.atLeast)
		for _, s := range l.subjects {
			if _, asked := found[s]; !asked {
				found[s] = nil
				subjects = append(subjects, s)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestWait)
	defer cancel()
	records, err := t.b.newest(ctx, atLeast, subjects)
	for i := range records {
		found[records[i].Subject] = &records[i]
	}
	for _, l := range looks {
		l.err = err
		for _, s := range l.subjects {
			if r := found[s]; r != nil && err == nil {
				l.records = append(l.records, *r)
			}
		}
		close(l.done)
	}
}
