// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"testing"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// onItsWay is a post as the burst and the rebuild see it: one part, an attempt, nothing wrong.
func onItsWay() (Envelope, palinsesto.Post) {
	p := samplePostState
	a := sampleAttempt
	a.Settled = ""
	p.Parts, p.Attempt, p.Change = p.Parts[:1], &a, nil
	p.Cause, p.Problem, p.Hold = "", "", ""
	return Envelope{Actor: palinsesto.Room("publishing"), At: at(31), CommandID: sampleHead.ID, Trace: sampleTrace}, p
}

func BenchmarkPostsEncode(b *testing.B) {
	e, p := onItsWay()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Posts.Encode(e, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPostsDecode(b *testing.B) {
	raw, err := Posts.Encode(onItsWay())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, _, err := Posts.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// The two below are what the two above cost without what is done by hand in postwrite.go and postread.go.

func BenchmarkPostsEncodeGenerated(b *testing.B) {
	e, p := onItsWay()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := slowEncodePost(e, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPostsDecodeGenerated(b *testing.B) {
	raw, err := Posts.Encode(onItsWay())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := slowDecodePost(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSegnalazioniDecode(b *testing.B) {
	raw, err := Segnalazioni.Encode(sampleEnvelope, sampleSegnalazione)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Segnalazioni.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChannelsAppend is a channel with a day of reservations: written at each reservation.
func BenchmarkChannelsAppend(b *testing.B) {
	ch := sampleChannel
	for i := range 100 {
		ch = ch.Reserve(palinsesto.PostID(sampleSeg, ch.ID, i), at(0).Add(time.Duration(i)*time.Minute), at(0))
	}
	b.ReportAllocs()
	for b.Loop() {
		raw, err := Channels.Encode(sampleEnvelope, ch)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Channels.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseSubject(b *testing.B) {
	s := PostSubject("telegram-marche", samplePost)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSubject(s); err != nil {
			b.Fatal(err)
		}
	}
}
