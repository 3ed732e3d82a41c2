// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
)

// putAtOnce is how many documents go to the index in one call.
const putAtOnce = 4000

// rebuild makes a new epoch from the newest record of every aggregate. Readers see the old one, if
// there is one, until the new one is complete.
func (s *Service) rebuild(ctx context.Context, why string) (index.Meta, error) {
	name, err := s.logName(ctx)
	if err != nil {
		return index.Meta{}, err
	}
	b, err := s.builder(ctx, name)
	if err != nil {
		return index.Meta{}, err
	}
	began := time.Now()
	s.status.begin()
	defer s.status.end()
	s.Log.Info("rebuilding the index from the log", "because", why)
	seq, err := s.fill(ctx, b)
	var epoch string
	if err == nil {
		epoch, err = b.Finish(ctx, seq)
	}
	if err != nil {
		b.Abort(context.WithoutCancel(ctx))
		return index.Meta{}, err
	}
	s.Log.Info("index rebuilt", "aggregates", s.status.done.Load(), "seq", seq, "took", time.Since(began).Round(time.Millisecond))
	return index.Meta{Epoch: epoch, Log: name, Schema: index.Schema, Seq: seq, Ready: true}, nil
}

// builder waits while another copy builds.
func (s *Service) builder(ctx context.Context, name string) (*index.Builder, error) {
	for {
		b, err := s.Index.Rebuild(ctx, name)
		if !errors.Is(err, index.ErrBuilding) {
			return b, err
		}
		if !wait(ctx, beat/5) {
			return nil, ctx.Err()
		}
	}
}

// fill reads, decodes and puts side by side: the log's server, the decoding and the index each keep a
// core busy.
func (s *Service) fill(ctx context.Context, b *index.Builder) (uint64, error) {
	g, ctx := errgroup.WithContext(ctx)
	raw, ready := make(chan []bus.Record, 4), make(chan []index.Doc, 4)
	var seq uint64
	g.Go(func() (err error) {
		defer close(raw)
		seq, err = s.Bus.Snapshot(ctx, func(batch []bus.Record, done, total uint64) error {
			s.progress(done, total)
			return send(ctx, raw, batch)
		})
		return err
	})
	g.Go(func() error {
		defer close(ready)
		return s.decode(ctx, raw, ready)
	})
	g.Go(func() error { return put(ctx, b, ready) })
	err := g.Wait()
	return seq, err
}

func (s *Service) decode(ctx context.Context, raw <-chan []bus.Record, ready chan<- []index.Doc) error {
	var g errgroup.Group
	for range min(2, runtime.GOMAXPROCS(0)) {
		g.Go(func() error {
			for batch := range raw {
				if err := send(ctx, ready, s.docs(batch)); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// put gathers what comes, since the index takes few large portions faster than many small ones.
func put(ctx context.Context, b *index.Builder, ready <-chan []index.Doc) error {
	var docs []index.Doc
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case more, ok := <-ready:
			docs = append(docs, more...)
			if len(docs) >= putAtOnce || !ok && len(docs) > 0 {
				if err := b.Put(ctx, docs); err != nil {
					return err
				}
				docs = docs[:0]
			}
			if !ok {
				return nil
			}
		}
	}
}

func send[T any](ctx context.Context, to chan<- T, x T) error {
	select {
	case to <- x:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
