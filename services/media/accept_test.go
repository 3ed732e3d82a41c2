// SPDX-License-Identifier: AGPL-3.0-or-later

package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color/palette"
	"image/gif"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
	"github.com/palinsesto/palinsesto/services/media/clean"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestAcceptKeepsTheCleanedFileOnly(t *testing.T) {
	s, ctx := newHouse(t), context.Background()
	raw := sample(t, "saldatura-tig.jpg")
	upload(t, s.Bus, "u-1", raw)
	r, err := s.tryAccept(ctx, palinsesto.AcceptMedia{
		Command: palinsesto.Command{Actor: referente}, Upload: "u-1", Filename: `C:\foto\saldatura-tig.JPEG`, Alt: "  Mani che saldano un tubo ",
	})
	require.NoError(t, err)
	m := r.Media
	require.Equal(t, "saldatura-tig.JPEG", m.Filename, "no path of somebody's machine")
	require.Equal(t, "Mani che saldano un tubo", m.Alt)
	require.Equal(t, "image", m.Kind)
	require.Equal(t, "image/jpeg", m.MIME)
	require.Positive(t, m.Width)

	kept := content(t, s.Bus, m.Hash)
	require.Equal(t, hashOf(kept), m.Hash)
	require.Len(t, kept, int(m.Bytes))
	require.False(t, bytes.Contains(kept, []byte("Exif")), "metadata must be gone")

	info, err := s.Bus.MediaInfo(ctx, m.Hash)
	require.NoError(t, err)
	want := m
	want.Filename, want.Alt = "", ""
	require.Equal(t, want, info, "one centre's words are not another's")

	_, err = s.Bus.TakeUpload(ctx, "u-1", 1<<20)
	require.ErrorIs(t, err, bus.ErrNone, "the upload must be gone")
}

func TestAcceptTellsWhatItTookOut(t *testing.T) {
	s := newHouse(t)
	still := image.NewPaletted(image.Rect(0, 0, 20, 10), palette.Plan9)
	var file bytes.Buffer
	require.NoError(t, gif.Encode(&file, still, nil))
	upload(t, s.Bus, "u", file.Bytes())
	r, err := s.tryAccept(context.Background(), palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: redattore}, Upload: "u", Filename: "jobday.gif"})
	require.NoError(t, err)
	require.Equal(t, "image/png", r.Media.MIME)
	require.Equal(t, "jobday.png", r.Media.Filename)
	require.NotEmpty(t, r.Notes)
	for _, n := range r.Notes {
		require.Equal(t, palinsesto.LevelFix, n.Level)
		require.True(t, strings.HasSuffix(n.Text, "."), n.Text)
	}
}

// Who brought a file may name it, whoever brought the same bytes before.
func TestAcceptRemembersWhoBroughtIt(t *testing.T) {
	s, ctx := newHouse(t), context.Background()
	m := s.accepted(t, "a.png", picture(t, 40, 30))
	jesi := palinsesto.Actor{ID: "token:3", Role: palinsesto.RoleReferente, Centre: "jesi"}
	for _, want := range []bool{false, true} {
		for centre, brought := range map[string]bool{referente.Centre: true, jesi.Centre: want} {
			got, err := s.Bus.Brought(ctx, m.Hash, centre)
			require.NoError(t, err)
			require.Equal(t, brought, got, centre)
		}
		upload(t, s.Bus, "b.png", picture(t, 40, 30))
		_, err := s.tryAccept(ctx, palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: jesi}, Upload: "b.png", Filename: "b.png"})
		require.NoError(t, err)
	}
}

// The same file twice is one file.
func TestAcceptTwice(t *testing.T) {
	s := newHouse(t)
	first, second := s.accepted(t, "a.png", picture(t, 40, 30)), s.accepted(t, "b.png", picture(t, 40, 30))
	require.Equal(t, first.Hash, second.Hash)
	require.Equal(t, "b.png", second.Filename)
}

func TestAcceptRefuses(t *testing.T) {
	good := picture(t, 30, 20)
	as := func(r palinsesto.Role, centre string) palinsesto.Actor {
		return palinsesto.Actor{ID: "token:9", Role: r, Centre: centre}
	}
	for name, c := range map[string]struct {
		by       palinsesto.Actor
		data     []byte
		upload   string // name that the command gives; empty: that of the upload
		alt      string
		change   func(*Service)
		code     palinsesto.Code
		problems string
	}{
		"a reader":                  {by: as(palinsesto.RoleLettore, ""), data: good, code: palinsesto.CodeForbidden},
		"an operator":               {by: as(palinsesto.RoleOperatore, ""), data: good, code: palinsesto.CodeForbidden},
		"an admin":                  {by: as(palinsesto.RoleAdmin, ""), data: good, code: palinsesto.CodeForbidden},
		"a referente of no centre":  {by: as(palinsesto.RoleReferente, ""), data: good, code: palinsesto.CodeForbidden},
		"nobody":                    {by: palinsesto.Actor{Role: palinsesto.RoleRedattore}, data: good, code: palinsesto.CodeForbidden},
		"no such upload":            {by: referente, data: good, upload: "other", code: palinsesto.CodeNotFound},
		"an endless name":           {by: referente, data: good, upload: strings.Repeat("x", 200), code: palinsesto.CodeNotFound},
		"an alt that says nothing":  {by: referente, data: good, alt: "immagine", code: palinsesto.CodeInvalid, problems: "A-ALT"},
		"a file of unknown type":    {by: referente, data: []byte("#!/bin/sh\nrm -rf /\n"), code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"a bitmap":                  {by: referente, data: sample(t, "openday.bmp"), code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"an animation":              {by: referente, data: sample(t, "jobday.gif"), code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"half an image":             {by: referente, data: good[:len(good)/2], code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"too many pixels":           {by: referente, data: good, change: func(s *Service) { s.limits.MaxPixels = 100 }, code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"too many bytes":            {by: referente, data: good, change: func(s *Service) { s.limits.MaxBytes = 100 }, code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"a video of too many bytes": {by: referente, data: sample(t, "giulia.mp4"), change: func(s *Service) { s.cfg.Media.VideoBytes = 10 }, code: palinsesto.CodeInvalid, problems: "V-MEDIA"},
		"a decoder that panics": {by: referente, data: good, code: palinsesto.CodeInvalid, problems: "V-MEDIA", change: func(s *Service) {
			s.cleaner = func([]byte, clean.Limits) (clean.Result, error) { panic("index out of range") }
		}},
		"a decoder that breaks": {by: referente, data: good, code: palinsesto.CodeInternal, change: func(s *Service) {
			s.cleaner = func([]byte, clean.Limits) (clean.Result, error) { return clean.Result{}, errors.New("no memory") }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHouse(t)
			if c.change != nil {
				c.change(s)
			}
			upload(t, s.Bus, "u", c.data)
			if c.upload == "" {
				c.upload = "u"
			}
			_, err := s.tryAccept(context.Background(), palinsesto.AcceptMedia{
				Command: palinsesto.Command{Actor: c.by}, Upload: c.upload, Filename: "f", Alt: c.alt,
			})
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
			var e *palinsesto.Error
			if c.problems != "" {
				require.ErrorAs(t, err, &e)
				require.Len(t, e.Problems, 1)
				require.Equal(t, c.problems, e.Problems[0].Code)
				require.NotEmpty(t, e.Problems[0].Text)
			}
		})
	}
}

func TestAcceptRefusesWhenTheDiskIsFull(t *testing.T) {
	b := bustest.Connect(t, bustest.Server(t), func(o *bus.Options) {
		o.Floor, o.Space = 100, func() (uint64, error) { return 99, nil }
	})
	s := room(t, b)
	upload(t, b, "u", picture(t, 10, 10))
	cmd := palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: referente}, Upload: "u"}
	_, err := s.tryAccept(context.Background(), cmd)
	require.Equal(t, palinsesto.CodeFull, palinsesto.CodeOf(err))
	_, err = b.TakeUpload(context.Background(), "u", 1<<20)
	require.NoError(t, err, "the upload stays until there is room again, or its hour is over")
}

func TestMalformedCommands(t *testing.T) {
	s := newHouse(t)
	for _, handle := range []func(context.Context, []byte) ([]byte, error){s.accept, s.derive} {
		_, err := handle(context.Background(), []byte{0xff, 0xff})
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err))
	}
}

// One file is worked on at a time; who waits too long is told so, and the upload is still there.
func TestOneFileAtATime(t *testing.T) {
	s := newHouse(t)
	var now, most atomic.Int32
	entered, leave := make(chan struct{}, 8), make(chan struct{})
	s.cleaner = func(data []byte, l clean.Limits) (clean.Result, error) {
		most.Store(max(most.Load(), now.Add(1)))
		entered <- struct{}{}
		<-leave
		defer now.Add(-1)
		return clean.Clean(data, l)
	}
	done := make(chan error, 4)
	for _, name := range []string{"a", "b", "c", "d"} {
		upload(t, s.Bus, name, picture(t, 20, 20))
		go func() {
			_, err := s.tryAccept(context.Background(), palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: referente}, Upload: name})
			done <- err
		}()
	}
	<-entered
	upload(t, s.Bus, "late", picture(t, 20, 20))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.tryAccept(gone, palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: referente}, Upload: "late"})
	require.Equal(t, palinsesto.CodeBusy, palinsesto.CodeOf(err))
	close(leave)
	for range 4 {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, 1, most.Load())
	_, err = s.Bus.TakeUpload(context.Background(), "late", 1<<20)
	require.NoError(t, err)
}

// The room answers on the bus, and ends cleanly.
func TestRun(t *testing.T) {
	server := bustest.Server(t)
	s, caller := room(t, bustest.Connect(t, server)), bustest.Connect(t, server)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	upload(t, caller, "u", picture(t, 16, 16))
	cmd, err := contract.EncodeAcceptMedia(palinsesto.AcceptMedia{Command: palinsesto.Command{Actor: referente}, Upload: "u"})
	require.NoError(t, err)
	var raw []byte
	for palinsesto.CodeOf(err) == "" || palinsesto.CodeOf(err) == palinsesto.CodeBusy { // until the room listens
		if raw, err = caller.Request(context.Background(), "media", "accept", cmd); err == nil {
			break
		}
	}
	require.NoError(t, err)
	r, err := contract.DecodeMediaReply(raw)
	require.NoError(t, err)
	require.Equal(t, "image", r.Media.Kind)
	stop()
	require.NoError(t, <-ended)
}
