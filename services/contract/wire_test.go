// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

func TestTooLargeIsRefused(t *testing.T) {
	s := sampleSegnalazione
	s.Body = strings.Repeat("x", MaxPayload)
	_, err := Segnalazioni.Encode(sampleEnvelope, s)
	require.Equal(t, palinsesto.CodeTooLarge, palinsesto.CodeOf(err))
	_, err = EncodeSubmit(palinsesto.Submit{Document: bytes.Repeat([]byte("x"), MaxPayload)})
	require.Equal(t, palinsesto.CodeTooLarge, palinsesto.CodeOf(err))

	// A reply holds the largest state that the log takes, and then some.
	s.Body = strings.Repeat("x", MaxPayload-4096)
	_, err = EncodeSegReply(SegReply{Segnalazione: s})
	require.NoError(t, err)

	_, _, err = Posts.Decode(make([]byte, maxReply+1))
	require.ErrorIs(t, err, ErrMalformed)
}

func TestRequeuedFits(t *testing.T) {
	lines := make([]palinsesto.Requeued, MaxRequeued)
	for i := range lines {
		lines[i] = palinsesto.Requeued{
			Post: samplePost, Channel: strings.Repeat("c", 40), Due: at(1), Refused: strings.Repeat("x", 500),
			Title: strings.Repeat("è", 120),
		}
	}
	_, err := EncodeRequeued(lines)
	require.NoError(t, err)
}

// TestProseIsMended shows that an answer cut in the middle of a letter does not lose a verdict, and
// that a name with broken UTF-8 is refused rather than changed.
func TestProseIsMended(t *testing.T) {
	p := samplePostState
	a := sampleAttempt
	p.Attempt = &a
	p.Attempt.Raw, p.Problem, p.Title = "perch\xc3", "\xff", "ok\xe2\x82"
	b, err := Posts.Encode(Envelope{Reason: "\xc3"}, p)
	require.NoError(t, err)
	e, got, err := Posts.Decode(b)
	require.NoError(t, err)
	require.Equal(t, "perch�", got.Attempt.Raw)
	require.Equal(t, "�", got.Problem)
	require.Equal(t, "ok�", got.Title)
	require.Equal(t, "�", e.Reason)

	for name, encode := range map[string]func() ([]byte, error){
		"id":  func() ([]byte, error) { return Posts.Encode(Envelope{}, palinsesto.Post{ID: "\xff"}) },
		"key": func() ([]byte, error) { return EncodeSubmit(palinsesto.Submit{Key: "\xff"}) },
		"approved text": func() ([]byte, error) {
			return EncodeApprove(palinsesto.Approve{Variants: []palinsesto.Variant{{Parts: []palinsesto.Part{{Text: "\xff"}}}}})
		},
	} {
		_, err := encode()
		require.Equal(t, palinsesto.CodeInvalid, palinsesto.CodeOf(err), name)
	}
}

func TestDecodeRefusesWhatIsNoEvent(t *testing.T) {
	wire := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"no state":         wire(&pb.PostEvent{Envelope: &pb.Envelope{Reason: "x"}}),
		"garbage":          []byte("{}"),
		"cut":              wire(&pb.PostEvent{Post: &pb.Post{Id: samplePost}})[:20],
		"due out of range": wire(&pb.PostEvent{Post: &pb.Post{Due: &timestamppb.Timestamp{Seconds: 1 << 60}}}),
		"expiry with nanos below zero": wire(&pb.PostEvent{
			Post: &pb.Post{Expires: &timestamppb.Timestamp{Nanos: -1}},
		}),
		"duration out of range": wire(&pb.PostEvent{
			Post: &pb.Post{Attempt: &pb.Attempt{Lasts: &durationpb.Duration{Seconds: 1 << 60}}},
		}),
	} {
		_, _, err := Posts.Decode(b)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	_, _, err := Segnalazioni.Decode(wire(&pb.SegnalazioneEvent{
		Segnalazione: &pb.Segnalazione{Content: &pb.Content{ExpiresAt: "domani"}},
	}))
	require.ErrorIs(t, err, ErrMalformed, "an expiry that cannot be read is not an absent one")
}

// TestZeroValuesAreUsable: an older writer's message, with nothing in it but the state's presence.
func TestZeroValuesAreUsable(t *testing.T) {
	b, err := proto.Marshal(&pb.PostEvent{Post: &pb.Post{Attempt: &pb.Attempt{}}})
	require.NoError(t, err)
	e, p, err := Posts.Decode(b)
	require.NoError(t, err)
	require.Equal(t, Envelope{}, e)
	require.Equal(t, palinsesto.Post{Attempt: &palinsesto.Attempt{}}, p)
}

// TestNewerWriter: fields that this version does not know are passed over, not refused.
func TestNewerWriter(t *testing.T) {
	b, err := Posts.Encode(sampleEnvelope, samplePostState)
	require.NoError(t, err)
	b = protowire.AppendTag(b, 500, protowire.BytesType)
	b = protowire.AppendString(b, "from tomorrow")
	_, p, err := Posts.Decode(b)
	require.NoError(t, err)
	requireSame(t, samplePostState, p)
}

func TestRefusalNeverNil(t *testing.T) {
	for name, b := range map[string][]byte{"nothing": nil, "garbage": []byte("\xff\xff"), "of nil": EncodeRefusal(nil)} {
		e := DecodeRefusal(b)
		require.NotNil(t, e, name)
		require.Equal(t, palinsesto.CodeInternal, e.Code, name)
		require.NotEmpty(t, e.Text, name)
	}
	require.Equal(t, palinsesto.CodeBusy, DecodeRefusal(EncodeRefusal(&palinsesto.Error{Code: palinsesto.CodeBusy, Text: "\xff"})).Code)
	require.Equal(t, palinsesto.CodeInternal,
		DecodeRefusal(EncodeRefusal(&palinsesto.Error{Code: palinsesto.CodeBusy, Text: strings.Repeat("x", MaxPayload)})).Code)
}

// TestRefusalIsBounded: a document with a hundred thousand faults gets an answer that fits, and says
// how many it does not list.
func TestRefusalIsBounded(t *testing.T) {
	for name, text := range map[string]string{"many": "Manca il titolo.", "many and long": strings.Repeat("x", 2000)} {
		e := palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Ci sono errori."}
		for range 100_000 {
			e.Problems = append(e.Problems, palinsesto.Problem{Code: "V-REQ", Level: palinsesto.LevelError, Text: text})
		}
		b := EncodeRefusal(&e)
		require.LessOrEqual(t, len(b), MaxPayload, name)
		got := DecodeRefusal(b)
		require.Equal(t, palinsesto.CodeInvalid, got.Code, name)
		require.Greater(t, len(got.Problems), 50, name)
		require.Contains(t, got.Problems[len(got.Problems)-1].Text, "non sono elencati", name)
	}
}
