// SPDX-License-Identifier: AGPL-3.0-or-later

package backup_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
)

// event appends one more to a log.
func event(t *testing.T, b *bus.Bus) {
	t.Helper()
	cur, err := bus.Load(t.Context(), b, contract.Holds, contract.HoldSubject)
	if err != nil {
		require.ErrorIs(t, err, bus.ErrNone)
	}
	_, err = bus.Put(t.Context(), b, contract.Holds, cur, "placed", contract.Envelope{Actor: referente, At: noon}, contract.HoldChange{})
	require.NoError(t, err)
}

func streamsOf(t *testing.T, s *embednats.Server) *bus.Streams {
	t.Helper()
	st, err := bus.OpenStreams(t.Context(), bus.Options{Server: s, User: "test", Password: "test", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	return st
}

// A log that was empty when it was seen is known, however far it has come since.
func TestMarkOfAnEmptyLog(t *testing.T) {
	b := bustest.New(t)
	dir := t.TempDir()
	o, err := backup.OpenOutside(dir)
	require.NoError(t, err)
	place, err := o.Adopt(t.Context(), b)
	require.NoError(t, err)
	event(t, b)
	o, err = backup.OpenOutside(dir)
	require.NoError(t, err)
	why, err := o.Compare(t.Context(), b, place)
	require.NoError(t, err)
	require.Empty(t, why)
}

// A log that went back, went another way, is a copy or another one is told from the one that was seen.
func TestMark(t *testing.T) {
	ctx := t.Context()
	server := bustest.Server(t)
	b := bustest.Connect(t, server)
	dir := t.TempDir()
	compare := func(b *bus.Bus, place string) string {
		o, err := backup.OpenOutside(dir) // as the next start does
		require.NoError(t, err)
		why, err := o.Compare(ctx, b, place)
		require.NoError(t, err)
		return why
	}
	require.Empty(t, compare(b, ""), "the very first start")
	event(t, b)
	event(t, b)
	require.Empty(t, compare(b, ""), "a house from before there were marks")
	require.Contains(t, compare(b, "altrove"), "copia", "a data folder that was copied here")

	var copied bytes.Buffer
	st, err := streamsOf(t, server).Save(ctx, contract.Stream, &copied)
	require.NoError(t, err)
	event(t, b)
	o, err := backup.OpenOutside(dir)
	require.NoError(t, err)
	place, err := o.Adopt(ctx, b)
	require.NoError(t, err)
	require.Empty(t, compare(b, place))
	event(t, b)
	require.Empty(t, compare(b, place), "the mark may lag behind")
	require.Contains(t, compare(b, "altrove"), "copia")

	back := bustest.Server(t)
	require.NoError(t, streamsOf(t, back).Put(ctx, st, 1, &copied))
	older := bustest.Connect(t, back)
	require.Contains(t, compare(older, place), "tornato indietro: ha 2 eventi, qui se ne erano visti 3")
	for range 3 {
		event(t, older)
	}
	require.Contains(t, compare(older, place), "altra strada")

	other := bustest.New(t)
	require.Empty(t, compare(other, place), "nothing is on it that could be done twice")
	event(t, other)
	require.Contains(t, compare(other, place), "non è quello")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "mark.json"), []byte("{"), 0o600))
	_, err = backup.OpenOutside(dir)
	require.ErrorContains(t, err, "non si legge")
}

// A log that lost what came after the mark is told by what was noted meanwhile: on a full disk, with the
// mark a second old, a post went out again.
func TestLogThatLostItsLastEvents(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	o := h.outside(dir)
	mark, err := os.ReadFile(filepath.Join(dir, "mark.json"))
	require.NoError(t, err)
	h.post(h.approved("a", noon), "due", "publishing", "posted")
	h.noted(o, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mark.json"), mark, 0o600)) // as it was before
	again, err := backup.OpenOutside(dir)
	require.NoError(t, err)
	why, err := again.Compare(t.Context(), h.b, "")
	require.NoError(t, err)
	require.Empty(t, why, "all that was noted is there")

	last, err := h.b.LastSeq(t.Context())
	require.NoError(t, err)
	log, err := h.b.LogID(t.Context())
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "facts-*.jsonl"))
	require.NoError(t, err)
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, `{"log":%q,"seq":%d,"at":%q,"subject":"palinsesto.post.c.x","event":"posted"}`+"\n", log, last+1, time.Now().UTC().Format(time.RFC3339Nano))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	why, err = again.Compare(t.Context(), h.b, "")
	require.NoError(t, err)
	require.Contains(t, why, "tornato indietro")
}

// A line that a power cut tore, or that somebody spoilt, takes no other with it.
func TestTornNotes(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	o := h.outside(dir)
	log, err := h.b.LogID(t.Context())
	require.NoError(t, err)
	note := func(name string) { h.post(h.approved(name, noon), "due", "publishing", "posted"); h.noted(o, dir) }
	note("a")
	files, err := filepath.Glob(filepath.Join(dir, "facts-*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"log":"x","seq":9,"subj`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	note("b")
	facts, unread, err := o.Facts(log, 0)
	require.NoError(t, err)
	require.Equal(t, 1, unread)
	require.Len(t, facts, 2)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NotContains(t, string(raw), "\"a\"", "no text of anybody's")
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"log":"l","seq":3,"subject":"palinsesto.token.x","event":"revoked"}` + "\n{"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "facts-2026.jsonl"), raw, 0o600))
		o, err := backup.OpenOutside(dir)
		require.NoError(t, err)
		facts, _, err := o.Facts("l", 0)
		require.NoError(t, err)
		for i, x := range facts {
			require.True(t, i == 0 || facts[i-1].Seq <= x.Seq)
		}
	})
}

func FuzzMark(f *testing.F) {
	f.Add([]byte(`{"log":"l","seq":3,"at":"2026-11-22T10:00:00Z","place":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "mark.json"), raw, 0o600))
		if o, err := backup.OpenOutside(dir); err == nil {
			_ = o.Seen()
		} else {
			require.Less(t, len(err.Error()), 1000)
		}
	})
}
