// SPDX-License-Identifier: AGPL-3.0-or-later

// Package media is the room that looks after files: it turns what was uploaded into what the house
// keeps (accept.go), and that into what a network takes (derive.go). Files are hostile input: package
// clean bounds them before decoding, and here one is decoded at a time, since a single large image
// needs as much memory as the rest of the house.
package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/media/clean"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Deps are what the room works with.
type Deps struct {
	Bus   *bus.Bus
	Index *index.Index
	Clock func() time.Time
	Log   *slog.Logger
}

// Service is the room.
type Service struct {
	Deps
	cfg     *config.Config
	limits  clean.Limits
	bench   chan struct{} // whoever holds its place may have a file in memory
	cleaner func([]byte, clean.Limits) (clean.Result, error)
	shaper  func([]byte, clean.Target) (clean.Result, error)
}

// New makes the room.
func New(cfg *config.Config, d Deps) (*Service, error) {
	return &Service{
		Deps: d, cfg: cfg, limits: limitsOf(cfg.Media), bench: make(chan struct{}, 1),
		cleaner: clean.Clean, shaper: clean.Derive,
	}, nil
}

// limitsOf brings the configuration's bounds into those of package clean. An image that is taken must
// be one that Derive can work on later, so Derive's bound on pixels stands above the configuration's.
func limitsOf(m config.Media) clean.Limits {
	l := clean.Default()
	l.MaxImageBytes = m.ImageBytes
	l.MaxPixels = min(m.ImagePixels, l.MaxPixels)
	l.MaxBytes = max(m.ImageBytes, m.VideoBytes, l.MaxCaptionBytes)
	return l
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.Bus.Serve(ctx, "media", "cleans uploaded files and makes what networks take",
		bus.Endpoint{Verb: "accept", Handle: s.accept},
		bus.Endpoint{Verb: "derive", Handle: s.derive},
	)
}

// take waits for the one place where files are worked on; the result gives it back.
func (s *Service) take(ctx context.Context) (func(), error) {
	select {
	case s.bench <- struct{}{}:
		return func() { <-s.bench }, nil
	case <-ctx.Done():
		return nil, palinsesto.Refuse(palinsesto.CodeBusy,
			"Molti file in lavorazione: questo non ha avuto il suo turno. Riprovare fra un minuto.",
			"Many files are being worked on: this one did not get its turn. Try again in a minute.")
	}
}

// largeImage is from how many pixels on an image leaves so much behind that it is given back at once.
const largeImage = 8_000_000

// guarded runs a decoder. What a hostile file makes of it is a refusal of that file, not an end of the room.
func (s *Service) guarded(what string, work func() (clean.Result, error)) (res clean.Result, err error) {
	defer func() {
		if x := recover(); x != nil {
			s.Log.Error("a decoder panicked", "at", what, "panic", x, "stack", string(debug.Stack()))
			err = refused("Il file è danneggiato: non si riesce a leggerlo. Aprirlo, salvarlo di nuovo e ricaricarlo.",
				"The file is damaged and cannot be read. Open it, save it again and upload it again.")
		}
	}()
	res, err = work()
	if res.Width*res.Height >= largeImage {
		debug.FreeOSMemory() // the next one on the bench must not find it lying there
	}
	var r *clean.Refusal
	if errors.As(err, &r) {
		s.Log.Info("file refused", "at", what, "why", r.TextEN, "cause", errors.Unwrap(r))
		return res, refused(r.Text, r.TextEN)
	}
	return res, err
}

// keep stores a file under its hash and tells what the house knows of it.
func (s *Service) keep(ctx context.Context, res clean.Result, name, alt string) (palinsesto.Media, error) {
	m := palinsesto.Media{
		Hash: hashOf(res.Data), Filename: named(name, res.Ext), Alt: alt, Kind: string(res.Kind), MIME: res.MIME,
		Bytes: int64(len(res.Data)), Width: res.Width, Height: res.Height,
	}
	if err := s.Bus.PutMedia(ctx, m, res.Data); err != nil {
		return m, fmt.Errorf("keep %s: %w", m.Hash, err)
	}
	return m, nil
}

// named gives a name the ending of what the file is now: a GIF that became a PNG must not be called GIF.
func named(name, ext string) string {
	was := path.Ext(name)
	if name == "" || strings.EqualFold(was, ext) || ext == ".jpg" && strings.EqualFold(was, ".jpeg") {
		return name
	}
	return strings.TrimSuffix(name, was) + ext
}

func refused(it, en string) error {
	return &palinsesto.Error{
		Code: palinsesto.CodeInvalid, Text: "Il file non è stato preso.", TextEN: "The file was not taken.",
		Problems: []palinsesto.Problem{{Code: clean.Code, Level: palinsesto.LevelError, Field: "media", Text: it, TextEN: en}},
	}
}

func malformed(err error) error {
	return palinsesto.Refuse(palinsesto.CodeInvalid, "Comando non leggibile.", "Malformed command: "+err.Error())
}

func reply(m palinsesto.Media, notes []palinsesto.Problem) ([]byte, error) {
	return contract.EncodeMediaReply(contract.MediaReply{Media: m, Notes: notes})
}
