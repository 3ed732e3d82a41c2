// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

var update = flag.Bool("update", false, "write the goldens that are missing; those that exist are never touched")

const goldenFolder = "../../proto/golden"

// golden is one wire sample: its file's name (the message, and "_2" for a later sample of it), the
// domain value, and the way of that value to bytes and back.
type golden struct {
	name   string
	value  any
	encode func() ([]byte, error)
	decode func([]byte) (any, error)
	old    bool // written otherwise today; logs have it, so it goes on decoding
}

// writtenBefore marks samples of a form that is only read by now.
func writtenBefore(gs ...golden) []golden {
	for i := range gs {
		gs[i].old = true
	}
	return gs
}

func ofEvent[T any](name string, codec Codec[T], state T) golden {
	type event struct {
		Envelope Envelope
		State    T
	}
	return golden{
		name: name, value: event{sampleEnvelope, state},
		encode: func() ([]byte, error) { return codec.Encode(sampleEnvelope, state) },
		decode: func(b []byte) (any, error) { e, s, err := codec.Decode(b); return event{e, s}, err },
	}
}

func ofMessage[T any](name string, v T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) golden {
	return golden{
		name: name, value: v,
		encode: func() ([]byte, error) { return encode(v) },
		decode: func(b []byte) (any, error) { return decode(b) },
	}
}

// ofPart is a message that travels inside others only.
func ofPart[T, M any, P interface {
	*M
	proto.Message
}](name string, v T, to func(*conv, T) P, from func(*conv, P) T) golden {
	d := message[T, M, P]{limit: MaxPayload, to: to, from: from}
	return ofMessage(name, v, d.encode, d.decode)
}

func plain[A, B any](f func(A) B) func(*conv, A) B { return func(_ *conv, a A) B { return f(a) } }

func goldens() []golden {
	return slices.Concat(eventGoldens(), commandGoldens(), partGoldens(), oldGoldens())
}

// oldGoldens have each reservation in a message of its own.
func oldGoldens() []golden {
	return writtenBefore(
		ofEvent("ChannelEvent", Channels, sampleChannel),
		ofPart("Channel", sampleChannel, (*conv).channelToPB, (*conv).channelFromPB),
		ofMessage("ChannelReply", ChannelReply{sampleChannel, 44}, EncodeChannelReply, DecodeChannelReply),
	)
}

func eventGoldens() []golden {
	return []golden{
		ofEvent("SegnalazioneEvent", Segnalazioni, sampleSegnalazione),
		ofEvent("PostEvent", Posts, samplePostState),
		ofEvent("PostEvent_2", Posts, sampleSettledPost),
		ofEvent("ChannelEvent_2", Channels, sampleChannel),
		ofEvent("ChannelEvent_3", Channels, sampleTested),
		ofEvent("TokenEvent", Tokens, sampleToken),
		ofEvent("AlertEvent", Alerts, sampleAlert),
		ofEvent("HoldEvent", Holds, HoldChange{Standing: palinsesto.Holds{sampleHold}, Changed: sampleHold}),
	}
}

func commandGoldens() []golden {
	due, doc := at(30), []byte(`{"centre":"ancona","kind":"evento"}`)
	return []golden{
		ofMessage("SubmitCommand", palinsesto.Submit{Command: sampleHead, Key: "riga-7", Document: doc}, EncodeSubmit, DecodeSubmit),
		ofMessage("ReviseCommand", palinsesto.Revise{Command: sampleHead, SegnalazioneID: sampleSeg, Version: 2, Document: doc, Reason: "Corretta l’ora"},
			EncodeRevise, DecodeRevise),
		ofMessage("ApproveCommand", palinsesto.Approve{Command: sampleHead, SegnalazioneID: sampleSeg, Version: 3, Due: due, Bend: true,
			Variants: []palinsesto.Variant{sampleVariant}, Reason: "Va bene"}, EncodeApprove, DecodeApprove),
		ofMessage("DecideCommand", palinsesto.Decide{Command: sampleHead, SegnalazioneID: sampleSeg, Version: 3, Reason: "Manca il luogo"},
			EncodeDecide, DecodeDecide),
		ofMessage("PostCommand", palinsesto.PostCommand{Command: sampleHead, PostID: samplePost, Due: due, Reason: "Visto sul canale", Outcome: "out",
			Link: "https://t.me/cpimarche/4711"}, EncodePostCommand, DecodePostCommand),
		ofMessage("RequeueManyCommand", palinsesto.RequeueMany{Command: sampleHead, Filter: sampleFilter, Preview: true, Reason: "Ripristinato"},
			EncodeRequeueMany, DecodeRequeueMany),
		ofMessage("PlaceHoldCommand", palinsesto.PlaceHold{Command: sampleHead, Scope: palinsesto.ScopeTag, Value: "ancona", Reason: "Lutto cittadino"},
			EncodePlaceHold, DecodePlaceHold),
		ofMessage("LiftHoldCommand", palinsesto.LiftHold{Command: sampleHead, HoldID: sampleHold.ID, Reason: "Finito"}, EncodeLiftHold, DecodeLiftHold),
		ofMessage("SetChannelCommand", palinsesto.SetChannel{Command: sampleHead, Channel: "telegram-marche", Reason: "Manutenzione"},
			EncodeSetChannel, DecodeSetChannel),
		ofMessage("TestChannelCommand", palinsesto.TestChannel{Command: sampleHead, Channel: "telegram-marche", Reason: "Token nuovo", Keep: true},
			EncodeTestChannel, DecodeTestChannel),
		ofMessage("AcceptMediaCommand", palinsesto.AcceptMedia{Command: sampleHead, Upload: "u-1", Filename: "locandina.jpg", Alt: "Locandina"},
			EncodeAcceptMedia, DecodeAcceptMedia),
		ofMessage("DeriveMediaCommand", palinsesto.DeriveMedia{Command: sampleHead, Media: sampleMedia, Network: "telegram"},
			EncodeDeriveMedia, DecodeDeriveMedia),
		ofMessage("SegnalazioneReply", SegReply{Segnalazione: sampleSegnalazione, Seq: 42, Created: true}, EncodeSegReply, DecodeSegReply),
		ofMessage("SegnalazioneReply_2", SegReply{Segnalazione: sampleSegnalazione, Seq: 45, InFlight: []string{samplePost}}, EncodeSegReply, DecodeSegReply),
		ofMessage("PostReply", PostReply{samplePostState, 43}, EncodePostReply, DecodePostReply),
		ofMessage("RequeueManyReply", []palinsesto.Requeued{sampleRequeued, {Post: "p", Channel: "c"}}, EncodeRequeued, DecodeRequeued),
		ofMessage("HoldReply", palinsesto.Stopped{Hold: sampleHold, InFlight: []string{samplePost}}, EncodeStopped, DecodeStopped),
		ofMessage("ChannelReply_2", ChannelReply{sampleChannel, 44}, EncodeChannelReply, DecodeChannelReply),
		ofMessage("MediaReply", MediaReply{sampleMedia, []palinsesto.Problem{sampleProblem}}, EncodeMediaReply, DecodeMediaReply),
		ofMessage("Refusal", &sampleRefusal,
			func(e *palinsesto.Error) ([]byte, error) { return EncodeRefusal(e), nil },
			func(b []byte) (*palinsesto.Error, error) { return DecodeRefusal(b), nil }),
	}
}

func partGoldens() []golden {
	return []golden{
		ofPart("Actor", sampleActor, plain(actorToPB), plain(actorFromPB)),
		ofPart("Approval", &sampleApproval, (*conv).approvalToPB, (*conv).approvalFromPB),
		ofPart("Approval_2", &sampleEdited, (*conv).approvalToPB, (*conv).approvalFromPB),
		ofPart("ApproverEdit", sampleEdit, (*conv).editToPB, (*conv).editFromPB),
		ofPart("Attempt", &sampleAttempt, (*conv).attemptToPB, (*conv).attemptFromPB),
		ofPart("Attempt_2", &sampleSettled, (*conv).attemptToPB, (*conv).attemptFromPB),
		ofPart("Alert", sampleAlert, (*conv).alertToPB, (*conv).alertFromPB),
		ofPart("AlertWay", sampleAlertWay, plain(alertWayToPB), plain(alertWayFromPB)),
		ofPart("Change", &sampleChange, (*conv).changeToPB, plain(changeFromPB)),
		ofPart("Channel_2", sampleChannel, (*conv).channelToPB, (*conv).channelFromPB),
		ofPart("Channel_3", sampleTested, (*conv).channelToPB, (*conv).channelFromPB),
		ofPart("ChannelTest", &sampleTest, (*conv).testToPB, (*conv).testFromPB),
		ofPart("ChannelTest_2", sampleSecondTest, (*conv).testToPB, (*conv).testFromPB),
		ofPart("Check", &sampleCheck, (*conv).checkToPB, (*conv).checkFromPB),
		ofPart("CommandHead", sampleHead, plain(headToPB), plain(headFromPB)),
		ofPart("Content", sampleContent, (*conv).contentToPB, (*conv).contentFromPB),
		ofPart("Envelope", sampleEnvelope, (*conv).envelopeToPB, (*conv).envelopeFromPB),
		ofPart("Hold", sampleHold, (*conv).holdToPB, (*conv).holdFromPB),
		ofPart("Media", sampleMedia, (*conv).mediaToPB, (*conv).mediaFromPB),
		ofPart("Part", samplePart, (*conv).partToPB, (*conv).partFromPB),
		ofPart("PartState", samplePartState, plain(partStateToPB), plain(partStateFromPB)),
		ofPart("Post", samplePostState, (*conv).postToPB, (*conv).postFromPB),
		ofPart("PostFilter", sampleFilter, plain(filterToPB), plain(filterFromPB)),
		ofPart("Problem", sampleProblem, plain(problemToPB), plain(problemFromPB)),
		ofPart("Requeued", sampleRequeued, (*conv).requeuedToPB, (*conv).requeuedFromPB),
		ofPart("Requeued_2", palinsesto.Requeued{Post: samplePost, Channel: "telegram-marche", Title: "Job day", Due: at(45)},
			(*conv).requeuedToPB, (*conv).requeuedFromPB),
		ofPart("Reservation", sampleReservation, (*conv).reservationToPB, (*conv).reservationFromPB),
		ofPart("Segnalazione", sampleSegnalazione, (*conv).segToPB, (*conv).segFromPB),
		ofPart("Settlement", &sampleSettlement, (*conv).settlementToPB, (*conv).settlementFromPB),
		ofPart("Span", sampleSpan, (*conv).spanToPB, plain(spanFromPB)),
		ofPart("Token", sampleToken, (*conv).tokenToPB, (*conv).tokenFromPB),
		ofPart("Variant", sampleVariant, (*conv).variantToPB, (*conv).variantFromPB),
	}
}

// messages lists the messages of the package, whatever file they stand in.
func messages() map[string]protoreflect.MessageDescriptor {
	out := map[string]protoreflect.MessageDescriptor{}
	for _, f := range []protoreflect.FileDescriptor{
		pb.File_palinsesto_v1_common_proto, pb.File_palinsesto_v1_segnalazione_proto, pb.File_palinsesto_v1_post_proto,
		pb.File_palinsesto_v1_house_proto, pb.File_palinsesto_v1_commands_proto,
	} {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			out[string(m.Name())] = m
		}
	}
	return out
}

func (g golden) message() string {
	name, _, _ := strings.Cut(g.name, "_")
	return name
}

// blank makes an empty message of the kind of g.
func (g golden) blank(t *testing.T) proto.Message {
	t.Helper()
	m := messages()[g.message()]
	require.NotNil(t, m, "no message %s", g.message())
	kind, err := protoTypes.FindMessageByName(m.FullName())
	require.NoError(t, err)
	return kind.New().Interface()
}

// TestGoldens holds the promise that yesterday's bytes go on decoding to the same values.
func TestGoldens(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			wire := g.read(t)
			value, err := g.decode(wire)
			require.NoError(t, err)
			requireSame(t, g.value, value)
			if g.old {
				return
			}
			today, err := g.encode()
			require.NoError(t, err)
			old, fresh := g.blank(t), g.blank(t)
			require.NoError(t, proto.Unmarshal(wire, old))
			require.NoError(t, proto.Unmarshal(today, fresh))
			require.True(t, proto.Equal(old, fresh), "what is written today differs from the golden:\n%v\n%v", old, fresh)
		})
	}
}

// TestGoldensAreReadable compares each golden with the text that stands beside it.
func TestGoldensAreReadable(t *testing.T) {
	for _, g := range goldens() {
		text, err := os.ReadFile(filepath.Join(goldenFolder, g.name+".txtpb"))
		require.NoError(t, err)
		wire, read := g.blank(t), g.blank(t)
		require.NoError(t, proto.Unmarshal(g.read(t), wire))
		require.NoError(t, prototext.Unmarshal(text, read))
		require.True(t, proto.Equal(wire, read), "%s: the text is not what the bytes say", g.name)
	}
}

// TestGoldensLeaveNothingOut fails for a message without a golden, a field that none sets, and a file
// that no test reads.
func TestGoldensLeaveNothingOut(t *testing.T) {
	set := map[string]bool{}
	files := map[string]bool{}
	for _, g := range goldens() {
		files[g.name+".binpb"], files[g.name+".txtpb"] = true, true
		m := g.blank(t)
		require.NoError(t, proto.Unmarshal(g.read(t), m))
		m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			set[g.message()+"."+string(f.Name())] = true
			return true
		})
	}
	for name, m := range messages() {
		for i := range m.Fields().Len() {
			field := name + "." + string(m.Fields().Get(i).Name())
			require.True(t, set[field], "no golden sets %s", field)
		}
	}
	entries, err := os.ReadDir(goldenFolder)
	require.NoError(t, err)
	for _, e := range entries {
		require.True(t, files[e.Name()], "no test reads proto/golden/%s", e.Name())
	}
}

// read gives the golden's bytes; with -update it writes what is missing first.
func (g golden) read(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(goldenFolder, g.name+".binpb")
	if _, err := os.Stat(path); os.IsNotExist(err) && *update {
		g.write(t, path)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err, "a new message or sample: go test ./contract -update writes its golden")
	return b
}

func (g golden) write(t *testing.T, path string) {
	t.Helper()
	wire, err := g.encode()
	require.NoError(t, err)
	m := g.blank(t)
	require.NoError(t, proto.Unmarshal(wire, m))
	text, err := prototext.MarshalOptions{Multiline: true}.Marshal(m)
	require.NoError(t, err)
	// prototext adds a space at random, so that nobody compares its bytes; people would see it in a diff.
	text = regexp.MustCompile(`(?m)^(\s*\w+):  `).ReplaceAll(text, []byte("$1: "))
	header := "# proto-file: palinsesto/v1/" + filepath.Base(m.ProtoReflect().Descriptor().ParentFile().Path()) +
		"\n# proto-message: palinsesto.v1." + g.message() + "\n"
	require.NoError(t, os.WriteFile(path, wire, 0o644))
	require.NoError(t, os.WriteFile(strings.TrimSuffix(path, "binpb")+"txtpb", append([]byte(header), text...), 0o644))
}

// requireSame compares deeply, with times by instant and offset: two locations may be the same one.
func requireSame(t require.TestingT, want, got any) {
	require.Equal(t, portable(want), portable(got))
}

// portable copies v with every time replaced by its text.
func portable(v any) any { return portableValue(reflect.ValueOf(v)) }
