// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

func (c *conv) segToPB(s palinsesto.Segnalazione) *pb.Segnalazione {
	return &pb.Segnalazione{
		Id: s.ID, Centre: s.Centre, State: string(s.State), Version: s.Version,
		Content: c.contentToPB(s.Content), Channels: s.Channels, Marks: each(s.Marks, problemToPB),
		Similar: s.Similar, ContentHash: s.ContentHash, Author: actorToPB(s.Author),
		SubmittedAt: c.stamp(s.SubmittedAt), Revisers: s.Revisers, Reason: prose(s.Reason),
		Approval: c.approvalToPB(s.Approval), Ever: s.Ever,
	}
}

func (c *conv) segFromPB(s *pb.Segnalazione) palinsesto.Segnalazione {
	return palinsesto.Segnalazione{
		ID: s.GetId(), Centre: s.GetCentre(), State: palinsesto.SegState(s.GetState()), Version: s.GetVersion(),
		Content: c.contentFromPB(s.GetContent()), Channels: s.GetChannels(), Marks: each(s.GetMarks(), problemFromPB),
		Similar: s.GetSimilar(), ContentHash: s.GetContentHash(), Author: actorFromPB(s.GetAuthor()),
		SubmittedAt: c.instant(s.GetSubmittedAt()), Revisers: s.GetRevisers(), Reason: s.GetReason(),
		Approval: c.approvalFromPB(s.GetApproval()), Ever: s.GetEver(),
	}
}

func (c *conv) contentToPB(x palinsesto.Content) *pb.Content {
	return &pb.Content{
		Kind: string(x.Kind), Title: x.Title, Body: x.Body,
		StartsAt: c.written(x.StartsAt), EndsAt: c.written(x.EndsAt), ExpiresAt: c.written(x.ExpiresAt),
		Place: x.Place, Link: x.Link, ContactEmail: x.ContactEmail, Tags: x.Tags,
		Media: each(x.Media, c.mediaToPB), WantedChannels: x.WantedChannels,
	}
}

func (c *conv) contentFromPB(x *pb.Content) palinsesto.Content {
	return palinsesto.Content{
		Kind: palinsesto.Kind(x.GetKind()), Title: x.GetTitle(), Body: x.GetBody(),
		StartsAt: c.read(x.GetStartsAt()), EndsAt: c.read(x.GetEndsAt()), ExpiresAt: c.read(x.GetExpiresAt()),
		Place: x.GetPlace(), Link: x.GetLink(), ContactEmail: x.GetContactEmail(), Tags: x.GetTags(),
		Media: each(x.GetMedia(), c.mediaFromPB), WantedChannels: x.GetWantedChannels(),
	}
}

func (c *conv) approvalToPB(a *palinsesto.Approval) *pb.Approval {
	if a == nil {
		return nil
	}
	return &pb.Approval{
		By: actorToPB(a.By), At: c.stamp(a.At), Hash: a.Hash, Due: c.stamp(a.Due), Bend: a.Bend,
		Variants: each(a.Variants, c.variantToPB), SelfMade: a.SelfMade, Edits: each(a.Edits, c.editToPB),
	}
}

func (c *conv) approvalFromPB(a *pb.Approval) *palinsesto.Approval {
	if a == nil {
		return nil
	}
	return &palinsesto.Approval{
		By: actorFromPB(a.GetBy()), At: c.instant(a.GetAt()), Hash: a.GetHash(), Due: c.instant(a.GetDue()), Bend: a.GetBend(),
		Variants: each(a.GetVariants(), c.variantFromPB), SelfMade: a.GetSelfMade(), Edits: each(a.GetEdits(), c.editFromPB),
	}
}

func (c *conv) editToPB(e palinsesto.ApproverEdit) *pb.ApproverEdit {
	return &pb.ApproverEdit{Channel: e.Channel, What: e.What, DefaultHash: e.DefaultHash}
}

func (c *conv) editFromPB(e *pb.ApproverEdit) palinsesto.ApproverEdit {
	return palinsesto.ApproverEdit{Channel: e.GetChannel(), What: e.GetWhat(), DefaultHash: e.GetDefaultHash()}
}

func (c *conv) variantToPB(v palinsesto.Variant) *pb.Variant {
	return &pb.Variant{Channel: v.Channel, Network: v.Network, Parts: each(v.Parts, c.partToPB), Hash: v.Hash}
}

func (c *conv) variantFromPB(v *pb.Variant) palinsesto.Variant {
	return palinsesto.Variant{
		Channel: v.GetChannel(), Network: v.GetNetwork(), Parts: each(v.GetParts(), c.partFromPB), Hash: v.GetHash(),
	}
}

func (c *conv) partToPB(p palinsesto.Part) *pb.Part {
	return &pb.Part{Text: p.Text, Spans: each(p.Spans, c.spanToPB), Media: each(p.Media, c.mediaToPB), Preview: p.Preview}
}

func (c *conv) partFromPB(p *pb.Part) palinsesto.Part {
	return palinsesto.Part{
		Text: p.GetText(), Spans: each(p.GetSpans(), spanFromPB), Media: each(p.GetMedia(), c.mediaFromPB), Preview: p.GetPreview(),
	}
}

func (c *conv) spanToPB(s palinsesto.Span) *pb.Span {
	return &pb.Span{Kind: s.Kind, Offset: c.int32(s.Offset), Length: c.int32(s.Length), Url: s.URL}
}

func spanFromPB(s *pb.Span) palinsesto.Span {
	return palinsesto.Span{Kind: s.GetKind(), Offset: int(s.GetOffset()), Length: int(s.GetLength()), URL: s.GetUrl()}
}
