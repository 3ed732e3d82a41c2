// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// firstSeen remembers when this process first saw an intent, on its own monotonic clock: clocks of
// rooms are not compared.
type firstSeen struct {
	mu  sync.Mutex
	at  map[uint64]time.Time // by the intent's sequence
	now func() time.Time
}

func newFirstSeen() *firstSeen {
	return &firstSeen{at: map[uint64]time.Time{}, now: time.Now}
}

func (f *firstSeen) since(seq uint64) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, known := f.at[seq]
	if !known {
		at = f.now()
		f.at[seq] = at
	}
	return f.now().Sub(at)
}

// forget drops what was seen longer ago than age: settled long since, by whomever.
func (f *firstSeen) forget(age time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for seq, at := range f.at {
		if f.now().Sub(at) > age {
			delete(f.at, seq)
		}
	}
}

// lapse looks at an intent that stands without a verdict. While its worker may live, the event comes
// again; afterwards the post is uncertain: never sent again blindly, never called failed.
func (s *Service) lapse(ctx context.Context, p post, lease time.Duration) error {
	if _, working := s.mine.Load(p.Subject); working {
		return bus.Later(s.cfg.Publishing.Lease/3, errors.New("this process is at it"))
	}
	earlier := s.Sole && p.State.Attempt.Worker != s.Worker
	if left := lease - s.seen.since(p.Seq); !earlier && left > 0 {
		return bus.Later(left, errors.New("its worker may live"))
	}
	a := *p.State.Attempt
	a.Verdict = "unknown"
	next := p.State
	next.State, next.Attempt, next.Cause = palinsesto.PostUncertain, &a, "crash"
	next.Problem = "Il processo si è interrotto durante l'invio: il post potrebbe essere uscito. Controllare sul canale, poi indicare se c'è (con il link) o se va inviato di nuovo."
	_, err := s.put(ctx, p, palinsesto.PostWasUncertain, "", next)
	return staleIsDone(err)
}

// watchEvery is how often open attempts are looked through, beside what the log delivers again.
const watchEvery = 5 * time.Second

// watchOpen finds intents whose event nobody delivers any more, and at the start those of an earlier
// one.
func (s *Service) watchOpen(ctx context.Context) error {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		s.clock.Agrees(ctx) // readiness tells it, also while nothing is due
		if err := s.lapseOpen(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrNoIndex) {
			s.Log.Warn("open attempts not looked through", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// lapseOpen goes through all open attempts. It does not see the heartbeats on their messages, as the log
// does before it delivers one again: so it waits, beside the lease, for as long as the call may last.
func (s *Service) lapseOpen(ctx context.Context) error {
	s.seen.forget(4 * time.Hour) // longer than any lease and call that a configuration may set
	q := index.Query{Set: "post", Facets: []string{"state=" + string(palinsesto.PostPublishing)}, Limit: 200, Ascending: true}
	var errs []error
	for {
		page, err := s.Index.List(ctx, q)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, h := range page.Hits {
			if err := s.lapseOne(ctx, h); err != nil && !bus.IsLater(err) {
				errs = append(errs, err) // one that cannot be read must not hide the others
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return errors.Join(errs...)
		}
	}
}

func (s *Service) lapseOne(ctx context.Context, h index.Hit) error {
	_, shown, err := contract.Posts.Decode(h.Body)
	if err != nil {
		return err
	}
	p, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(shown.Channel, shown.ID))
	if err != nil || p.State.State != palinsesto.PostPublishing {
		return err
	}
	return s.lapse(ctx, p, s.cfg.Publishing.Lease+p.State.Attempt.Lasts)
}
