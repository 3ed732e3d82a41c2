// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

var submit = message[palinsesto.Submit, pb.SubmitCommand, *pb.SubmitCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.Submit) *pb.SubmitCommand {
		return &pb.SubmitCommand{Head: headToPB(x.Command), Key: x.Key, Document: x.Document}
	},
	from: func(_ *conv, m *pb.SubmitCommand) palinsesto.Submit {
		return palinsesto.Submit{Command: headFromPB(m.GetHead()), Key: m.GetKey(), Document: filled(m.GetDocument())}
	},
}

var revise = message[palinsesto.Revise, pb.ReviseCommand, *pb.ReviseCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.Revise) *pb.ReviseCommand {
		return &pb.ReviseCommand{
			Head: headToPB(x.Command), SegnalazioneId: x.SegnalazioneID, Version: x.Version,
			Document: x.Document, Reason: prose(x.Reason),
		}
	},
	from: func(_ *conv, m *pb.ReviseCommand) palinsesto.Revise {
		return palinsesto.Revise{
			Command: headFromPB(m.GetHead()), SegnalazioneID: m.GetSegnalazioneId(), Version: m.GetVersion(),
			Document: filled(m.GetDocument()), Reason: m.GetReason(),
		}
	},
}

var approve = message[palinsesto.Approve, pb.ApproveCommand, *pb.ApproveCommand]{
	limit: MaxPayload,
	to: func(c *conv, x palinsesto.Approve) *pb.ApproveCommand {
		return &pb.ApproveCommand{
			Head: headToPB(x.Command), SegnalazioneId: x.SegnalazioneID, Version: x.Version,
			Due: c.stamp(x.Due), Bend: x.Bend, Variants: each(x.Variants, c.variantToPB), Reason: prose(x.Reason),
		}
	},
	from: func(c *conv, m *pb.ApproveCommand) palinsesto.Approve {
		return palinsesto.Approve{
			Command: headFromPB(m.GetHead()), SegnalazioneID: m.GetSegnalazioneId(), Version: m.GetVersion(),
			Due: c.instant(m.GetDue()), Bend: m.GetBend(), Variants: each(m.GetVariants(), c.variantFromPB), Reason: m.GetReason(),
		}
	},
}

var decide = message[palinsesto.Decide, pb.DecideCommand, *pb.DecideCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.Decide) *pb.DecideCommand {
		return &pb.DecideCommand{
			Head: headToPB(x.Command), SegnalazioneId: x.SegnalazioneID, Version: x.Version, Reason: prose(x.Reason),
		}
	},
	from: func(_ *conv, m *pb.DecideCommand) palinsesto.Decide {
		return palinsesto.Decide{
			Command: headFromPB(m.GetHead()), SegnalazioneID: m.GetSegnalazioneId(), Version: m.GetVersion(), Reason: m.GetReason(),
		}
	},
}

var postCommand = message[palinsesto.PostCommand, pb.PostCommand, *pb.PostCommand]{
	limit: MaxPayload,
	to: func(c *conv, x palinsesto.PostCommand) *pb.PostCommand {
		return &pb.PostCommand{
			Head: headToPB(x.Command), PostId: x.PostID, Due: c.stamp(x.Due), Reason: prose(x.Reason),
			Outcome: x.Outcome, Link: x.Link,
		}
	},
	from: func(c *conv, m *pb.PostCommand) palinsesto.PostCommand {
		return palinsesto.PostCommand{
			Command: headFromPB(m.GetHead()), PostID: m.GetPostId(), Due: c.instant(m.GetDue()), Reason: m.GetReason(),
			Outcome: m.GetOutcome(), Link: m.GetLink(),
		}
	},
}

var requeueMany = message[palinsesto.RequeueMany, pb.RequeueManyCommand, *pb.RequeueManyCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.RequeueMany) *pb.RequeueManyCommand {
		return &pb.RequeueManyCommand{
			Head: headToPB(x.Command), Filter: filterToPB(x.Filter), Preview: x.Preview, Reason: prose(x.Reason),
		}
	},
	from: func(_ *conv, m *pb.RequeueManyCommand) palinsesto.RequeueMany {
		return palinsesto.RequeueMany{
			Command: headFromPB(m.GetHead()), Filter: filterFromPB(m.GetFilter()), Preview: m.GetPreview(), Reason: m.GetReason(),
		}
	},
}

var placeHold = message[palinsesto.PlaceHold, pb.PlaceHoldCommand, *pb.PlaceHoldCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.PlaceHold) *pb.PlaceHoldCommand {
		return &pb.PlaceHoldCommand{Head: headToPB(x.Command), Scope: string(x.Scope), Value: x.Value, Reason: prose(x.Reason)}
	},
	from: func(_ *conv, m *pb.PlaceHoldCommand) palinsesto.PlaceHold {
		return palinsesto.PlaceHold{
			Command: headFromPB(m.GetHead()), Scope: palinsesto.Scope(m.GetScope()), Value: m.GetValue(), Reason: m.GetReason(),
		}
	},
}

var liftHold = message[palinsesto.LiftHold, pb.LiftHoldCommand, *pb.LiftHoldCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.LiftHold) *pb.LiftHoldCommand {
		return &pb.LiftHoldCommand{Head: headToPB(x.Command), HoldId: x.HoldID, Reason: prose(x.Reason)}
	},
	from: func(_ *conv, m *pb.LiftHoldCommand) palinsesto.LiftHold {
		return palinsesto.LiftHold{Command: headFromPB(m.GetHead()), HoldID: m.GetHoldId(), Reason: m.GetReason()}
	},
}

var setChannel = message[palinsesto.SetChannel, pb.SetChannelCommand, *pb.SetChannelCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.SetChannel) *pb.SetChannelCommand {
		return &pb.SetChannelCommand{Head: headToPB(x.Command), Channel: x.Channel, Reason: prose(x.Reason)}
	},
	from: func(_ *conv, m *pb.SetChannelCommand) palinsesto.SetChannel {
		return palinsesto.SetChannel{Command: headFromPB(m.GetHead()), Channel: m.GetChannel(), Reason: m.GetReason()}
	},
}

var testChannel = message[palinsesto.TestChannel, pb.TestChannelCommand, *pb.TestChannelCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.TestChannel) *pb.TestChannelCommand {
		return &pb.TestChannelCommand{Head: headToPB(x.Command), Channel: x.Channel, Reason: prose(x.Reason), Keep: x.Keep}
	},
	from: func(_ *conv, m *pb.TestChannelCommand) palinsesto.TestChannel {
		return palinsesto.TestChannel{Command: headFromPB(m.GetHead()), Channel: m.GetChannel(), Reason: m.GetReason(), Keep: m.GetKeep()}
	},
}

var acceptMedia = message[palinsesto.AcceptMedia, pb.AcceptMediaCommand, *pb.AcceptMediaCommand]{
	limit: MaxPayload,
	to: func(_ *conv, x palinsesto.AcceptMedia) *pb.AcceptMediaCommand {
		return &pb.AcceptMediaCommand{Head: headToPB(x.Command), Upload: x.Upload, Filename: prose(x.Filename), Alt: prose(x.Alt)}
	},
	from: func(_ *conv, m *pb.AcceptMediaCommand) palinsesto.AcceptMedia {
		return palinsesto.AcceptMedia{
			Command: headFromPB(m.GetHead()), Upload: m.GetUpload(), Filename: m.GetFilename(), Alt: m.GetAlt(),
		}
	},
}

var deriveMedia = message[palinsesto.DeriveMedia, pb.DeriveMediaCommand, *pb.DeriveMediaCommand]{
	limit: MaxPayload,
	to: func(c *conv, x palinsesto.DeriveMedia) *pb.DeriveMediaCommand {
		return &pb.DeriveMediaCommand{Head: headToPB(x.Command), Media: c.mediaToPB(x.Media), Network: x.Network}
	},
	from: func(c *conv, m *pb.DeriveMediaCommand) palinsesto.DeriveMedia {
		return palinsesto.DeriveMedia{
			Command: headFromPB(m.GetHead()), Media: c.mediaFromPB(m.GetMedia()), Network: m.GetNetwork(),
		}
	},
}

func headToPB(c palinsesto.Command) *pb.CommandHead {
	return &pb.CommandHead{Id: c.ID, Actor: actorToPB(c.Actor), Trace: c.Trace}
}

func headFromPB(h *pb.CommandHead) palinsesto.Command {
	return palinsesto.Command{ID: h.GetId(), Actor: actorFromPB(h.GetActor()), Trace: h.GetTrace()}
}

func filterToPB(f palinsesto.PostFilter) *pb.PostFilter {
	return &pb.PostFilter{
		State: string(f.State), Channel: f.Channel, Centre: f.Centre, Cause: f.Cause, Segnalazione: f.Segnalazione,
	}
}

func filterFromPB(f *pb.PostFilter) palinsesto.PostFilter {
	return palinsesto.PostFilter{
		State: palinsesto.PostState(f.GetState()), Channel: f.GetChannel(), Centre: f.GetCentre(),
		Cause: f.GetCause(), Segnalazione: f.GetSegnalazione(),
	}
}

// filled gives nil for no bytes, as lists do.
func filled(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
