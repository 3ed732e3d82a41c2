// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

// SegReply is the state after a command on a segnalazione.
type SegReply struct {
	Segnalazione palinsesto.Segnalazione
	Seq          uint64   // on the log
	Created      bool     // false when the same command had been done before
	InFlight     []string // of withdraw: ids of posts that were being sent; their outcome is still to come
}

// PostReply is the state after a command on a post.
type PostReply struct {
	Post palinsesto.Post
	Seq  uint64
}

// ChannelReply is the state after a command on a channel.
type ChannelReply struct {
	Channel palinsesto.Channel
	Seq     uint64
}

// MediaReply is the file in the store, and what was taken out of it or changed.
type MediaReply struct {
	Media palinsesto.Media
	Notes []palinsesto.Problem
}

// EncodeSegReply writes the answer to submit, revise, approve and the other decisions.
func EncodeSegReply(x SegReply) ([]byte, error) { return segReply.encode(x) }

// DecodeSegReply reads what EncodeSegReply wrote.
func DecodeSegReply(b []byte) (SegReply, error) { return segReply.decode(b) }

// EncodePostReply writes the answer to requeue, cancel, resolve and remove.
func EncodePostReply(x PostReply) ([]byte, error) { return postReply.encode(x) }

// DecodePostReply reads what EncodePostReply wrote.
func DecodePostReply(b []byte) (PostReply, error) { return postReply.decode(b) }

// EncodeRequeued writes the answer to requeue-many: at most MaxRequeued lines surely fit.
func EncodeRequeued(x []palinsesto.Requeued) ([]byte, error) { return requeued.encode(x) }

// DecodeRequeued reads what EncodeRequeued wrote.
func DecodeRequeued(b []byte) ([]palinsesto.Requeued, error) { return requeued.decode(b) }

// EncodeStopped writes the answer to hold and lift.
func EncodeStopped(x palinsesto.Stopped) ([]byte, error) { return stopped.encode(x) }

// DecodeStopped reads what EncodeStopped wrote.
func DecodeStopped(b []byte) (palinsesto.Stopped, error) { return stopped.decode(b) }

// EncodeChannelReply writes the answer to pause, resume and reconnected.
func EncodeChannelReply(x ChannelReply) ([]byte, error) { return channelReply.encode(x) }

// DecodeChannelReply reads what EncodeChannelReply wrote.
func DecodeChannelReply(b []byte) (ChannelReply, error) { return channelReply.decode(b) }

// EncodeMediaReply writes the answer to accept and derive.
func EncodeMediaReply(x MediaReply) ([]byte, error) { return mediaReply.encode(x) }

// DecodeMediaReply reads what EncodeMediaReply wrote.
func DecodeMediaReply(b []byte) (MediaReply, error) { return mediaReply.decode(b) }

var segReply = message[SegReply, pb.SegnalazioneReply, *pb.SegnalazioneReply]{
	limit: maxReply,
	to: func(c *conv, x SegReply) *pb.SegnalazioneReply {
		return &pb.SegnalazioneReply{
			Segnalazione: c.segToPB(x.Segnalazione), Seq: x.Seq, Created: x.Created, InFlight: x.InFlight,
		}
	},
	from: func(c *conv, m *pb.SegnalazioneReply) SegReply {
		return SegReply{
			Segnalazione: c.segFromPB(m.GetSegnalazione()), Seq: m.GetSeq(), Created: m.GetCreated(), InFlight: m.GetInFlight(),
		}
	},
}

var postReply = message[PostReply, pb.PostReply, *pb.PostReply]{
	limit: maxReply,
	to: func(c *conv, x PostReply) *pb.PostReply {
		return &pb.PostReply{Post: c.postToPB(x.Post), Seq: x.Seq}
	},
	from: func(c *conv, m *pb.PostReply) PostReply {
		return PostReply{Post: c.postFromPB(m.GetPost()), Seq: m.GetSeq()}
	},
}

var requeued = message[[]palinsesto.Requeued, pb.RequeueManyReply, *pb.RequeueManyReply]{
	limit: maxReply,
	to: func(c *conv, x []palinsesto.Requeued) *pb.RequeueManyReply {
		return &pb.RequeueManyReply{Requeued: each(x, c.requeuedToPB)}
	},
	from: func(c *conv, m *pb.RequeueManyReply) []palinsesto.Requeued {
		return each(m.GetRequeued(), c.requeuedFromPB)
	},
}

var stopped = message[palinsesto.Stopped, pb.HoldReply, *pb.HoldReply]{
	limit: maxReply,
	to: func(c *conv, x palinsesto.Stopped) *pb.HoldReply {
		return &pb.HoldReply{Hold: c.holdToPB(x.Hold), InFlight: x.InFlight}
	},
	from: func(c *conv, m *pb.HoldReply) palinsesto.Stopped {
		return palinsesto.Stopped{Hold: c.holdFromPB(m.GetHold()), InFlight: m.GetInFlight()}
	},
}

var channelReply = message[ChannelReply, pb.ChannelReply, *pb.ChannelReply]{
	limit: maxReply,
	to: func(c *conv, x ChannelReply) *pb.ChannelReply {
		return &pb.ChannelReply{Channel: c.channelToPB(x.Channel), Seq: x.Seq}
	},
	from: func(c *conv, m *pb.ChannelReply) ChannelReply {
		return ChannelReply{Channel: c.channelFromPB(m.GetChannel()), Seq: m.GetSeq()}
	},
}

var mediaReply = message[MediaReply, pb.MediaReply, *pb.MediaReply]{
	limit: maxReply,
	to: func(c *conv, x MediaReply) *pb.MediaReply {
		return &pb.MediaReply{Media: c.mediaToPB(x.Media), Notes: each(x.Notes, problemToPB)}
	},
	from: func(c *conv, m *pb.MediaReply) MediaReply {
		return MediaReply{Media: c.mediaFromPB(m.GetMedia()), Notes: each(m.GetNotes(), problemFromPB)}
	},
}

func (c *conv) requeuedToPB(r palinsesto.Requeued) *pb.Requeued {
	return &pb.Requeued{Post: r.Post, Channel: r.Channel, Due: c.stamp(r.Due), Refused: prose(r.Refused), Title: prose(r.Title)}
}

func (c *conv) requeuedFromPB(r *pb.Requeued) palinsesto.Requeued {
	return palinsesto.Requeued{Post: r.GetPost(), Channel: r.GetChannel(), Due: c.instant(r.GetDue()), Refused: r.GetRefused(), Title: r.GetTitle()}
}
