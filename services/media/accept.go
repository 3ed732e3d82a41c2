// SPDX-License-Identifier: AGPL-3.0-or-later

package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/media/clean"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// accept cleans an upload and keeps the result: what was uploaded is gone afterwards, with the place
// and the device that it may have named.
func (s *Service) accept(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeAcceptMedia(data)
	if err != nil {
		return nil, malformed(err)
	}
	if cmd.Actor.ID == "" || !cmd.Actor.Can(palinsesto.ActSubmit, cmd.Actor.Centre) {
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden,
			"Il ruolo non permette di caricare file.", "This role may not upload files.")
	}
	if err := s.Bus.Full(); err != nil {
		return nil, err
	}
	m := palinsesto.Media{Filename: rules.FileName(cmd.Filename), Alt: cmd.Alt}
	found := aboutAlt(&m)
	if rules.Refused(found) {
		return nil, &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Il file non è stato preso.", TextEN: "The file was not taken.", Problems: found}
	}
	m, notes, err := s.cleaned(ctx, cmd.Upload, m)
	if err != nil {
		return nil, err
	}
	if centre, everywhere, _ := cmd.Actor.Sees(); !everywhere {
		if err := s.Bus.Bring(ctx, m.Hash, centre); err != nil {
			return nil, err
		}
	}
	return reply(m, append(found, notes...))
}

// aboutAlt judges the alternative text if there is one; it may also come later, with the segnalazione.
func aboutAlt(m *palinsesto.Media) []palinsesto.Problem {
	if strings.TrimSpace(m.Alt) == "" {
		m.Alt = ""
		return nil
	}
	return rules.Alt("alt", m)
}

// cleaned takes the upload only when its turn has come: until then it stays where it is, and out of memory.
func (s *Service) cleaned(ctx context.Context, upload string, m palinsesto.Media) (palinsesto.Media, []palinsesto.Problem, error) {
	done, err := s.take(ctx)
	if err != nil {
		return m, nil, err
	}
	defer done()
	raw, err := s.uploaded(ctx, upload)
	if err != nil {
		return m, nil, err
	}
	res, err := s.guarded("accept", func() (clean.Result, error) { return s.cleaner(raw, s.limits) })
	if err != nil {
		return m, nil, err
	}
	if most := s.cfg.Media.VideoBytes; res.Kind == clean.Video && int64(len(res.Data)) > most {
		return m, nil, refused(
			fmt.Sprintf("Il video pesa %d MB, il massimo è %d. Ridurne la durata o la qualità e caricarlo di nuovo.", len(res.Data)>>20+1, most>>20),
			fmt.Sprintf("The video weighs %d MB, at most %d are taken. Make it shorter or reduce its quality.", len(res.Data)>>20+1, most>>20))
	}
	m, err = s.keep(ctx, res, m.Filename, m.Alt)
	return m, notesOf(res.Notes), err
}

// maxUploadName is more than any name that api gives.
const maxUploadName = 128

func (s *Service) uploaded(ctx context.Context, name string) ([]byte, error) {
	err := bus.ErrNone
	var raw []byte
	if name != "" && len(name) <= maxUploadName {
		raw, err = s.Bus.TakeUpload(ctx, name, s.limits.MaxBytes)
	}
	if errors.Is(err, bus.ErrNone) {
		return nil, palinsesto.Refuse(palinsesto.CodeNotFound,
			"Il file caricato non c'è più: forse era già stato preso, o è passata più di un'ora. Caricarlo di nuovo.",
			"The uploaded file is not there any more: upload it again.")
	}
	return raw, err
}

// notesOf tells what was taken out of a file or changed.
func notesOf(notes []string) []palinsesto.Problem {
	var out []palinsesto.Problem
	for _, n := range notes {
		out = append(out, palinsesto.Problem{Code: clean.Code, Level: palinsesto.LevelFix, Field: "media", Text: n + "."})
	}
	return out
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
