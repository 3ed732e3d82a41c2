// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"errors"
	"testing"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func FuzzParseSubject(f *testing.F) {
	f.Add(SegSubject("ancona", sampleSeg))
	f.Add(PostSubject("telegram-marche", samplePost))
	f.Add("palinsesto.plan.telegram-marche.2026-12")
	f.Add(HoldSubject)
	f.Add(AllSegs)
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseSubject(s)
		if err != nil {
			return
		}
		if a.subject() != s || !inStream(s) || Announcement(s, "x") == "" {
			t.Fatalf("%q is read as %+v", s, a)
		}
	})
}

// fuzz feeds bytes to a decoder: it may refuse them as malformed, and what it takes can be written again.
func fuzz(f *testing.F, message string, recode func([]byte) (decoding, encoding error)) {
	for _, g := range goldens() {
		if g.message() != message {
			continue
		}
		wire, err := g.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
		f.Add(wire[:len(wire)/2])
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoding, encoding := recode(b)
		if decoding != nil && !errors.Is(decoding, ErrMalformed) {
			t.Fatalf("decode: %v", decoding)
		}
		if encoding != nil && palinsesto.CodeOf(encoding) != palinsesto.CodeTooLarge {
			t.Fatalf("encode again: %v", encoding)
		}
	})
}

func events[T any](codec Codec[T]) func([]byte) (error, error) {
	return func(b []byte) (error, error) {
		e, s, err := codec.Decode(b)
		if err != nil {
			return err, nil
		}
		_, err = codec.Encode(e, s)
		return nil, err
	}
}

func pair[T any](encode func(T) ([]byte, error), decode func([]byte) (T, error)) func([]byte) (error, error) {
	return func(b []byte) (error, error) {
		v, err := decode(b)
		if err != nil {
			return err, nil
		}
		_, err = encode(v)
		return nil, err
	}
}

func FuzzDecodeSegnalazione(f *testing.F) { fuzz(f, "SegnalazioneEvent", events(Segnalazioni)) }
func FuzzDecodePost(f *testing.F)         { fuzz(f, "PostEvent", events(Posts)) }
func FuzzDecodeChannel(f *testing.F)      { fuzz(f, "ChannelEvent", events(Channels)) }
func FuzzDecodeToken(f *testing.F)        { fuzz(f, "TokenEvent", events(Tokens)) }
func FuzzDecodeHold(f *testing.F)         { fuzz(f, "HoldEvent", events(Holds)) }
func FuzzDecodeAlert(f *testing.F)        { fuzz(f, "AlertEvent", events(Alerts)) }
func FuzzDecodeSubmit(f *testing.F)       { fuzz(f, "SubmitCommand", pair(EncodeSubmit, DecodeSubmit)) }
func FuzzDecodeRevise(f *testing.F)       { fuzz(f, "ReviseCommand", pair(EncodeRevise, DecodeRevise)) }
func FuzzDecodeApprove(f *testing.F)      { fuzz(f, "ApproveCommand", pair(EncodeApprove, DecodeApprove)) }
func FuzzDecodeDecide(f *testing.F)       { fuzz(f, "DecideCommand", pair(EncodeDecide, DecodeDecide)) }
func FuzzDecodePostCommand(f *testing.F) {
	fuzz(f, "PostCommand", pair(EncodePostCommand, DecodePostCommand))
}
func FuzzDecodeRequeueMany(f *testing.F) {
	fuzz(f, "RequeueManyCommand", pair(EncodeRequeueMany, DecodeRequeueMany))
}
func FuzzDecodePlaceHold(f *testing.F) {
	fuzz(f, "PlaceHoldCommand", pair(EncodePlaceHold, DecodePlaceHold))
}
func FuzzDecodeLiftHold(f *testing.F) {
	fuzz(f, "LiftHoldCommand", pair(EncodeLiftHold, DecodeLiftHold))
}
func FuzzDecodeSetChannel(f *testing.F) {
	fuzz(f, "SetChannelCommand", pair(EncodeSetChannel, DecodeSetChannel))
}
func FuzzDecodeAcceptMedia(f *testing.F) {
	fuzz(f, "AcceptMediaCommand", pair(EncodeAcceptMedia, DecodeAcceptMedia))
}
func FuzzDecodeDeriveMedia(f *testing.F) {
	fuzz(f, "DeriveMediaCommand", pair(EncodeDeriveMedia, DecodeDeriveMedia))
}
func FuzzDecodeSegReply(f *testing.F) {
	fuzz(f, "SegnalazioneReply", pair(EncodeSegReply, DecodeSegReply))
}
func FuzzDecodePostReply(f *testing.F) { fuzz(f, "PostReply", pair(EncodePostReply, DecodePostReply)) }
func FuzzDecodeRequeued(f *testing.F) {
	fuzz(f, "RequeueManyReply", pair(EncodeRequeued, DecodeRequeued))
}
func FuzzDecodeStopped(f *testing.F) { fuzz(f, "HoldReply", pair(EncodeStopped, DecodeStopped)) }
func FuzzDecodeChannelReply(f *testing.F) {
	fuzz(f, "ChannelReply", pair(EncodeChannelReply, DecodeChannelReply))
}
func FuzzDecodeMediaReply(f *testing.F) {
	fuzz(f, "MediaReply", pair(EncodeMediaReply, DecodeMediaReply))
}
func FuzzDecodeRefusal(f *testing.F) {
	fuzz(f, "Refusal", func(b []byte) (error, error) {
		if e := DecodeRefusal(b); e == nil || DecodeRefusal(EncodeRefusal(e)).Code == "" {
			return errors.New("a refusal was lost"), nil
		}
		return nil, nil
	})
}
