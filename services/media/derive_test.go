// SPDX-License-Identifier: AGPL-3.0-or-later

package media

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/media/clean"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestDerive(t *testing.T) {
	s := newHouse(t)
	large, small := s.accepted(t, "large.png", picture(t, 2700, 150)), s.accepted(t, "small.png", picture(t, 300, 300))
	video := s.accepted(t, "giulia.mp4", sample(t, "giulia.mp4"))
	captions := s.accepted(t, "giulia.srt", sample(t, "giulia.srt"))
	large.Alt = "Una sala piena di persone"

	r, err := s.tryDerive(t, redattore, large, "telegram")
	require.NoError(t, err)
	require.NotEqual(t, large.Hash, r.Media.Hash)
	require.Equal(t, 2560, r.Media.Width)
	require.Equal(t, large.Alt, r.Media.Alt)
	require.NotEmpty(t, r.Notes)
	data := content(t, s.Bus, r.Media.Hash)
	require.Equal(t, r.Media.Hash, hashOf(data))
	again, err := s.tryDerive(t, palinsesto.Room("approval"), large, "telegram")
	require.NoError(t, err)
	require.Equal(t, r.Media, again.Media, "the same derivative each time")
	further, err := s.tryDerive(t, redattore, r.Media, "telegram")
	require.NoError(t, err)
	require.Equal(t, r.Media, further.Media, "what fits stays")

	r, err = s.tryDerive(t, redattore, small, "instagram")
	require.NoError(t, err)
	require.Equal(t, "image/jpeg", r.Media.MIME)
	require.Equal(t, "small.jpg", r.Media.Filename)

	s.shaper = func([]byte, clean.Target) (clean.Result, error) { panic("nothing has to be decoded for these") }
	for _, m := range []palinsesto.Media{small, video, captions} {
		r, err := s.tryDerive(t, redattore, m, "telegram")
		require.NoError(t, err)
		require.Equal(t, m, r.Media)
	}
}

func TestDeriveRefuses(t *testing.T) {
	s := newHouse(t)
	ribbon := s.accepted(t, "ribbon.png", picture(t, 2100, 20))
	large := s.accepted(t, "large.png", picture(t, 2600, 30))
	for name, c := range map[string]struct {
		by      palinsesto.Actor
		hash    string
		network string
		broken  bool
		code    palinsesto.Code
	}{
		"a referente":           {referente, large.Hash, "telegram", false, palinsesto.CodeForbidden},
		"nobody":                {palinsesto.Actor{Role: palinsesto.RoleRedattore}, large.Hash, "telegram", false, palinsesto.CodeForbidden},
		"an unknown network":    {redattore, large.Hash, "tiktok", false, palinsesto.CodeInvalid},
		"no hash":               {redattore, "", "telegram", false, palinsesto.CodeInvalid},
		"an unknown hash":       {redattore, strings.Repeat("0", 64), "telegram", false, palinsesto.CodeInvalid},
		"a hash with wildcards": {redattore, strings.Repeat("*", 64), "telegram", false, palinsesto.CodeInvalid},
		"an impossible shape":   {redattore, ribbon.Hash, "telegram", false, palinsesto.CodeInvalid},
		"a decoder that panics": {redattore, large.Hash, "telegram", true, palinsesto.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := room(t, s.Bus)
			if c.broken {
				s.shaper = func([]byte, clean.Target) (clean.Result, error) { panic("makeslice: len out of range") }
			}
			_, err := s.tryDerive(t, c.by, palinsesto.Media{Hash: c.hash}, c.network)
			require.Equal(t, c.code, palinsesto.CodeOf(err), "%v", err)
		})
	}
}

// What fits by its figures is what the network's own check lets pass.
func TestFitsAgreesWithTheCheck(t *testing.T) {
	for _, name := range network.Names() {
		l, _ := network.For(name)
		for _, m := range []palinsesto.Media{
			{MIME: "image/jpeg", Bytes: 1000, Width: 1000, Height: 1000}, {MIME: "image/png", Bytes: 1000, Width: 900, Height: 900},
			{MIME: "image/jpeg", Bytes: 30 << 20, Width: 1000, Height: 1000}, {MIME: "image/jpeg", Bytes: 1000, Width: 9000, Height: 9000},
			{MIME: "image/jpeg", Bytes: 1000, Width: 5000, Height: 100}, {MIME: "image/jpeg", Bytes: 1000},
		} {
			m.Kind, m.Hash = "image", strings.Repeat("0", 64)
			if !fits(m, targetOf(l.Image)) || l.NeedsVideo {
				continue
			}
			for _, p := range network.Check(name, palinsesto.Variant{Parts: []palinsesto.Part{{Text: "x", Media: []palinsesto.Media{m}}}}) {
				require.NotEqual(t, "V-MEDIA", p.Code, "%s: %+v: %s", name, m, p.TextEN)
			}
		}
	}
}

func TestDeriveTellsOfMediaThatWentMissing(t *testing.T) {
	s := newHouse(t)
	_, err := s.tryDerive(t, redattore, palinsesto.Media{Hash: hashOf([]byte("gone"))}, "telegram")
	var e *palinsesto.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, clean.Code, e.Problems[0].Code)
	_, err = s.stored(context.Background(), palinsesto.Media{Hash: hashOf([]byte("gone")), Bytes: 3})
	require.Error(t, err)
}
