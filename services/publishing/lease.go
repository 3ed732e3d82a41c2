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

func (f *firstSeen) forget(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.at, seq)
}

// lapse looks at an intent that stands without a verdict. While its worker may live, the event comes
// again; afterwards the post is uncertain: never sent again blindly, never called failed.
func (s *Service) lapse(ctx context.Context, p post) error {
	if _, working := s.mine.Load(p.Subject); working {
		return bus.Later(s.cfg.Publishing.Lease/3, errors.New("this process is at it"))
	}
	earlier := s.Sole && p.State.Attempt.Worker != s.Worker
	if left := s.cfg.Publishing.Lease - s.seen.since(p.Seq); !earlier && left > 0 {
		return bus.Later(left, errors.New("its worker may live"))
	}
	a := *p.State.Attempt
	a.Verdict = "unknown"
	next := p.State
	next.State, next.Attempt, next.Cause = palinsesto.PostUncertain, &a, "crash"
	next.Problem = "Il processo si è interrotto durante l'invio: il post potrebbe essere uscito. Controllare sul canale, poi indicare se c'è (con il link) o se va inviato di nuovo."
	_, err := s.put(ctx, p, palinsesto.PostWasUncertain, "", next)
	if staleIsDone(err) == nil {
		s.seen.forget(p.Seq)
	}
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

func (s *Service) lapseOpen(ctx context.Context) error {
	page, err := s.Index.List(ctx, index.Query{Set: "post", Facets: []string{"state=" + string(palinsesto.PostPublishing)}, Limit: 200, Ascending: true})
	if err != nil {
		return err
	}
	for _, h := range page.Hits {
		_, shown, err := contract.Posts.Decode(h.Body)
		if err != nil {
			return err
		}
		p, err := bus.Load(ctx, s.Bus, contract.Posts, contract.PostSubject(shown.Channel, shown.ID))
		if err != nil || p.State.State != palinsesto.PostPublishing {
			continue
		}
		if err := s.lapse(ctx, p); err != nil && !bus.IsLater(err) {
			return err
		}
	}
	return nil
}
