// SPDX-License-Identifier: AGPL-3.0-or-later

// Package clean turns an uploaded file into the one that the house keeps: an upright image without
// metadata, a video whose container names neither place nor device, or plain captions. It also makes
// what a network takes out of a cleaned image.
//
// Everything here is a pure function of its input: the same bytes in give the same bytes out (for
// one version of the program), so that the result can be stored by its hash. What cannot be taken
// comes back as a *Refusal, whose sentences are for the person who uploaded the file. Decoding needs
// up to Limits.MaxMemory; to run one Clean or Derive at a time is the caller's duty.
package clean

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a file is to the house.
type Kind string

// The kinds of media that the house takes.
const (
	Image    Kind = "image"
	Video    Kind = "video"
	Captions Kind = "captions"
)

// Result is a cleaned (or derived) file.
type Result struct {
	Data          []byte // what the house keeps as the original
	Kind          Kind
	MIME          string
	Ext           string        // with its dot: ".jpg"
	Width, Height int           // pixels, as seen upright; zero for captions
	Duration      time.Duration // of a video; for captions the end of the last one
	Notes         []string      // what was taken out or changed, in Italian
}

// Limits bounds what Clean takes. A zero field means that nothing of the kind is taken.
type Limits struct {
	MaxBytes        int64 // any file
	MaxImageBytes   int64
	MaxCaptionBytes int64
	MaxPixels       int64 // width x height of an image
	MaxMemory       int64 // bytes that decoding one image may need, by its header
}

// Default is what a small server can bear: 52 megapixels are the largest photo of a common phone,
// and Telegram's Bot API takes videos of up to 50 MB, other networks more.
func Default() Limits {
	return Limits{
		MaxBytes:        100 << 20,
		MaxImageBytes:   30 << 20,
		MaxCaptionBytes: 1 << 20,
		MaxPixels:       52_000_000,
		MaxMemory:       256 << 20,
	}
}

// Code is the lint code of a file that the house cannot take.
const Code = "V-MEDIA"

// Refusal is the error of this package: what happened, what it means, what to do.
type Refusal struct {
	Code         string
	Text, TextEN string
	cause        error
}

func (r *Refusal) Error() string { return r.Text }

// Unwrap gives what a decoder said, for the log; it is never shown to a person.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(it, en string) *Refusal { return &Refusal{Code: Code, Text: it, TextEN: en} }

func (r *Refusal) because(err error) *Refusal {
	r.cause = err
	return r
}

// Clean recognises data by its content and returns what the house keeps of it, or a *Refusal.
//
// Clean takes data over: a video is cleaned in place (a copy would double its memory), so that
// Result.Data may share it. When Clean refuses, data is as it was.
func Clean(data []byte, lim Limits) (Result, error) {
	if len(data) == 0 {
		return Result{}, empty()
	}
	if int64(len(data)) > lim.MaxBytes {
		return Result{}, tooManyBytes(len(data), lim.MaxBytes)
	}
	f, err := sniff(data)
	if err != nil {
		return Result{}, err
	}
	var res Result
	switch f {
	case formatMP4, formatMOV:
		res, err = cleanVideo(data, f)
	case formatSRT, formatVTT:
		res, err = cleanCaptions(data, f, lim)
	default:
		res, err = cleanImage(data, f, lim)
	}
	if err != nil {
		return Result{}, asRefusal(err)
	}
	return res, nil
}

// asRefusal keeps the promise that every error of the package is a *Refusal.
func asRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return refuse("Il file è danneggiato: non si riesce a leggerlo. Aprilo, salvalo di nuovo e ricaricalo.",
		"The file is damaged and cannot be read. Open it, save it again and upload it again.").because(err)
}

func empty() *Refusal {
	return refuse("Il file è vuoto: non c'è nulla da pubblicare. Controlla il file e caricalo di nuovo.",
		"The file is empty: there is nothing to publish. Check the file and upload it again.")
}

func tooManyBytes(have int, limit int64) *Refusal {
	return refuse(
		fmt.Sprintf("Il file pesa %s, il massimo è %s. Riduci la qualità o la durata e caricalo di nuovo.",
			megabytes(int64(have), ","), megabytes(limit, ",")),
		fmt.Sprintf("The file weighs %s, at most %s are taken. Reduce its quality or length and upload it again.",
			megabytes(int64(have), "."), megabytes(limit, ".")))
}

// megabytes writes a size in steps of a tenth, rounded up so that what is over a limit looks so.
func megabytes(n int64, point string) string {
	tenths := (n*10 + (1 << 20) - 1) >> 20
	return fmt.Sprintf("%d%s%d MB", tenths/10, point, tenths%10)
}
