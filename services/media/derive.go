// SPDX-License-Identifier: AGPL-3.0-or-later

package media

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/media/clean"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// derive makes of a stored file what a network takes. The same file and network give the same bytes,
// so asking twice stores once. Of a file that fits, and of videos and captions, it is the file itself:
// whether the network takes it is for the check of the whole variant to say.
func (s *Service) derive(ctx context.Context, data []byte) ([]byte, error) {
	cmd, err := contract.DecodeDeriveMedia(data)
	if err != nil {
		return nil, malformed(err)
	}
	if cmd.Actor.ID == "" || !cmd.Actor.Can(palinsesto.ActReview, "") {
		return nil, palinsesto.Refuse(palinsesto.CodeForbidden,
			"Preparare i file per una rete spetta alla redazione.", "Preparing files for a network is for the newsroom.")
	}
	limits, known := network.For(cmd.Network)
	if !known {
		return nil, refused(fmt.Sprintf("La rete «%.40s» non esiste.", cmd.Network), fmt.Sprintf("There is no network %.40q.", cmd.Network))
	}
	m, err := s.Bus.MediaInfo(ctx, cmd.Media.Hash)
	if errors.Is(err, bus.ErrNone) {
		return nil, refused("Il file non è più nell'archivio. Caricarlo di nuovo e rivedere la segnalazione.",
			"The file is not in the store any more. Upload it again and revise the report.")
	}
	if err != nil {
		return nil, err
	}
	m.Filename, m.Alt = cmd.Media.Filename, cmd.Media.Alt
	target := targetOf(limits.Image)
	if m.Kind != string(clean.Image) || fits(m, target) {
		return reply(m, nil)
	}
	return s.derived(ctx, m, target)
}

func (s *Service) derived(ctx context.Context, m palinsesto.Media, t clean.Target) ([]byte, error) {
	done, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	raw, err := s.stored(ctx, m)
	if err != nil {
		return nil, err
	}
	res, err := s.guarded("derive", func() (clean.Result, error) { return s.shaper(raw, t) })
	if err != nil {
		return nil, err
	}
	m, err = s.keep(ctx, res, m.Filename, m.Alt)
	if err != nil {
		return nil, err
	}
	return reply(m, notesOf(res.Notes))
}

func (s *Service) stored(ctx context.Context, m palinsesto.Media) ([]byte, error) {
	r, err := s.Bus.OpenMedia(ctx, m.Hash)
	if err != nil {
		return nil, err
	}
	// The store checks the digest at the end: a damaged file is an error here, never another picture.
	raw, err := io.ReadAll(io.LimitReader(r, m.Bytes+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read media %s: %w", m.Hash, err)
	}
	return raw, nil
}

func targetOf(l network.ImageLimits) clean.Target {
	return clean.Target{MaxBytes: l.MaxBytes, MaxSum: l.MaxSum, MaxRatio: l.MaxRatio, MaxSide: l.MaxSide, JPEG: l.JPEG}
}

// fits tells from what is known of an image that nothing has to be done, so that it need not be decoded.
// A shape out of bounds does not: clean says so in a sentence.
func fits(m palinsesto.Media, t clean.Target) bool {
	short, long := min(m.Width, m.Height), max(m.Width, m.Height)
	switch {
	case short <= 0, t.JPEG && m.MIME != "image/jpeg":
		return false
	case t.MaxBytes > 0 && m.Bytes > t.MaxBytes, t.MaxSide > 0 && long > t.MaxSide, t.MaxSum > 0 && short+long > t.MaxSum:
		return false
	default:
		return t.MaxRatio <= 0 || float64(long) <= t.MaxRatio*float64(short)
	}
}
