// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

// A snapshot inside a backup that somebody forged, sums and all: the server takes it or says no, and what
// it took can be read.
func FuzzPut(f *testing.F) {
	from := bustest.Server(f)
	b := bustest.Connect(f, from)
	for i := range 3 {
		_, err := b.Append(context.Background(), bus.Append{Subject: contract.HoldSubject, Event: "placed", Expect: uint64(i), Data: []byte("x")})
		require.NoError(f, err)
	}
	out := streams(f, from)
	var copied bytes.Buffer
	st, err := out.Save(context.Background(), contract.Stream, &copied)
	require.NoError(f, err)
	tar, err := io.ReadAll(s2.NewReader(&copied))
	require.NoError(f, err)
	f.Add(uint32(0), []byte(nil), false)
	for at := 0; at < len(tar); at += 512 { // each header, and the first bytes of each file
		f.Add(uint32(at), []byte("x"), false)
		f.Add(uint32(at+100), []byte{0xff, 0xff, 0xff, 0x7f}, at%1024 == 0)
	}
	in := streams(f, bustest.Server(f))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut bool) {
		forged := bytes.Clone(tar)
		copy(forged[int(at)%len(forged):], patch)
		if cut {
			forged = forged[:int(at)%len(forged)]
		}
		var packed bytes.Buffer
		w := s2.NewWriter(&packed)
		_, err := w.Write(forged)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err = in.Put(ctx, st, 1, &packed)
		require.NoError(t, ctx.Err(), "an answer comes")
		if err == nil {
			_, err = in.Save(ctx, contract.Stream, io.Discard)
			require.NoError(t, ctx.Err(), "what was taken can be read or not: %v", err)
			require.NoError(t, in.Remove(ctx, contract.Stream))
		}
	})
}
