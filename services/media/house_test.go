// SPDX-License-Identifier: AGPL-3.0-or-later

package media

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var (
	referente = palinsesto.Actor{ID: "token:1", Name: "Elena", Role: palinsesto.RoleReferente, Centre: "ancona"}
	redattore = palinsesto.Actor{ID: "token:2", Name: "Redazione", Role: palinsesto.RoleRedattore}
)

func room(t testing.TB, b *bus.Bus) *Service {
	t.Helper()
	cfg := &config.Config{Media: config.Media{ImageBytes: 20 << 20, ImagePixels: 50_000_000, VideoBytes: 64 << 20, PerItem: 10}}
	s, err := New(cfg, Deps{Bus: b, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return s
}

func upload(t testing.TB, b *bus.Bus, name string, data []byte) {
	t.Helper()
	require.NoError(t, b.PutUpload(context.Background(), name, bytes.NewReader(data)))
}

func (s *Service) tryAccept(ctx context.Context, cmd palinsesto.AcceptMedia) (contract.MediaReply, error) {
	data, err := contract.EncodeAcceptMedia(cmd)
	if err != nil {
		return contract.MediaReply{}, err
	}
	raw, err := s.accept(ctx, data)
	if err != nil {
		return contract.MediaReply{}, err
	}
	return contract.DecodeMediaReply(raw)
}

func (s *Service) tryDerive(t testing.TB, by palinsesto.Actor, m palinsesto.Media, network string) (contract.MediaReply, error) {
	t.Helper()
	data, err := contract.EncodeDeriveMedia(palinsesto.DeriveMedia{Command: palinsesto.Command{Actor: by}, Media: m, Network: network})
	require.NoError(t, err)
	raw, err := s.derive(context.Background(), data)
	if err != nil {
		return contract.MediaReply{}, err
	}
	r, err := contract.DecodeMediaReply(raw)
	require.NoError(t, err)
	return r, nil
}

// accepted uploads and accepts a file.
func (s *Service) accepted(t testing.TB, name string, data []byte) palinsesto.Media {
	t.Helper()
	upload(t, s.Bus, name, data)
	r, err := s.tryAccept(context.Background(), palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: referente}, Upload: name, Filename: name})
	require.NoError(t, err)
	return r.Media
}

func content(t testing.TB, b *bus.Bus, hash string) []byte {
	t.Helper()
	r, err := b.OpenMedia(context.Background(), hash)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return data
}

// picture is an image of a size, not all of one colour.
func picture(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x * y), A: 255})
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img))
	return out.Bytes()
}

// sample reads a file of the samples, which lie beside the repository.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.work above the test")
		dir = filepath.Dir(dir)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "shared", "samples", "media", name))
	require.NoError(t, err)
	return data
}

func newHouse(t testing.TB) *Service {
	t.Helper()
	return room(t, bustest.New(t))
}
