// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

func (c *conv) postToPB(p palinsesto.Post) *pb.Post {
	return &pb.Post{
		Id: p.ID, Segnalazione: p.Segnalazione, Centre: p.Centre, Channel: p.Channel, Network: p.Network,
		Kind: string(p.Kind), Title: prose(p.Title), Occurrence: c.int32(p.Occurrence), State: string(p.State),
		Approved: p.Approved, Hash: p.Hash,
		Due: c.stamp(p.Due), FirstDue: c.stamp(p.FirstDue), Bend: p.Bend, Expires: c.stamp(p.Expires),
		Parts: each(p.Parts, partStateToPB), Attempt: c.attemptToPB(p.Attempt),
		Attempts: c.int32(p.Attempts), Retries: c.int32(p.Retries),
		Cause: p.Cause, Problem: prose(p.Problem), Hold: p.Hold, Link: prose(p.Link),
		PostedAt: c.stamp(p.PostedAt), Change: c.changeToPB(p.Change),
	}
}

func (c *conv) postFromPB(p *pb.Post) palinsesto.Post {
	return palinsesto.Post{
		ID: p.GetId(), Segnalazione: p.GetSegnalazione(), Centre: p.GetCentre(), Channel: p.GetChannel(), Network: p.GetNetwork(),
		Kind: palinsesto.Kind(p.GetKind()), Title: p.GetTitle(), Occurrence: int(p.GetOccurrence()),
		State: palinsesto.PostState(p.GetState()), Approved: p.GetApproved(), Hash: p.GetHash(),
		Due: c.instant(p.GetDue()), FirstDue: c.instant(p.GetFirstDue()), Bend: p.GetBend(), Expires: c.instant(p.GetExpires()),
		Parts: each(p.GetParts(), partStateFromPB), Attempt: c.attemptFromPB(p.GetAttempt()),
		Attempts: int(p.GetAttempts()), Retries: int(p.GetRetries()),
		Cause: p.GetCause(), Problem: p.GetProblem(), Hold: p.GetHold(), Link: p.GetLink(),
		PostedAt: c.instant(p.GetPostedAt()), Change: changeFromPB(p.GetChange()),
	}
}

func partStateToPB(p palinsesto.PartState) *pb.PartState {
	return &pb.PartState{Posted: p.Posted, RemoteIds: each(p.RemoteIDs, prose), Link: prose(p.Link)}
}

func partStateFromPB(p *pb.PartState) palinsesto.PartState {
	return palinsesto.PartState{Posted: p.GetPosted(), RemoteIDs: p.GetRemoteIds(), Link: p.GetLink()}
}

func (c *conv) attemptToPB(a *palinsesto.Attempt) *pb.Attempt {
	if a == nil {
		return nil
	}
	return &pb.Attempt{
		Number: c.int32(a.Number), Part: c.int32(a.Part), Key: a.Key, Hash: a.Hash, Worker: a.Worker,
		Intended: c.stamp(a.Intended), Lasts: lasting(a.Lasts), Verdict: a.Verdict, Status: c.int32(a.Status),
		Took: lasting(a.Took), Raw: prose(a.Raw), Settled: prose(a.Settled),
		Settlement: c.settlementToPB(a.Settlement), Check: c.checkToPB(a.Check),
	}
}

func (c *conv) attemptFromPB(a *pb.Attempt) *palinsesto.Attempt {
	if a == nil {
		return nil
	}
	return &palinsesto.Attempt{
		Number: int(a.GetNumber()), Part: int(a.GetPart()), Key: a.GetKey(), Hash: a.GetHash(), Worker: a.GetWorker(),
		Intended: c.instant(a.GetIntended()), Lasts: c.duration(a.GetLasts()), Verdict: a.GetVerdict(), Status: int(a.GetStatus()),
		Took: c.duration(a.GetTook()), Raw: a.GetRaw(), Settled: a.GetSettled(),
		Settlement: c.settlementFromPB(a.GetSettlement()), Check: c.checkFromPB(a.GetCheck()),
	}
}

func (c *conv) settlementToPB(s *palinsesto.Settlement) *pb.Settlement {
	if s == nil {
		return nil
	}
	return &pb.Settlement{By: string(s.By), At: c.stamp(s.At), Evidence: prose(s.Evidence)}
}

func (c *conv) settlementFromPB(s *pb.Settlement) *palinsesto.Settlement {
	if s == nil {
		return nil
	}
	return &palinsesto.Settlement{By: palinsesto.SettledBy(s.GetBy()), At: c.instant(s.GetAt()), Evidence: s.GetEvidence()}
}

func (c *conv) checkToPB(x *palinsesto.Check) *pb.Check {
	if x == nil {
		return nil
	}
	return &pb.Check{
		Number: c.int32(x.Number), Kind: x.Kind, Worker: x.Worker, At: c.stamp(x.At), Lasts: lasting(x.Lasts),
		Verdict: x.Verdict, Detail: prose(x.Detail),
	}
}

func (c *conv) checkFromPB(x *pb.Check) *palinsesto.Check {
	if x == nil {
		return nil
	}
	return &palinsesto.Check{
		Number: int(x.GetNumber()), Kind: x.GetKind(), Worker: x.GetWorker(), At: c.instant(x.GetAt()), Lasts: c.duration(x.GetLasts()),
		Verdict: x.GetVerdict(), Detail: x.GetDetail(),
	}
}

func (c *conv) changeToPB(x *palinsesto.Change) *pb.Change {
	if x == nil {
		return nil
	}
	return &pb.Change{
		Kind: x.Kind, Hash: x.Hash, By: actorToPB(x.By), Reason: prose(x.Reason), Tries: c.int32(x.Tries),
		Problem: prose(x.Problem), Cause: x.Cause,
	}
}

func changeFromPB(x *pb.Change) *palinsesto.Change {
	if x == nil {
		return nil
	}
	return &palinsesto.Change{
		Kind: x.GetKind(), Hash: x.GetHash(), By: actorFromPB(x.GetBy()), Reason: x.GetReason(), Tries: int(x.GetTries()),
		Problem: x.GetProblem(), Cause: x.GetCause(),
	}
}
