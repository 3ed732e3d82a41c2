// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type mediaInput struct {
	Hash string `path:"hash" maxLength:"64"`
}

// streamOutput writes its answer itself.
type streamOutput struct {
	Body func(huma.Context)
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// shown are the types that a browser may show; all else is offered to be saved. Files were recognised
// by content and written anew by the media room, and are still kept from running anything.
var shown = map[string]string{
	"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "video/mp4": "mp4", "video/quicktime": "mov",
}

func (s *Service) getMedia(ctx context.Context, in *mediaInput) (*streamOutput, error) {
	if !hashForm.MatchString(in.Hash) {
		return nil, notFound()
	}
	if err := s.seesMedia(ctx, in.Hash); err != nil {
		return nil, err
	}
	m, err := s.Bus.MediaInfo(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	leave, ok := s.downloads.take(actorOf(ctx).ID)
	if !ok {
		return nil, palinsesto.Refuse(palinsesto.CodeBusy,
			"Troppi file in uscita nello stesso momento, per questo accesso o per tutti: aspettare che i primi siano arrivati, poi riprovare.",
			"Too many files are being sent at the same moment, to this access or to all: wait until the first have arrived, then try again.")
	}
	r, err := s.Bus.OpenMedia(ctx, in.Hash)
	if err != nil {
		leave()
		return nil, err
	}
	return &streamOutput{Body: func(hc huma.Context) {
		defer leave()
		defer r.Close()
		_, w := humago.Unwrap(hc)
		mediaHeaders(w.Header(), m)
		w.WriteHeader(http.StatusOK)
		if _, err := io.Copy(&patient{w, http.NewResponseController(w)}, r); err != nil {
			s.Log.DebugContext(ctx, "file not sent to its end", "media", in.Hash, "error", err)
		}
	}}, nil
}

// seesMedia: whoever sees all segnalazioni sees all files; a referente those that the own centre brought,
// or that a segnalazione of it names or will go out with. What is not seen is not there.
func (s *Service) seesMedia(ctx context.Context, hash string) error {
	centre, everywhere, ok := actorOf(ctx).Sees()
	switch {
	case !ok:
		return notFound()
	case everywhere:
		return nil
	}
	if brought, err := s.Bus.Brought(ctx, hash, centre); err != nil || brought {
		return err
	}
	q := index.Query{Set: "seg", Facets: []string{"media=" + hash, "centre=" + centre}, Limit: 1}
	for range fills {
		p, err := s.Index.List(ctx, q)
		if err != nil {
			return err
		}
		if len(p.Hits) > 0 {
			return nil
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	return notFound()
}

func mediaHeaders(h http.Header, m palinsesto.Media) {
	ending, inline := shown[m.MIME]
	how, kind := "attachment", "application/octet-stream"
	if inline {
		how, kind = "inline", m.MIME
	} else if m.Kind == "captions" {
		kind, ending = "text/plain; charset=utf-8", "vtt"
	} else {
		ending = "bin"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf(`%s; filename="%s.%s"`, how, m.Hash[:16], ending))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("ETag", `"`+m.Hash+`"`)
	// The bytes never change; who may see them does.
	h.Set("Cache-Control", "private, max-age=300")
	if m.Bytes > 0 {
		h.Set("Content-Length", strconv.FormatInt(m.Bytes, 10))
	}
}

// patient gives a slow reader all the time it needs as long as it takes bytes.
type patient struct {
	w io.Writer
	c *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.c.SetWriteDeadline(time.Now().Add(stall)) // of a test's recorder there is none
	return p.w.Write(b)
}

func mebibytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MiB" }

// cut shortens at a rune.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
