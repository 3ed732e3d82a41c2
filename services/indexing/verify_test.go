// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Each damage to an index is told.
func TestVerifyFinds(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, "")
	b := bustest.Connect(t, server)
	write(t, b, 10, queued)
	s, err := New(nil, Deps{Bus: b, Index: x, Clock: time.Now, Log: quiet()})
	require.NoError(t, err)
	ctx := context.Background()
	p := queued(3)
	subject := contract.PostSubject(p.Channel, p.ID)
	records, err := b.Newest(ctx, 0, subject)
	require.NoError(t, err)
	right, err := project(records[0])
	require.NoError(t, err)
	for name, c := range map[string]struct {
		damage func(*index.Doc)
		tells  []string
	}{
		"a document too many":     {func(d *index.Doc) { d.ID, d.DueKey, d.Due = "too-many", "too-many", 0 }, []string{"post too-many", "post state=queued"}},
		"one that is gone":        {func(d *index.Doc) { d.Gone = true }, []string{"post " + p.ID, "post due", "post state=queued"}},
		"in the list of a state":  {func(d *index.Doc) { d.Facets = append([]string{"state=posted"}, d.Facets[1:]...) }, []string{"post state=posted", "post state=queued"}},
		"a facet that is not his": {func(d *index.Doc) { d.Facets = append(d.Facets, "cause=none") }, []string{"post cause=none"}},
		"another order":           {func(d *index.Doc) { d.Score++ }, []string{"post " + p.ID}},
		"another body":            {func(d *index.Doc) { d.Body = append([]byte("x"), d.Body...) }, []string{"post " + p.ID}},
		"not in the due queue":    {func(d *index.Doc) { d.Due = 0 }, []string{"post due"}},
		"nothing wrong":           {func(d *index.Doc) { d.Seq-- }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := s.rebuild(ctx, "test")
			require.NoError(t, err)
			d := right
			d.Facets = append([]string(nil), right.Facets...)
			d.Seq++
			c.damage(&d)
			require.NoError(t, x.Apply(ctx, m.Epoch, []index.Doc{d}, 0))
			found, err := Verify(ctx, b, x, 100)
			require.NoError(t, err)
			var fields []string
			for _, f := range found {
				require.Equal(t, CodeIndex, f.Code)
				require.NotEmpty(t, f.Text)
				require.NotEmpty(t, f.TextEN)
				fields = append(fields, f.Field)
			}
			if c.tells == nil {
				require.Empty(t, found)
				return
			}
			require.Subset(t, fields, c.tells, strings.Join(fields, ", "))
			limited, err := Verify(ctx, b, x, 1)
			require.NoError(t, err)
			require.Len(t, limited, 1)
		})
	}
}

// A house that never stands still is not told to be wrong for it.
func TestVerifyWhileEventsCome(t *testing.T) {
	server, x := bustest.Server(t), openIndex(t, "")
	b := bustest.Connect(t, server)
	write(t, b, 200, queued)
	copyOf(t, server, x)
	current(t, b, x)
	ctx, cancel := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			p := queued(i % 200)
			p.Retries = i
			putPost(t, b, p, palinsesto.PostWasQueued)
		}
	})
	for range 3 {
		found, err := Verify(context.Background(), b, x, 100)
		require.NoError(t, err)
		require.Empty(t, found)
	}
	cancel()
	writer.Wait()
}
