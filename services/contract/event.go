// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

// Envelope says who, when and why; every event has one.
type Envelope struct {
	Actor     palinsesto.Actor
	At        time.Time // of the room that appended; the log has a time of its own
	CommandID string    // what led to the event: how a lost acknowledgement is recognised
	Reason    string    // in the words of whoever did it
	Trace     string    // W3C traceparent
}

// Event is one message of the log, decoded.
type Event[T any] struct {
	Subject  string
	Name     string // of the header HeaderEvent
	Seq      uint64 // of the stream
	Time     time.Time
	Envelope Envelope
	State    T // after the event
}

// Codec turns the events of one aggregate into bytes and back. One message serves all events of an
// aggregate, since each carries the whole state after it.
type Codec[T any] struct {
	Encode func(Envelope, T) ([]byte, error)
	Decode func([]byte) (Envelope, T, error)
}

// HoldChange is an event of the holds: those that stand after it, and the one that it is about.
type HoldChange struct {
	Standing palinsesto.Holds
	Changed  palinsesto.Hold
}

// The codecs of the aggregates. They are values, not to be changed.
var (
	Segnalazioni = Codec[palinsesto.Segnalazione]{encodeSegEvent, decodeSegEvent}
	Posts        = Codec[palinsesto.Post]{encodePostEvent, decodePostEvent}
	Channels     = Codec[palinsesto.Channel]{encodeChannelEvent, decodeChannelEvent}
	Tokens       = Codec[palinsesto.Token]{encodeTokenEvent, decodeTokenEvent}
	Holds        = Codec[HoldChange]{encodeHoldEvent, decodeHoldEvent}
	Alerts       = Codec[palinsesto.Alert]{encodeAlertEvent, decodeAlertEvent}
)

func encodeSegEvent(e Envelope, s palinsesto.Segnalazione) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.SegnalazioneEvent{Envelope: c.envelopeToPB(e), Segnalazione: c.segToPB(s)})
}

func decodeSegEvent(b []byte) (Envelope, palinsesto.Segnalazione, error) {
	var m pb.SegnalazioneEvent
	return decodeEvent(b, &m, m.GetSegnalazione, m.GetEnvelope, (*conv).segFromPB)
}

func encodePostEvent(e Envelope, p palinsesto.Post) ([]byte, error) {
	if b, ok := writePost(e, &p); ok {
		return b, nil
	}
	return slowEncodePost(e, p)
}

func decodePostEvent(b []byte) (Envelope, palinsesto.Post, error) {
	if e, p, ok := readPost(b); ok {
		return e, p, nil
	}
	return slowDecodePost(b)
}

func slowEncodePost(e Envelope, p palinsesto.Post) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.PostEvent{Envelope: c.envelopeToPB(e), Post: c.postToPB(p)})
}

func slowDecodePost(b []byte) (Envelope, palinsesto.Post, error) {
	var m pb.PostEvent
	return decodeEvent(b, &m, m.GetPost, m.GetEnvelope, (*conv).postFromPB)
}

func encodeChannelEvent(e Envelope, ch palinsesto.Channel) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.ChannelEvent{Envelope: c.envelopeToPB(e), Channel: c.channelToPB(ch)})
}

func decodeChannelEvent(b []byte) (Envelope, palinsesto.Channel, error) {
	var m pb.ChannelEvent
	return decodeEvent(b, &m, m.GetChannel, m.GetEnvelope, (*conv).channelFromPB)
}

func encodeTokenEvent(e Envelope, t palinsesto.Token) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.TokenEvent{Envelope: c.envelopeToPB(e), Token: c.tokenToPB(t)})
}

func decodeTokenEvent(b []byte) (Envelope, palinsesto.Token, error) {
	var m pb.TokenEvent
	return decodeEvent(b, &m, m.GetToken, m.GetEnvelope, (*conv).tokenFromPB)
}

func encodeHoldEvent(e Envelope, h HoldChange) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.HoldEvent{
		Envelope: c.envelopeToPB(e), Holds: each(h.Standing, c.holdToPB), Changed: c.holdToPB(h.Changed),
	})
}

func decodeHoldEvent(b []byte) (Envelope, HoldChange, error) {
	var m pb.HoldEvent
	return decodeEvent(b, &m, m.GetChanged, m.GetEnvelope, func(c *conv, changed *pb.Hold) HoldChange {
		return HoldChange{Standing: each(m.GetHolds(), c.holdFromPB), Changed: c.holdFromPB(changed)}
	})
}

func encodeAlertEvent(e Envelope, a palinsesto.Alert) ([]byte, error) {
	var c conv
	return encode(&c, MaxPayload, &pb.AlertEvent{Envelope: c.envelopeToPB(e), Alert: c.alertToPB(a)})
}

func decodeAlertEvent(b []byte) (Envelope, palinsesto.Alert, error) {
	var m pb.AlertEvent
	return decodeEvent(b, &m, m.GetAlert, m.GetEnvelope, (*conv).alertFromPB)
}

func (c *conv) envelopeToPB(e Envelope) *pb.Envelope {
	return &pb.Envelope{
		Actor: actorToPB(e.Actor), At: c.stamp(e.At), CommandId: e.CommandID, Reason: prose(e.Reason), Trace: e.Trace,
	}
}

func (c *conv) envelopeFromPB(e *pb.Envelope) Envelope {
	return Envelope{
		Actor: actorFromPB(e.GetActor()), At: c.instant(e.GetAt()), CommandID: e.GetCommandId(),
		Reason: e.GetReason(), Trace: e.GetTrace(),
	}
}
