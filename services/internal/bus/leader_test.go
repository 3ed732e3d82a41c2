// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The leader says of a subject what a plain read says, wildcards included.
func TestLoadSure(t *testing.T) {
	b := bustest.New(t)
	id := palinsesto.DeriveID("seg", "1")
	_, err := bus.LoadSure(t.Context(), b, contract.Segnalazioni, contract.AnySeg(id))
	require.ErrorIs(t, err, bus.ErrNone)
	var cur contract.Event[palinsesto.Segnalazione]
	cur.Subject = contract.SegSubject("jesi", id)
	for _, event := range []string{"submitted", "revised"} {
		cur, err = bus.Put(t.Context(), b, contract.Segnalazioni, cur, event, contract.Envelope{}, palinsesto.Segnalazione{ID: id, Centre: "jesi"})
		require.NoError(t, err)
	}
	for _, subject := range []string{contract.AnySeg(id), contract.SegSubject("jesi", id)} {
		plain, err := bus.Load(t.Context(), b, contract.Segnalazioni, subject)
		require.NoError(t, err)
		sure, err := bus.LoadSure(t.Context(), b, contract.Segnalazioni, subject)
		require.NoError(t, err)
		require.Equal(t, plain, sure)
	}
}

// In a cluster a lagging replica may answer a plain read: nobody is told no because of it.
func TestNoIsSaidByTheLeader(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t))
	bus.AsReplicated(b)
	subject := contract.SegSubject("jesi", palinsesto.DeriveID("seg", "2"))
	asked := 0
	_, err := bus.Update(t.Context(), b, contract.Segnalazioni, subject, contract.Envelope{},
		func(contract.Event[palinsesto.Segnalazione]) (bus.Decision[palinsesto.Segnalazione], error) {
			asked++
			return bus.Decision[palinsesto.Segnalazione]{}, errors.New("no")
		})
	require.Error(t, err)
	require.Equal(t, 2, asked, "once on what any server said, once on the leader's word")
}

// Nor is a file that was just stored called missing: at intake that would refuse a segnalazione.
func TestFileIsMissingOnTheLeadersWordOnly(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t))
	bus.AsReplicated(b)
	data := []byte("immagine")
	m := palinsesto.Media{Hash: strings.Repeat("ab", 32), Kind: "image", MIME: "image/jpeg", Bytes: int64(len(data))}
	require.NoError(t, b.PutMedia(t.Context(), m, data))
	require.NoError(t, b.Bring(t.Context(), m.Hash, "jesi"))
	require.NoError(t, b.PutUpload(t.Context(), "u", bytes.NewReader(data)))

	bus.Lag(b, 1)
	got, err := b.MediaInfo(t.Context(), m.Hash)
	require.NoError(t, err)
	require.Equal(t, m, got)
	bus.Lag(b, 1)
	brought, err := b.Brought(t.Context(), m.Hash, "jesi")
	require.NoError(t, err)
	require.True(t, brought)
	bus.Lag(b, 4) // the object, what is known of it, and both again
	r, err := b.OpenMedia(t.Context(), m.Hash)
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(r, data))
	require.NoError(t, r.Close())
	bus.Lag(b, 2)
	raw, err := b.TakeUpload(t.Context(), "u", 1<<20)
	require.NoError(t, err)
	require.Equal(t, data, raw)

	_, err = b.TakeUpload(t.Context(), "u", 1<<20)
	require.ErrorIs(t, err, bus.ErrNone, "it was taken")
	_, err = b.MediaInfo(t.Context(), strings.Repeat("cd", 32))
	require.ErrorIs(t, err, bus.ErrNone)
}

// A server that lags reads the log for us: its end is not the log's. An index made from it would lack what
// came after, and a stop would not hear of it.
func TestSnapshotOfALaggingServer(t *testing.T) {
	b := bustest.New(t)
	put := func(i int) uint64 {
		seq, err := b.Append(t.Context(), bus.Append{Subject: subject(i), Event: "queued"})
		require.NoError(t, err)
		return seq
	}
	put(0)
	last := put(1)
	var seen []string
	err := bus.SnapshotUpTo(t.Context(), b, last+1, func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			seen = append(seen, r.Subject)
		}
		if len(seen) == 2 { // it catches up only now
			put(2)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{subject(0), subject(1), subject(2)}, seen)
}
