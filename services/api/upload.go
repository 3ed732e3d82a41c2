// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// uploadInput takes the request as it is: a file is streamed into the store and never held whole here.
type uploadInput struct {
	Filename string `query:"filename" maxLength:"255" doc:"With a raw body"`
	Alt      string `query:"alt" maxLength:"4000" doc:"With a raw body"`
	CommandHeaders

	r *http.Request
	w http.ResponseWriter
}

// Resolve keeps the request; huma calls it.
func (in *uploadInput) Resolve(hc huma.Context) []error {
	in.r, in.w = humago.Unwrap(hc)
	return in.CommandHeaders.Resolve(hc)
}

type uploadOutput struct {
	Location string `header:"Location"`
	Body     struct {
		MediaView
		Notes []Finding `json:"notes" doc:"What was taken out of the file or changed"`
	}
}

const (
	// stall is how long an upload may give no byte.
	stall = 30 * time.Second
	// slack and leastRate bound it in all: who gives a byte now and then would keep a place for ever.
	slack, leastRate = time.Minute, 32 << 10 // bytes a second
	// wordsMost bounds the fields beside the file, and the wrapping around them.
	wordsMost = 64 << 10
)

func (s *Service) upload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	if err := s.Bus.Full(); err != nil {
		unread(in.w)
		return nil, err
	}
	leave, ok := s.uploads.take(actorOf(ctx).ID)
	if !ok {
		unread(in.w)
		return nil, palinsesto.Refuse(palinsesto.CodeBusy,
			"Troppi file in arrivo nello stesso momento, da questo accesso o da tutti: aspettare che i primi siano arrivati, poi riprovare.",
			"Too many files are coming in at the same moment, from this access or from all: wait until the first have come in, then try again.")
	}
	defer leave()
	cmd := palinsesto.AcceptMedia{Command: palinsesto.Command{ID: newID(), Actor: actorOf(ctx), Trace: traceOf(in.Trace)},
		Filename: in.Filename, Alt: in.Alt}
	reply, err := s.accept(ctx, in, &cmd)
	if err != nil {
		s.drop(ctx, cmd.Upload)
		return nil, err
	}
	out := &uploadOutput{Location: "/api/v1/media/" + reply.Media.Hash}
	out.Body.MediaView, out.Body.Notes = mediaView(reply.Media), findings(reply.Notes, inEnglish(ctx))
	return out, nil
}

// accept receives the file and has it cleaned.
func (s *Service) accept(ctx context.Context, in *uploadInput, cmd *palinsesto.AcceptMedia) (contract.MediaReply, error) {
	if err := s.receive(ctx, in, cmd); err != nil {
		return contract.MediaReply{}, err
	}
	data, err := contract.EncodeAcceptMedia(*cmd)
	if err != nil {
		return contract.MediaReply{}, err
	}
	raw, err := s.Bus.Request(ctx, "media", "accept", data)
	if err != nil {
		return contract.MediaReply{}, err
	}
	return contract.DecodeMediaReply(raw)
}

// drop removes what was received in vain, with the place and the device that it may name.
func (s *Service) drop(ctx context.Context, upload string) {
	if upload == "" {
		return
	}
	if err := s.Bus.DropUpload(context.WithoutCancel(ctx), upload); err != nil {
		s.Log.WarnContext(ctx, "an upload stays for an hour", "request", requestID(ctx), "error", err)
	}
}

// unread has the answer sent without waiting for the rest of the file: net/http would first read some
// of it, to keep the connection.
func unread(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

// most is the largest file that the configuration takes.
func (s *Service) most() int64 { return max(s.cfg.Media.ImageBytes, s.cfg.Media.VideoBytes) }

func (s *Service) receive(ctx context.Context, in *uploadInput, cmd *palinsesto.AcceptMedia) error {
	if in.r.ContentLength > s.most()+wordsMost {
		unread(in.w)
		return s.tooLarge()
	}
	body := &slowly{r: http.MaxBytesReader(in.w, in.r.Body, s.most()+wordsMost), c: http.NewResponseController(in.w), began: time.Now()}
	kind, params, err := mime.ParseMediaType(in.r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		return s.receiveForm(ctx, multipart.NewReader(body, params["boundary"]), cmd)
	}
	if in.Filename == "" {
		return invalid("filename", "Indicare il nome del file (?filename=…), oppure inviare un modulo multipart/form-data.",
			"Give the file's name (?filename=…), or send multipart/form-data.")
	}
	return s.store(ctx, body, cmd)
}

// receiveForm takes the parts of a form in whatever order they come.
func (s *Service) receiveForm(ctx context.Context, form *multipart.Reader, cmd *palinsesto.AcceptMedia) error {
	for parts := 0; parts < 10; parts++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.unreadable(err)
		}
		if err := s.receivePart(ctx, part, cmd); err != nil {
			return err
		}
	}
	if cmd.Upload == "" {
		return invalid("file", "Manca il file: inviarlo nel campo «file».", "The file is missing: send it in the field \"file\".")
	}
	return nil
}

func (s *Service) receivePart(ctx context.Context, part *multipart.Part, cmd *palinsesto.AcceptMedia) error {
	var to *string
	switch part.FormName() {
	case "file":
		if cmd.Upload != "" {
			return invalid("file", "Un file per volta.", "One file at a time.")
		}
		if cmd.Filename == "" {
			cmd.Filename = part.FileName()
		}
		return s.store(ctx, part, cmd)
	case "alt":
		to = &cmd.Alt
	case "filename":
		to = &cmd.Filename
	default:
		return invalid(cut(part.FormName(), 40), "Campo sconosciuto: servono file, alt e filename.", "Unknown field: file, alt and filename are known.")
	}
	words, err := io.ReadAll(io.LimitReader(part, wordsMost+1))
	if err != nil {
		return s.unreadable(err)
	}
	if len(words) > wordsMost {
		return s.tooLarge()
	}
	*to = string(words)
	return nil
}

// store streams a file under a name that nobody can guess; what is kept is what media makes of it.
func (s *Service) store(ctx context.Context, r io.Reader, cmd *palinsesto.AcceptMedia) error {
	name := newID() + newID()
	exact := &upTo{r: r, left: s.most()}
	if err := s.Bus.PutUpload(ctx, name, exact); err != nil {
		if exact.err != nil {
			return s.unreadable(exact.err)
		}
		return err
	}
	cmd.Upload = name
	return nil
}

func (s *Service) unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) || errors.Is(err, errTooLarge) {
		return s.tooLarge()
	}
	return palinsesto.Refuse(palinsesto.CodeInvalid, "L'invio del file si è interrotto o il modulo non è leggibile: inviarlo di nuovo.",
		"The upload broke off, or the form is unreadable: send it again.")
}

func (s *Service) tooLarge() error {
	return palinsesto.Refuse(palinsesto.CodeTooLarge,
		"Il file è troppo grande: il limite è "+mebibytes(s.most())+". Ridurlo e inviarlo di nuovo.",
		"The file is too large: the limit is "+mebibytes(s.most())+". Make it smaller and send it again.")
}

var errTooLarge = errors.New("api: too large")

// upTo fails past a number of bytes instead of ending there as if all were well, and keeps what
// failed: the store reports it in words of its own.
type upTo struct {
	r    io.Reader
	left int64
	err  error
}

func (u *upTo) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if u.left -= int64(n); u.left < 0 {
		err = errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
		return 0, err
	}
	return n, err
}

// slowly gives a slow line the time it needs as long as bytes come, and not too few of them.
type slowly struct {
	r     io.Reader
	c     *http.ResponseController
	began time.Time
	got   int64
}

func (l *slowly) Read(p []byte) (int, error) {
	until := l.until(time.Now())
	_ = l.c.SetReadDeadline(until) // of a test's recorder there is none
	_ = l.c.SetWriteDeadline(until.Add(answerWait))
	n, err := l.r.Read(p) // which lifts the deadline at its end
	l.got += int64(n)
	return n, err
}

// until is when the next bytes must be there.
func (l *slowly) until(now time.Time) time.Time {
	next, last := now.Add(stall), l.began.Add(slack+time.Duration(l.got)*time.Second/leastRate)
	if last.Before(next) {
		return last
	}
	return next
}
