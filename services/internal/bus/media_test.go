// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
)

// A form gives its file in small pieces; the store must not make a message of each.
func TestUploadInSmallPieces(t *testing.T) {
	s := bustest.Server(t)
	b, ctx := bustest.Connect(t, s), context.Background()
	data := bytes.Repeat([]byte("immagine"), 32<<10)
	require.NoError(t, b.PutUpload(ctx, "u", iotest.OneByteReader(bytes.NewReader(data))))
	require.Less(t, uploadMessages(t, s), uint64(10))
	got, err := b.TakeUpload(ctx, "u", int64(len(data)))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

// An upload that breaks off is an error, and nothing of it stays on the disk.
func TestUploadBrokenOff(t *testing.T) {
	s := bustest.Server(t)
	b := bustest.Connect(t, s)
	start := strings.NewReader(strings.Repeat("immagine", 64<<10))
	for name, end := range map[string]io.Reader{
		"a form without its end": iotest.ErrReader(io.ErrUnexpectedEOF),
		"somebody who has left":  iotest.ErrReader(context.Canceled),
	} {
		_, err := start.Seek(0, io.SeekStart)
		require.NoError(t, err)
		require.Error(t, b.PutUpload(context.Background(), "u", io.MultiReader(start, end)), name)
		require.Zero(t, uploadMessages(t, s), name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := start.Seek(0, io.SeekStart)
	require.NoError(t, err)
	left := readerFunc(func(p []byte) (int, error) {
		cancel()
		return 0, nil
	})
	require.ErrorIs(t, b.PutUpload(ctx, "u", io.MultiReader(start, left)), context.Canceled)
	require.Zero(t, uploadMessages(t, s), "the end of a request")
	require.NoError(t, b.DropUpload(context.Background(), "u"))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// uploadMessages counts what is kept of uploads.
func uploadMessages(t *testing.T, s *embednats.Server) uint64 {
	t.Helper()
	nc, err := nats.Connect(s.URL(), nats.UserInfo("test", "test"))
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(context.Background(), "OBJ_palinsesto-uploads")
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

func TestWhoBroughtMedia(t *testing.T) {
	b, ctx := bustest.New(t), context.Background()
	one, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
	require.NoError(t, b.Bring(ctx, one, "pesaro"))
	require.NoError(t, b.Bring(ctx, one, "pesaro"))
	for _, c := range []struct {
		hash, centre string
		brought      bool
	}{{one, "pesaro", true}, {one, "urbino", false}, {other, "pesaro", false}, {one, "", false}} {
		brought, err := b.Brought(ctx, c.hash, c.centre)
		require.NoError(t, err)
		require.Equal(t, c.brought, brought, c)
	}
}
